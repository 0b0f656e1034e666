"""Harmony models by kind of music, in one file: classical pieces and songs.

Analysts of songs write other chords than those of sonatas over the same notes, so each kind has a
model of its own (`chords.harmony`). A score is a song where the songs' model is surer of its chords
by `SURER`: on music of the other kind a model wavers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stats_composer import modelfile
from stats_composer._version import __version__
from stats_composer.chords.harmony import HarmonyModel, LabelledSteps
from stats_composer.chords.keys import key_near
from stats_composer.chords.profiles import chord_profiles
from stats_composer.chords.qualities import KINDS
from stats_composer.chords.reading import read_harmony
from stats_composer.chords.spans import ChordSpan, home_of
from stats_composer.chords.steps import cut_steps
from stats_composer.files import packaged
from stats_composer.score import Score

__all__ = ["N_EPOCHS", "STYLES", "HarmonyModels"]

STYLES = ("classical", "songs")
N_EPOCHS = {"classical": 2, "songs": 4}
"""Of training: songs hold fewer kinds of texture, and more of each."""
SURER = 0.01
"""Nats a step; to take a piece for a song is worse than the reverse: its keys would be lost."""
ASKED = 256
"""About how many steps are asked for the style."""
_BUNDLED = "pretrained/harmony.npz"


class HarmonyModels:
    """A model for each of `STYLES`.

    Parameters
    ----------
    models : mapping of str to HarmonyModel
    manifest : mapping
        What they were trained on.

    Examples
    --------
    >>> from stats_composer.score import Score, make_notes
    >>> pitch = np.array([[60, 64, 67, 72], [55, 65, 71, 74], [60, 64, 67, 72]])  # C, G7, C
    >>> notes = make_notes(onset=np.repeat([0, 10080, 20160], 4), pitch=pitch.ravel())
    >>> spans = HarmonyModels.bundled().recognize(Score(notes))
    >>> [span.symbol for span in spans]
    ['C', 'G7', 'C']
    """

    def __init__(
        self,
        models: Mapping[str, HarmonyModel],
        manifest: Mapping[str, Any] | None = None,
    ) -> None:
        self.models = dict(models)
        self.manifest = dict(manifest or {})

    @classmethod
    def train(
        cls,
        pieces: Mapping[str, Sequence[LabelledSteps]],
        *,
        manifest: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Self:
        """Learn from the pieces of each style.

        Parameters
        ----------
        pieces : mapping of str to sequence of LabelledSteps
            By `STYLES`.
        manifest : mapping, optional
            Kept in the model file.
        **options
            Of `HarmonyModel`.
        """
        models = {
            style: HarmonyModel(n_epochs=N_EPOCHS[style], **options).fit(pieces[style])
            for style in STYLES
        }
        return cls(models, manifest)

    @classmethod
    def bundled(cls) -> Self:
        """Return the models that come with the package."""
        with packaged(_BUNDLED) as path:
            return cls.load(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read the model file at a `path`.

        Raises
        ------
        ModelFileError
            If it is damaged, or holds another kind of model.
        """
        header, arrays = modelfile.load_as(cls.__name__, path, kinds=list(KINDS))
        models = {}
        with modelfile.restoring(path):
            for style in STYLES:
                own = {n.removeprefix(f"{style} "): a for n, a in arrays.items() if style in n}
                models[style] = HarmonyModel.from_arrays(header["styles"][style], own)
            return cls(models, header["manifest"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model file to a `path`: half precision is enough."""
        arrays: dict[str, NDArray[Any]] = {}
        styles = {}
        for style, model in self.models.items():
            styles[style], own = model.arrays()
            arrays |= {f"{style} {name}": array for name, array in own.items()}
        header = {
            "model": type(self).__name__,
            "kinds": list(KINDS),
            "styles": styles,
            "manifest": self.manifest,
            "version": __version__,
            **{k: v for k, v in self.manifest.items() if k in ("licence", "attribution")},
        }
        modelfile.save(path, header, arrays)

    def recognize(
        self, score: Score, *, grid: str = "event", style: str | None = None
    ) -> list[ChordSpan]:
        """Name the chords of a score that has pitched notes.

        Parameters
        ----------
        score : Score
        grid : {"event", "beat", "bar"}
            What a span is: a chord as long as it lasts, or the likeliest one of each beat or bar.
        style : str, optional
            One of `STYLES`; by default what `style` tells.
        """
        steps = cut_steps(score)
        notes = chord_profiles(steps)
        model = self.models[style or self.style(notes)]
        heard = model.hear(steps, model.opinions(steps, notes))
        return read_harmony(score, steps, heard, home_of(score), grid=grid)

    def style(self, notes: NDArray[np.float32]) -> str:
        """Tell which of `STYLES` a piece of `notes` is by its `chord_profiles`."""
        notes = notes[:: 1 + len(notes) // ASKED]
        classical, songs = (self.models[style].sureness(notes) for style in STYLES)
        return STYLES[int(songs > classical + SURER)]

    def keys(self, score: Score) -> Callable[[int], tuple[int, int]]:
        """Return what tells the key at a tick of a classical score."""
        steps = cut_steps(score)
        homes, centre = self.models["classical"].hear(steps).homes, home_of(score)

        def key_at(tick: int) -> tuple[int, int]:
            step = int(np.searchsorted(steps.onset, tick, side="right")) - 1
            return key_near(int(homes[max(step, 0)]), centre)

        return key_at
