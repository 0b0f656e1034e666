"""`.. room:: stats_composer.score`: all public names of a module, classes and functions documented.

A room's `__all__` is the one list of its public names; pages name rooms, and so cannot miss one.
"""

import importlib
import inspect
import re

import numpy as np
from sphinx.util.docutils import SphinxDirective

__all__ = ["RoomDirective", "setup"]

_SHOWN = 600
# What is code is left as it is; a name that ends in an underscore is no reference.
_LEARNED = re.compile(r"(``[^`]*``|`[^`]*`|>>> .*)|\b(\w+)_(?![\w`])")


class RoomDirective(SphinxDirective):
    """Document the public names of a module; with names after it, these alone."""

    required_arguments = 1
    optional_arguments = 60
    final_argument_whitespace = False

    def run(self):
        """Return the nodes of autodoc's directives: classes, functions, constants."""
        name, *chosen = self.arguments
        room = importlib.import_module(name)
        public = chosen or sorted(room.__all__, key=str.lower)
        public.sort(key=lambda entry: not inspect.isclass(getattr(room, entry)))
        lines, constants = [f".. currentmodule:: {name}", ""], []
        for entry in public:
            value = getattr(room, entry)
            if inspect.isclass(value):
                lines += [f".. autoclass:: {entry}", "   :members:", ""]
            elif inspect.isroutine(value):
                lines += [f".. autofunction:: {entry}", ""]
            else:
                constants.append((entry, value))
        for entry, value in constants:
            lines += [f".. py:data:: {entry}", "", f"   ``{_shown(value)}``", ""]
        return self.parse_text_to_nodes("\n".join(lines))


def _shown(value):
    """Return a constant as it prints, on one line."""
    if isinstance(value, np.dtype) and value.names:
        value = ", ".join(f"{name} {value[name]}" for name in value.names)
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return (text if len(text) <= _SHOWN else text[:_SHOWN] + " ...") or "''"


def _escape_learned(app, what, name, obj, options, lines):
    """Escape the last underscore of names such as `weights_` in the words of a docstring."""
    lines[:] = [_LEARNED.sub(lambda m: m[1] or f"{m[2]}\\_", line) for line in lines]


def setup(app):
    """Register the directive."""
    app.add_directive("room", RoomDirective)
    app.connect("autodoc-process-docstring", _escape_learned, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
