"""What a frame model looks at: its templates, and what gates its mixture.

A template is written as its atoms (`kernels/atoms.py`), for gaps with the atom that the next
note is relative to, and with the template whose estimate stands behind its own where it was
seldom met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stats_composer.kernels.atoms import ATOMS, GATE_SIZE

__all__ = ["GAP_TEMPLATES", "GATES", "KEY_TEMPLATES", "Template", "check_templates"]


class Template(NamedTuple):
    """A context.

    Attributes
    ----------
    atoms : str
        Their names, with spaces.
    relative_to : str
        The atom that the next note is relative to; empty: the note as such.
    parent : str
        The name of a template before it; empty: the root.
    sides : str
        "l" where it is counted over the training pieces, "s" over the piece itself, "ls".

    Examples
    --------
    >>> Template("below@0 place", relative_to="below@0", parent="place")
    Template(atoms='below@0 place', relative_to='below@0', parent='place', sides='l')
    """

    atoms: str
    relative_to: str = ""
    parent: str = ""
    sides: str = "l"


T = Template
KEY_TEMPLATES = {
    "root": T("on1 run near2 seen left", sides="l"),
    "pitch": T("pitch on1 past2", sides="ls"),
    "past16": T("past16 seen"),
    "run ahead": T("run seen left ahead", sides="ls"),
    "pitch past4": T("pitch past4 count", sides="ls"),
    "near12": T("near12 seen", sides="ls"),
    "near5 5": T("near5 near5_2 seen", sides="ls"),
    "near3 3 3": T("near3 near3_2 near3_3 seen", sides="ls"),
    "set below": T("set_below seen run", sides="ls"),
    "set degree": T("set_below degree on1", sides="ls"),
    "set below 1": T("set_below set1 on1", sides="ls"),
    "set 1 2": T("set1 set2 set_below from_last", sides="ls"),
    "set recent": T("set_recent set_below on1", sides="ls"),
    "lasts": T("from_last from_last2 on1 ahead", sides="ls"),
    "behind": T("from_last ahead seen behind", sides="ls"),
    "behind pitch": T("from_last ahead behind pitch on1", sides="ls"),
    "time16": T("pitch time16 on1 seen", sides="ls"),
    "time8": T("time8 run seen", sides="ls"),
    "time12": T("time12 run seen", sides="ls"),
    "onsets": T("onsets run seen", sides="ls"),
    "onsets duration": T("onsets run duration on1"),
    "own": T("rank from_own on1 own_step1", sides="ls"),
    "own degree": T("rank from_own degree on1", sides="ls"),
    "at lags": T("at_lags on1 seen", sides="ls"),
    "lagged": T("lagged on1 lag_miss"),
    "matched": T("matched match match_miss on1 seen"),
    "aligned": T("aligned vote aligned_miss on1"),
    "aligned run": T("aligned vote aligned_miss run seen ahead"),
    "places": T("matched match match_miss aligned vote lagged on1"),
    "used": T("pitch used on1 seen"),
    "used class": T("used used_class on1 seen count"),
    "run time16": T("run time16 seen", sides="ls"),
    "onsets time8": T("onsets time8 seen on1", sides="ls"),
    "own run": T("rank from_own run seen"),
    "degree run": T("degree run seen set_below"),
    "past8 time4": T("past8 time4 seen left", sides="ls"),
    "metre run": T("metre run seen", sides="ls"),
    "metre onsets": T("metre top_onsets on1 seen left"),
    "metre pitch": T("metre pitch on1 seen bar4", sides="ls"),
    "metre chords": T("metre chord_age chord_age2 on1 seen left"),
    "tune matched": T("tune_matched tune_match steps_match on1 seen"),
    "octaves": T("octaves from_last on1", sides="ls"),
    "octaves parallel": T("octaves parallel on1 seen left"),
    "parallel": T("parallel from_last run seen"),
    "class age": T("class_age run seen"),
    "fresh": T("fresh fresh_class run seen"),
    "fresh used": T("fresh_class used_class degree on1 fresh"),
    "set 8": T("set8 on1 class_age", sides="ls"),
    "set 8 below": T("set8 set_below on1"),
    "moved": T("moved moved_far on1 seen"),
    "moved side": T("moved moved_side moved_far used_class on1"),
    "moved vote": T("moved moved_far vote aligned on1 seen"),
    "rhythm": T("rhythm on1 seen left"),
    "rhythm run": T("rhythm run seen", sides="ls"),
    "pace": T("pace trust vote on1 seen"),
    "pace run": T("pace run seen metre"),
    "vote fresh": T("vote used fresh on1 seen"),
    "past8 near3": T("past8 near3 near3_2 seen", sides="ls"),
}
GAP_TEMPLATES = {
    "rank": T("rank count1 mode"),
    "time": T("rank count1 time4 start mode", "", "rank"),
    "own": T("rank own1 start", "", "rank", "ls"),
    "own time": T("rank own1 mode time4 start", "", "own"),
    "own 2": T("rank own1 own2", "", "own", "ls"),
    "own 3": T("rank own1 own2 own3", "", "own 2"),
    "own 4": T("rank own1 own2 own3 own4 mode", "", "own 3"),
    "bass": T("rank bass", "", "rank"),
    "last": T("rank last", "", "rank"),
    "outer": T("rank top bass", "", "bass"),
    "sofar": T("rank sofar", "", "last", "ls"),
    "sofar time": T("rank sofar mode time4", "", "sofar"),
    "sofar own": T("rank sofar own1", "", "sofar"),
    "sofar own key": T("rank sofar own1 key", "", "sofar own"),
    "sofar own 2": T("rank sofar own1 own2", "", "sofar own"),
    "bass own": T("rank bass own1 bass1", "", "bass"),
    "last own": T("rank last own1 last_move", "", "last", "ls"),
    "top own": T("rank top own1 top1", "", "own"),
    "outer own": T("rank top bass top1 bass1", "", "outer"),
    "voices": T("rank voices1", "", "own", "ls"),
    "voices time": T("rank voices1 mode time4", "", "voices"),
    "voices bass": T("rank voices1 bass", "", "voices"),
    "voices sofar": T("rank voices1 sofar", "", "sofar own", "ls"),
    "voices sofar time": T("rank voices1 sofar time4", "", "voices sofar"),
    "voices 2 sofar": T("rank voices1 voices2 sofar", "", "voices sofar", "ls"),
    "voices 2p sofar": T("rank voices1 classes2 bass2 sofar", "", "voices sofar"),
    "voices 3 sofar": T("rank voices1 voices2 voices3 sofar", "", "voices 2 sofar"),
    "voices 4 sofar": T("rank voices1 voices2 voices3 voices4 sofar", "", "voices 3 sofar"),
    "voices 2": T("rank voices1 voices2", "", "own"),
    "classes sofar": T("rank classes1 sofar", "", "sofar"),
    "classes": T("rank classes1 bass_class1 sofar_classes last_class", "", "sofar", "ls"),
    "classes own": T("rank classes1 bass_class1 sofar_classes last_class own1", "", "classes"),
    "classes 2 own": T(
        "rank classes1 bass_class1 sofar_classes last_class own1 classes2", "", "classes own"
    ),
    "below own": T("rank sofar_classes last_class own1", "", "own"),
    "frames 1": T("frames1 sofar", "", "sofar own", "ls"),
    "frames 2": T("frames2 sofar", "", "frames 1", "ls"),
    "frames 3": T("frames3 sofar", "", "frames 2", "ls"),
    "frames 4": T("frames4 sofar", "", "frames 3"),
    "frames 6": T("frames6 sofar", "", "frames 4"),
    "step": T("rank own_step1 start", "own1", "own", "ls"),
    "step 2": T("rank own_step1 own_step2 mode", "own1", "step", "ls"),
    "degree": T("rank own_degree mode own_step1", "own1", "step"),
    "shape": T("rank sofar_shape", "own1", "step", "ls"),
    "shape moves": T("rank sofar_shape moves", "own1", "shape", "ls"),
    "shape own": T("rank sofar_shape own_shape1", "own1", "shape moves", "ls"),
    "shape own 2": T("rank sofar_shape own_shape1 own_shape2", "own1", "shape own"),
    "shape degree": T("rank sofar_shape own_degree mode", "own1", "shape"),
    "own shape": T("rank own_shape1", "own1", "step"),
    "own shape moves": T("rank own_shape1 moves own_class", "own1", "own shape", "ls"),
    "moves": T("rank moves own_step1", "own1", "step"),
    "above bass": T("rank sofar_bass", "bass", "shape"),
    "above bass key": T("rank sofar_bass bass_class mode", "bass", "above bass"),
    "above bass degree": T("rank sofar_bass bass_degree mode", "bass", "above bass"),
    "above bass shape": T("rank sofar_bass bass_shape1", "bass", "above bass"),
    "next": T("rank count1 last_move", "next1", "own"),
    "own onsets": T("rank own1 onsets", "", "own", "ls"),
    "voices sofar onsets": T("rank voices1 sofar onsets", "", "voices sofar"),
    "classes 2": T("rank classes1 classes2 bass_class1 sofar_classes last_class", "", "classes"),
    "own time8": T("rank own1 own2 time8", "", "own 2"),
    "last own step": T("rank last own1 own_step1", "", "last own"),
    "outer moves": T("rank top_move last_move own_step1", "own1", "step", "ls"),
    "frames 4 short": T("frames4 sofar", "", "frames 3", "s"),
    "voices 3 short": T("rank voices1 voices2 voices3 sofar", "", "voices 2 sofar", "s"),
    "moves degree": T("rank moves own_degree bass_degree mode", "own1", "moves"),
    "shape degrees": T("rank bass_degree own_degree sofar_shape", "own1", "shape"),
    "expected": T("match agree", "expected", "own"),
    "expected rank": T("match agree rank moves", "expected", "expected"),
    "metre own": T("rank own1 metre", "", "own"),
    "metre own 2": T("rank own1 own2 metre", "", "metre own"),
    "metre own sofar": T("rank own1 sofar metre", "", "sofar own"),
    "metre own sofar 2": T("rank own1 own2 sofar metre top_run", "", "metre own sofar"),
    "chord age": T("rank voices1 sofar chord_age chord_age2 metre", "", "voices sofar"),
    "chord age own": T("rank own1 sofar chord_age bar4", "", "sofar own"),
    "tops 4": T("rank tops4", "", "own 2", "ls"),
    "tops 6": T("rank tops6", "", "tops 4", "ls"),
    "tops 8": T("rank tops8", "", "tops 6", "ls"),
    "tops 2 metre": T("rank tops2 top_run metre sofar", "", "metre own sofar"),
    "tops 3 sofar": T("rank tops3 sofar", "", "sofar own 2", "ls"),
    "tops 4 sofar metre": T("rank tops4 sofar metre", "", "tops 3 sofar"),
    "steps 4": T("rank steps4", "own1", "step 2", "ls"),
    "steps 6": T("rank steps6", "own1", "steps 4", "ls"),
    "steps 3 metre": T("rank steps3 metre sofar_shape", "own1", "shape"),
    "tune 2": T("rank tune1 tune2 top_run", "", "own"),
    "tune 3": T("rank tune1 tune2 tune3 top_run", "", "tune 2"),
    "tune 4": T("rank tune1 tune2 tune3 tune4 top_run", "", "tune 3"),
    "tune 2 sofar metre": T("rank tune1 tune2 top_run sofar metre", "", "sofar own"),
    "tune 3 sofar metre": T("rank tune1 tune2 tune3 top_run sofar metre", "", "tune 2 sofar metre"),
    "rhythm": T("rank own1 top_onsets metre", "", "metre own"),
    "tune expected": T("rank tune_match", "tune_expected", "own"),
    "steps expected": T("rank steps_match", "steps_expected", "own"),
    "line 6": T("rank line6", "", "own 4", "ls"),
    "line steps 4": T("rank line_steps4", "own1", "step 2", "ls"),
    "line steps 6": T("rank line_steps6", "own1", "line steps 4", "ls"),
    "line expected": T("rank line_match", "line_expected", "own"),
    "line steps expected": T("rank line_steps_match", "line_steps_expected", "own"),
    "moved expected": T("rank moved_far", "moved_expected", "own"),
    "moved expected moves": T("moved_far moves", "moved_expected", "moved expected"),
    "shape own 3": T(
        "rank sofar_shape own_shape1 own_shape2 own_shape3", "own1", "shape own 2", "ls"
    ),
    "rhythm own": T("rank own1 rhythm", "", "own"),
}
GATES = (
    "rank count1 on1",
    "match agree",
    "from_last ahead",
    "rank from_own",
    "metre on1",
    "tune_match tune_matched",
    "vote on1",
    "pace trust on1",
    "run",
    "moved moved_far",
)


def check_templates(
    gaps: Mapping[str, Template], keys: Mapping[str, Template], gates: Sequence[str]
) -> None:
    """Refuse templates and gates that name what there is not.

    Raises
    ------
    ValueError
        Naming the template or gate, and what of it is not known.
    """
    if not keys:
        raise ValueError("key_templates: expected one or more")
    for table in (gaps, keys):
        before: list[str] = []
        for name, template in table.items():
            if not isinstance(template, Template):
                raise ValueError(f"template {name!r}: {template!r}: expected a Template")
            for atom in (*template.atoms.split(), *template.relative_to.split()):
                if atom not in ATOMS:
                    raise ValueError(f"template {name!r}: atom {atom!r}: expected one of ATOMS")
            if template.parent and template.parent not in before:
                raise ValueError(
                    f"template {name!r}: parent {template.parent!r}: expected one before it"
                )
            if template.sides not in ("l", "s", "ls"):
                raise ValueError(
                    f"template {name!r}: sides {template.sides!r}: expected 'l', 's' or 'ls'"
                )
            before.append(name)
    for gate in gates:
        for atom in gate.split():
            if atom not in GATE_SIZE:
                raise ValueError(
                    f"gate {gate!r}: {atom!r}: expected of {', '.join(sorted(GATE_SIZE))}"
                )
