"""The layers of the package, read off its syntax trees."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "stats_composer"
LAYERS = {
    "kernels": {"kernels"},
    "basis": {"kernels", "basis"},
    "music": {"kernels", "basis", "music"},
    "statistics": {"kernels", "basis", "statistics"},
    "composers": {"kernels", "basis", "music", "statistics", "composers"},
    "edge": {"kernels", "basis", "music", "statistics", "composers", "edge"},
}
HOME = {
    "kernels": "kernels",
    **dict.fromkeys(
        ["theory", "score", "factors", "ngrams", "errors", "files", "_version"], "basis"
    ),
    **dict.fromkeys(["encoding", "constraints", "render", "io", "views"], "music"),
    **dict.fromkeys(["models", "sampling", "modelfile"], "statistics"),
    **dict.fromkeys(["composers", "evaluation", "chords", "listening"], "composers"),
    **dict.fromkeys(["cli", "studio", "__main__"], "edge"),
}
THIRD_PARTIES = {
    "numba": {"kernels"},
    "sklearn": {"models", "chords", "encoding", "listening"},
    "music21": {"io"},
    "mido": {"io"},
    "verovio": {"render"},
    "matplotlib": {"render"},
    "typer": {"cli"},
}
# A score shows itself in a notebook: the one edge that runs up, taken only when asked.
UPWARD = {("score", "render")}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def stem(path: Path) -> str:
    """Name the top-level module or folder of a file."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path, top_level: bool = False) -> set[str]:
    """Collect the dotted names that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    home = stem(path)
    for name in imports(path):
        if not name.startswith("stats_composer."):
            continue
        target = name.split(".")[1]
        if target in HOME and (home, target) not in UPWARD:
            assert HOME[target] in LAYERS[HOME[home]], f"{home} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_third_parties_live_in_one_place(path):
    for name in imports(path):
        package = name.split(".")[0]
        if package in THIRD_PARTIES:
            assert stem(path) in THIRD_PARTIES[package], f"{path} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_when_used(path):
    heavy = {"sklearn", "music21", "matplotlib", "verovio", "scipy", "joblib"}
    assert not {name.split(".")[0] for name in imports(path, top_level=True)} & heavy


def test_every_module_has_a_layer():
    assert {stem(path) for path in MODULES} <= set(HOME)


def test_the_root_holds_rooms_and_little_else():
    loose = {path.stem for path in PACKAGE.glob("*.py")}
    assert loose == {"__init__", "__main__", "_version", "errors", "files", "modelfile"}


def room(path: Path) -> str:
    """Name the folder that a file stands in, or the file itself at the root."""
    parts = path.relative_to(PACKAGE).parts
    return ".".join(parts[:-1]) or path.stem


def rooms_of_imports(path: Path) -> set[str]:
    """Name the rooms of this package that a file imports, lazily or not."""
    found = set()
    for name in imports(path):
        parts = name.split(".")[1:]
        while parts and name.startswith("stats_composer."):
            if PACKAGE.joinpath(*parts).is_dir():
                found.add(".".join(parts))
                break
            if PACKAGE.joinpath(*parts[:-1], f"{parts[-1]}.py").is_file():
                found.add(room(PACKAGE.joinpath(*parts[:-1], f"{parts[-1]}.py")))
                break
            parts.pop()
    return found - {room(path)}


def test_no_circle_joins_the_rooms():
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        graph.setdefault(room(path), set()).update(rooms_of_imports(path))
    for source, target in UPWARD:
        graph[source].discard(target)
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_nothing_loads_code_from_files():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for word in ("import pickle", "joblib.load", "allow_pickle=True", "eval(", "shell=True"):
            assert word not in text, f"{path}: {word}"
