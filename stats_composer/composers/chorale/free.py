"""Free chorales: a soprano first, then the other voices; or, where none can be had, all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from stats_composer.composers.chorale.counted import counted_page, names_no_place, sung_on
from stats_composer.composers.chorale.form import Form, repeated_phrases, returned_melody
from stats_composer.composers.chorale.page import planned_spans, voice_names
from stats_composer.composers.chorale.soprano import Soprano, Sung
from stats_composer.composers.chorale.task import Task
from stats_composer.composers.chorale.writer import Writer
from stats_composer.constraints import Cadence, Changes, ChordAt, MaxCopy
from stats_composer.errors import ConstraintError, SamplingError
from stats_composer.score import Score

__all__ = ["write_free"]

TUNES = 3  # tried where there are wishes


def write_free(
    writer: Writer, task: Task, form: Form, soprano: Soprano | None, rng: np.random.Generator
) -> Score:
    """Write a chorale of a form on a page: on its counted page, where it has one, if that can be.

    Parameters
    ----------
    writer : Writer
    task : Task
        Without given notes. With constraints that name chords or cadences or concern the first
        voice, or that no soprano was found for, all are written together.
    form : Form
    soprano : Soprano or None
    rng : Generator

    Raises
    ------
    ConstraintError
        If the form does not fit the phrases.
    SamplingError
        If a wish is broken again and again: a cadence, say, by a final note that began before it.
    """
    counted = counted_page(task.page)
    if counted is None or not all(map(names_no_place, task.constraints)):
        return _kept(writer, task, form, soprano, rng)
    count = replace(task, page=counted, spans=planned_spans(counted))
    try:
        return sung_on(task.page, _kept(writer, count, form, soprano, rng))
    except (ConstraintError, SamplingError):
        if not task.constraints:
            raise
        return _kept(writer, task, form, soprano, rng)  # whose errors name the page's bars


def _kept(
    writer: Writer, task: Task, form: Form, soprano: Soprano | None, rng: np.random.Generator
) -> Score:
    """Write on a page, again where a wish is broken."""
    for _ in range(TUNES):
        score = _written(writer, task, form, soprano, rng)
        asked = [w for w in task.constraints if w.hard and not isinstance(w, MaxCopy)]
        broken = [text for wish in asked for text in wish.violations(score)]
        if not broken:
            return score
    raise SamplingError(broken[0])


def _written(
    writer: Writer, task: Task, form: Form, soprano: Soprano | None, rng: np.random.Generator
) -> Score:
    page, ends = task.page, [end for _, end in task.spans]
    repeats = repeated_phrases(form.letters, ends) if form.is_lettered else ()
    first = (None, 0, voice_names(page.parts)[0])  # None is a wish for all voices
    concerned = any(
        isinstance(wish, ChordAt | Changes | Cadence) or getattr(wish, "voice", "") in first
        for wish in task.constraints
    )
    if soprano is not None and not concerned:
        asked = ends if form.is_regular else None
        draw = partial(
            soprano.draw, page, task.key, writer.ranges[0], rng, ends=asked, repeats=repeats
        )
        score = _sung_first(writer, task, draw, rng)
        if score is not None:
            return score
    score = writer.write(writer.prepare(task), rng)
    melody = returned_melody(score, form.letters, ends)
    return score if melody is None else _set(writer, task, page.replace(notes=melody), rng)


def _sung_first(
    writer: Writer, task: Task, draw: Callable[[], Sung | None], rng: np.random.Generator
) -> Score | None:
    """Draw a soprano, and the other voices to it; None where there is none that wishes allow."""
    for _ in range(TUNES):
        sung = draw()
        if sung is None:
            return None
        try:
            return _set(writer, replace(task, spans=sung.spans), sung.melody, rng)
        except (ConstraintError, SamplingError):
            if not task.constraints:
                raise
    return None


def _set(writer: Writer, task: Task, melody: Score, rng: np.random.Generator) -> Score:
    """Write the voices below a melody."""
    task = replace(task, given=melody, free=(False, *task.free[1:]))
    return writer.write(writer.prepare(task), rng)
