"""Every public name is described: its parameters, what it raises, an example that is run.

The public names are those of the rooms' `__all__`, which the reference lists; examples are run as
doctests, with the tests. A method is described with its class or where a base class declares it.
"""

import ast
import inspect
import re
import textwrap

from test_docs import rooms


def public_names():
    """Return (name, value) of each class and function that a room makes public, once."""
    found = {}
    for room in rooms():
        for name in room.__all__:
            value = getattr(room, name)
            if inspect.isclass(value) or inspect.isroutine(value):
                found.setdefault(id(value), (f"{room.__name__.partition('.')[2]}.{name}", value))
    return list(found.values())


def function(member):
    """Return the function in a method or property, or None."""
    if isinstance(member, property):
        return member.fget
    member = getattr(member, "__func__", member)
    return member if inspect.isfunction(member) else None


def methods():
    """Return (name, class, function) of each public method and property."""
    for name, value in public_names():
        if inspect.isclass(value):
            for key, member in vars(value).items():
                if not key.startswith("_") and function(member):
                    yield f"{name}.{key}", value, function(member)


NAMES = dict(public_names())
METHODS = {name: (home, member) for name, home, member in methods()}


def words(name):
    """Return all that is told of a name: by its bases too, and for a method by its class."""
    home, member = METHODS.get(name, (NAMES.get(name), None))
    told = [home, *getattr(home, "__mro__", ())]
    if member:
        told += [function(vars(base).get(member.__name__)) for base in home.__mro__]
    return "\n".join(entry.__doc__ or "" for entry in told if entry not in (None, object))


def parameters(value):
    if inspect.isclass(value) and (
        getattr(value, "_is_protocol", False) or issubclass(value, Exception)
    ):
        return []
    return [p for p in inspect.signature(value).parameters if p not in {"self", "cls"}]


def raises(value):
    """Return whether a function's own lines raise, save for what is not built."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(value)))
    except (OSError, TypeError):
        return False
    return any(
        isinstance(node, ast.Raise) and node.exc and "NotImplemented" not in ast.unparse(node.exc)
        for node in ast.walk(tree)
    )


def gaps(name):
    """Return what a name's docstring lacks."""
    value = NAMES[name] if name in NAMES else METHODS[name][1]
    told = words(name)
    found = [p for p in parameters(value) if not re.search(rf"\b{p}\b", told)]
    if name in NAMES and ">>>" not in (value.__doc__ or ""):
        found.append("an example")
    if not inspect.isclass(value) and raises(value) and "raise" not in told.lower():
        found.append("what it raises")
    return found


def test_public_names_are_described():
    lacking = {name: gaps(name) for name in [*NAMES, *METHODS]}
    assert not {name: found for name, found in lacking.items() if found}


def test_no_section_of_a_docstring_is_there_twice():
    twice = re.compile(r"^( *)(\w+)\n\1-{4,}$.*^\1\2\n\1-{4,}$", re.M | re.S)
    entries = [*NAMES.values(), *(member for _, member in METHODS.values())]
    assert not [entry for entry in entries if twice.search(entry.__doc__ or "")]
