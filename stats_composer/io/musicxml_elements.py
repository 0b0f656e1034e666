"""Writing the elements of MusicXML that stand at notes and between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

from stats_composer.io.layout_marks import WEDGES, Direction
from stats_composer.io.musicxml_marks import JUMP_WORDS
from stats_composer.io.notation import Sign, SpanEnd

__all__ = ["direction_element", "jump_element", "notations", "tempo_element", "value_elements"]

_FAMILIES = {
    "articulations": "accent strong-accent staccato tenuto detached-legato staccatissimo spiccato"
    " scoop plop doit falloff breath-mark caesura stress unstress soft-accent",
    "ornaments": "trill-mark turn delayed-turn inverted-turn delayed-inverted-turn vertical-turn"
    " inverted-vertical-turn shake mordent inverted-mordent schleifer tremolo haydn",
    "technical": "up-bow down-bow harmonic open-string thumb-position fingering pluck double-tongue"
    " triple-tongue stopped snap-pizzicato fret string bend tap heel toe fingernails hole arrow"
    " handbell brass-bend flip smear open half-muted harmon-mute golpe",
}
_FAMILY = {kind: family for family, kinds in _FAMILIES.items() for kind in kinds.split()}
_SPAN_FAMILY = dict.fromkeys(("wavy-line", "tremolo"), "ornaments") | dict.fromkeys(
    ("hammer-on", "pull-off"), "technical"
)
_DYNAMICS = frozenset(
    (
        *("n", "pppppp", "ppppp", "pppp", "ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "ffff"),
        *("fffff", "ffffff", "sf", "sfp", "sfpp", "fp", "rf", "rfz", "sfz", "sffz", "fz", "pf"),
        "sfzp",
    )
)
Clean = Callable[[str], str]


def notations(sign: Sign, index: int, tied: str, clean: Clean) -> str:
    """Write the notations of the note of a chord, most of which its first one bears."""
    inside = tied
    if index == 0:
        inside += "".join(f'<tuplet type="{kind}"/>' for kind in sign.tuplet)
        inside += '<fermata type="upright"/>' if sign.fermata else ""
        inside += "".join(_span_end(end, clean) for end in sign.ends)
        for family in (*_FAMILIES, ""):
            found = [mark for mark in sign.marks if _family(mark[0]) == family]
            text = "".join(_mark(kind, words, clean) for kind, words in found)
            inside += f"<{family}>{text}</{family}>" if text and family else text
    return f"<notations>{inside}</notations>" if inside else ""


def _family(kind: str) -> str:
    if kind in ("arpeggiate", "non-arpeggiate", "accidental-mark"):
        return ""
    return _FAMILY.get(kind, "articulations")


def _mark(kind: str, text: str, clean: Clean) -> str:
    if kind in ("arpeggiate", "non-arpeggiate"):
        name = "direction" if kind == "arpeggiate" else "type"
        told = f' {name}="{clean(text)}"' if text else ""
        return f"<{kind}{told}/>"
    if kind not in _FAMILY and kind != "accidental-mark":
        return f"<other-articulation>{clean(kind)}</other-articulation>"
    return f"<{kind}>{clean(text)}</{kind}>" if text else f"<{kind}/>"


def _span_end(end: SpanEnd, clean: Clean) -> str:
    family, kind, text = _SPAN_FAMILY.get(end.kind, ""), end.kind, clean(end.text)
    number = f' number="{end.number}"'
    if kind not in _SPAN_FAMILY and kind not in ("slur", "glissando", "slide"):
        kind, text = "other-notation", clean(kind)
    inside = text if end.way == "start" or kind in ("other-notation", "tremolo") else ""
    element = f'<{kind} type="{end.way}"{number}>{inside}</{kind}>'.replace(f"></{kind}>", "/>")
    return f"<{family}>{element}</{family}>" if family else element


def direction_element(row: Direction, offset: int, place: str, clean: Clean) -> str:
    """Write a direction.

    Parameters
    ----------
    row : Direction
    offset : int
        Ticks after the place in the bar where the element is put.
    place : str
        Its voice and staff, as elements.
    clean : callable
        Escapes a text.
    """
    text = clean(row.text)
    if row.end is not None:
        kind, side = _held(row.end), "below"
    elif row.kind == "dynamics":
        sign = f"<{text}/>" if text in _DYNAMICS else f"<other-dynamics>{text}</other-dynamics>"
        kind, side = f"<dynamics>{sign}</dynamics>", "below"
    elif row.kind == "words":
        kind, side = f"<words>{text}</words>", "above"
    else:
        kind, side = f"<other-direction>{text}</other-direction>", "above"
    return _direction(kind, side, (f"<offset>{offset}</offset>" if offset else "") + place)


def _held(end: SpanEnd) -> str:
    kind, way, number = end.kind, end.way, f' number="{end.number}"'
    if kind in WEDGES:
        return f'<wedge type="{kind if way == "start" else way}"{number}/>'
    if kind == "octave-shift":
        down, _, size = end.text.partition(" ")
        told = f' size="{escape(size)}"' if size else ""
        return f'<octave-shift type="{down if way == "start" else way}"{told}{number}/>'
    if kind == "pedal":
        return f'<pedal type="{(end.text or way) if way == "start" else way}"{number}/>'
    line_end = ' line-end="none"' if kind == "bracket" else ""
    return f'<{kind} type="{way}"{line_end}{number}/>'


def _direction(kind: str, side: str, more: str) -> str:
    return (
        f'<direction placement="{side}"><direction-type>{kind}</direction-type>{more}</direction>'
    )


def jump_element(kind: str, label: str, tail: str, has_words: bool, clean: Clean) -> str:
    """Write a jump as a sign or as words, and as a sound.

    Parameters
    ----------
    kind, label : str
        As the table of jumps has them.
    tail : str
        What D.C. and D.S. go on to.
    has_words : bool
        Whether the score has words that say it already.
    clean : callable
    """
    label = clean(label).replace('"', "&quot;")
    if kind == "section":
        return _direction(f"<rehearsal>{label}</rehearsal>", "above", "")
    if kind in ("segno", "coda"):
        sound = f'<sound {kind}="{label}"/>' if label else ""
        return _direction(f"<{kind}/>", "above", sound)
    name = {"D.C.": "dacapo", "D.S.": "dalsegno", "to coda": "tocoda"}.get(kind, kind)
    named = kind in ("D.S.", "to coda")
    sound = f'<sound {name}="{label or name.removeprefix("dal").removeprefix("to")}"/>'
    sound = sound if named else f'<sound {name}="yes"/>'
    if has_words:
        return sound
    if named and not label:
        sound = ""
    words = JUMP_WORDS[kind] + (tail if kind.startswith("D.") else "")
    return _direction(f"<words>{words}</words>", "above", sound)


def tempo_element(tempo: str, shown: tuple[bool, str], offset: int) -> str:
    """Write a tempo: `shown` is whether dotted quarters are counted, and how many."""
    dot = "<beat-unit-dot/>" if shown[0] else ""
    place = f'<offset sound="yes">{offset}</offset>' if offset else ""
    return (
        '<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
        f"{dot}<per-minute>{shown[1]}</per-minute></metronome></direction-type>"
        f'{place}<sound tempo="{tempo}"/></direction>'
    )


def value_elements(sign: Sign) -> tuple[str, str]:
    """Write type and dots, and the ratio of a tuplet."""
    value = sign.value
    if value is None:
        return "", ""
    ratio = ""
    if value.actual != value.normal:
        ratio = (
            f"<time-modification><actual-notes>{value.actual}</actual-notes>"
            f"<normal-notes>{value.normal}</normal-notes></time-modification>"
        )
    return f"<type>{value.type}</type>" + "<dot/>" * value.dots, ratio


def span_kinds(directions: Iterable[Direction]) -> set[str]:
    """List the kinds of the spans among directions."""
    return {row.kind for row in directions if row.end is not None}
