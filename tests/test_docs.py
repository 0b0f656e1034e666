"""The documentation: chapters of one shape, a reference without gaps, formulas and their lines."""

import ast
import importlib
import inspect
import pkgutil
import re
from itertools import pairwise
from pathlib import Path

import pytest

import stats_composer

ROOT = Path(__file__).parent.parent
DOCS, PACKAGE = ROOT / "docs", ROOT / "stats_composer"
CHAPTERS = sorted((DOCS / "course").glob("[01]*.py"))
SECTIONS = (
    *("Definition", "By hand", "A real example", "The library's call", "Theorem"),
    *("The experiment", "Exercises", "Sources"),
)
NUMBER = re.compile(r"\((\d{1,2})\)")
FORMULA = re.compile(r"\S {3,}\((\d{1,2})\)[.,;]?$")
ELSEWHERE = re.compile(r"\((\d{1,2})\) of `(?:[a-z_]+[./])*?([a-z_]+)(?:\.py)?`")
# Rooms that only the package itself enters.
INNER = {"cli", "kernels", "__main__", "_version"}


# ---- the course ------------------------------------------------------------------------------


def cells(chapter):
    """Return the cells of a script: (header, text), prose without its comment signs."""
    parts = re.split(r"^# %%(.*)$", chapter.read_text(encoding="utf-8"), flags=re.M)[1:]
    found = []
    for header, text in zip(parts[::2], parts[1::2], strict=True):
        prose = "[markdown]" in header
        found.append((header, re.sub(r"^# ?", "", text, flags=re.M) if prose else text))
    return found


def test_there_are_ten_chapters():
    assert [int(chapter.stem[:2]) for chapter in CHAPTERS] == list(range(1, 11))
    index = (DOCS / "course" / "index.md").read_text(encoding="utf-8")
    assert all(f"\n{chapter.stem}\n" in index for chapter in CHAPTERS)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapters_have_one_shape(chapter):
    prose = "\n".join(text for header, text in cells(chapter) if "[markdown]" in header)
    headings = re.findall(r"^## (.*)$", prose, re.M)
    for section in SECTIONS:
        assert any(heading.startswith(section) for heading in headings), section
    assert headings[0] == "Definition" and headings[-2:] == ["Exercises", "Sources"]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_each_exercise_has_a_folded_solution_that_checks_itself(chapter):
    told = cells(chapter)
    number = 0
    for (_, text), (header, solution) in pairwise(told):
        found = re.search(r"^\*\*(\d)\.\*\* ", text, re.M)
        if found:
            number += 1
            assert int(found[1]) == number
            assert 'tags=["hide-cell"]' in header, text
            checks = [n for n in ast.walk(ast.parse(solution)) if isinstance(n, ast.Assert)]
            assert checks, f"exercise {number} asserts nothing"
    assert number == 3


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapters_use_public_names_and_name_modules_that_there_are(chapter):
    script = chapter.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stats_composer"):
            home = importlib.import_module(node.module)
            assert {alias.name for alias in node.names} <= set(home.__all__), node.module
        if isinstance(node, ast.Attribute):
            assert not re.match("_[^_]", node.attr), f"line {node.lineno}: {node.attr}"
    sources = cells(chapter)[-1][1].replace("\n", " ")
    named = re.findall(r"`((?:[a-z_0-9]+\.)+[A-Za-z_0-9]+)`", sources)
    assert named, "no module named"
    for name in named:
        pkgutil.resolve_name(f"stats_composer.{name}")


def formula_table(chapter):
    """Return what the last table of a chapter says: number of a formula to what computes it."""
    rows = re.findall(r"^\| \((\d)\) \| (.*) \|$", cells(chapter)[-1][1], re.M)
    return {int(number): told for number, told in rows}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_each_formula_of_a_chapter_names_what_computes_it(chapter):
    """A function of the package, with the number that its line bears, or one of the chapter."""
    script = chapter.read_text(encoding="utf-8")
    table = formula_table(chapter)
    assert list(table) == [int(n) for n in re.findall(r"\\tag\{(\d)\}", script)]
    own = {n.id for n in ast.walk(ast.parse(script)) if isinstance(n, ast.Name)}
    own |= {n.name for n in ast.walk(ast.parse(script)) if isinstance(n, ast.FunctionDef)}
    for told in table.values():
        found = re.findall(r"(by hand )?`([\w.]+)`(?:, (?:whose \w+ is )?its \((\d)\))?", told)
        assert found, told
        for by_hand, name, number in found:
            if "." not in name:
                assert name in own, told
                continue
            assert not by_hand
            value = pkgutil.resolve_name(f"stats_composer.{name}")
            value = inspect.unwrap(getattr(value, "py_func", value))
            if number:
                assert f"({number})" in inspect.getsource(value), told
                assert int(number) in numbered(Path(inspect.getfile(value)))[0], told


def test_ideas_of_the_design_are_computed_in_the_chapters_they_name():
    design = (DOCS / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| (`[^|]+`) \| ([^|]*course/[^|]*) \|$", design, re.M)
    assert len(rows) == len(CHAPTERS)
    for modules, chapters in rows:
        told = "".join(
            cells(DOCS / "course" / f"{stem}.py")[-1][1]
            for stem in re.findall(r"course/(\w+)", chapters)
        )
        for name in re.findall(r"`([\w.]+)`", modules):
            assert f"`{name}" in told, f"{name} is not named in {chapters}"


# ---- the reference ---------------------------------------------------------------------------


def rooms(package=stats_composer):
    """Return the modules whose `__all__` is public."""
    found = []
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if info.name.split(".")[1] not in INNER:
            module = importlib.import_module(info.name)
            found += [module] if hasattr(module, "__all__") else rooms(module)
    return found


def test_every_room_is_on_one_page_of_the_reference():
    pages = "".join(path.read_text(encoding="utf-8") for path in DOCS.glob("reference/*.rst"))
    told = re.findall(r"^\.\. room:: (\S+)$", pages, re.M)
    assert len(told) == len(set(told))
    assert {room.__name__ for room in rooms()} <= set(told)


# ---- formulas --------------------------------------------------------------------------------


def numbered(path):
    """Return the numbers of a module's formulas, and those that its lines name."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree, clean=False) or ""
    told = {int(n) for line in docstring.splitlines() for n in FORMULA.findall(line.rstrip())}
    rest = text.replace(docstring, "", 1)
    named = {int(n) for comment in re.findall(r"#(.*)", rest) for n in NUMBER.findall(comment)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            named |= {int(n) for n in NUMBER.findall(ast.get_docstring(node) or "")}
    return told, named


def test_each_formula_is_named_where_it_is_computed():
    elsewhere = {}
    for path in PACKAGE.rglob("*.py"):
        for number, stem in ELSEWHERE.findall(path.read_text(encoding="utf-8")):
            elsewhere.setdefault(stem, set()).add(int(number))
    lost = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        told, named = numbered(path)
        missing = told - named - elsewhere.get(path.stem, set())
        if missing:
            lost[str(path.relative_to(PACKAGE))] = sorted(missing)
    assert not lost


def test_each_number_at_a_line_is_a_formula_that_is_told():
    """A comment that ends in a number and names no other module means the module's own."""
    lost = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        told = {int(n) for n in re.findall(r" \((\d{1,2})\)[.,;:]?(?:\s|$)", text.split('"""')[1])}
        for line in text.splitlines():
            found = re.search(r"#.*\((\d{1,2})\)$", line)
            if found and int(found[1]) not in told:
                lost.append(f"{path.relative_to(PACKAGE)}: {line.strip()}")
    assert not lost
