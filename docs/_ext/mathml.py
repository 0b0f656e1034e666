"""Formulas as MathML, by docutils' own converter: no script, no font, no network."""

import re

from docutils.nodes import SkipNode
from docutils.utils.math import MathError, latex2mathml

__all__ = ["setup"]

_TAG = re.compile(r"\\tag\{([^}]*)\}")
_FRACTION = re.compile(r"(\\[dt]?frac)(\w)(\w)")  # its terms are single signs, as in `\frac14`

# A function and what it is applied to, where no bracket parts them.
_APPLIED = re.compile(r"(<mo>&ApplyFunction;</mo>)(?!\s*(<mrow>\s*)?<mo[^>]*>[(\[])")


def _convert(node, text, as_block):
    text = _FRACTION.sub(r"\1{\2}{\3}", text)  # the converter takes 14 for one number
    try:
        converted = latex2mathml.tex2mathml(text, as_block=as_block)
    except MathError as error:
        raise ValueError(f"{node.source}:{node.line}: {error} in {text}") from error
    return _APPLIED.sub(r'\1<mspace width="0.1667em"></mspace>', converted)


def _inline(self, node):
    self.body.append(_convert(node, node.astext(), False))
    raise SkipNode


def _block(self, node):
    """Set a formula on its own line, and its tag, its number, at the right."""
    text = node.astext()
    number = "".join(f'<span class="eqno">({tag})</span>' for tag in _TAG.findall(text))
    self.body.append(f'<div class="math">{number}{_convert(node, _TAG.sub("", text), True)}</div>')
    raise SkipNode


def setup(app):
    """Tell Sphinx of the renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
