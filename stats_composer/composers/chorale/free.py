"""Free chorales: a soprano first, then the other voices; or, where none can be had, all at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stats_composer.composers.chorale.form import Form, repeated_phrases, returned_melody
from stats_composer.composers.chorale.soprano import Soprano
from stats_composer.composers.chorale.task import Task
from stats_composer.composers.chorale.writer import Writer
from stats_composer.score import Score

__all__ = ["write_free"]


def write_free(
    writer: Writer, task: Task, form: Form, soprano: Soprano | None, rng: np.random.Generator
) -> Score:
    """Write a chorale of a form on a page.

    Parameters
    ----------
    writer : Writer
    task : Task
        Without given notes. With constraints, which may concern several voices, all are
        written together.
    form : Form
    soprano : Soprano or None
    rng : Generator

    Raises
    ------
    ConstraintError
        If the form does not fit the phrases.
    """
    page, ends = task.page, [end for _, end in task.spans]
    repeats = repeated_phrases(form.letters, ends) if form.is_lettered else ()
    free = (False, *task.free[1:])
    if soprano is not None and not task.constraints:
        asked = ends if form.is_regular else None
        sung = soprano.draw(page, task.key, writer.ranges[0], rng, ends=asked, repeats=repeats)
        if sung is not None:
            task = replace(task, spans=sung.spans, given=sung.melody, free=free)
            return writer.write(writer.prepare(task), rng)
    score = writer.write(writer.prepare(task), rng)
    melody = returned_melody(score, form.letters, ends)
    if melody is None:
        return score
    task = replace(task, given=page.replace(notes=melody), free=free)
    return writer.write(writer.prepare(task), rng)
