"""Models over the same symbols blended: what they say of the next one, mixed log-linearly.

    P(x | past) = product over models of P_i(x | past)^w_i / Z(past),                       (1)

normalised at each event, so that the blend is a law of pieces too.

References
----------
G. Hinton (2002), Training products of experts by minimizing contrastive divergence, Neural
Computation 14(8), section 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats_composer.models.viewpoints.drawing import Drawing
from stats_composer.models.viewpoints.model import ViewpointModel

__all__ = ["Blend", "Blended"]


class Blended:
    """A piece that is being written by a blend, as `Drawing` is by one model."""

    def __init__(self, drawings: Sequence[tuple[Drawing, float]]) -> None:
        self._drawings = drawings

    @property
    def symbols(self) -> list[int]:
        """The symbols so far."""
        return self._drawings[0][0].symbols

    def log_probs(self) -> NDArray[np.float64]:
        """Return the log-probabilities of all candidates for the next symbol, in nats."""
        rows = [weight * drawing.log_probs() for drawing, weight in self._drawings]
        mixed = np.sum(rows, axis=0)
        normalised: NDArray[np.float64] = mixed - np.logaddexp.reduce(mixed)  # (1)
        return normalised

    def put(self, symbol: int) -> None:
        """Write the next symbol."""
        for drawing, _ in self._drawings:
            drawing.put(symbol)


class Blend:
    """The law of the module's docstring.

    Parameters
    ----------
    models : sequence of (ViewpointModel, float)
        Fitted, of the same candidates, and their weights; one of weight 0 has no say.

    Attributes
    ----------
    low_, n_symbols_ : int
        As of the models.

    Examples
    --------
    A model that knows going up, and one that knows going down: of even weight they disagree.

    >>> up = np.array([(60 + i,) for i in range(6)], [("pitch", np.int64)])
    >>> both = ViewpointModel(["interval = pitch - pitch@1"], ["interval"]).fit([up, up[::-1]])
    >>> blend = Blend([(both.recounted([up]), 0.5), (both.recounted([up[::-1]]), 0.5)])
    >>> drawing = blend.begin(up)
    >>> drawing.put(62)
    >>> row = drawing.log_probs()
    >>> bool(abs(row[61 - blend.low_] - row[63 - blend.low_]) < 1e-9)
    True
    """

    def __init__(self, models: Sequence[tuple[ViewpointModel, float]]) -> None:
        self.models = [(model, weight) for model, weight in models if weight > 0]
        first = models[0][0]
        self.low_, self.n_symbols_ = first.low_, first.n_symbols_
        if any((m.low_, m.n_symbols_) != (self.low_, self.n_symbols_) for m, _ in models):
            raise ValueError("models of different symbols: expected the same candidates")

    def begin(self, page: NDArray[np.void], *, memory: float = 1.0) -> Blended:
        """Return a piece to write.

        Parameters
        ----------
        page : structured ndarray of shape (n_steps,)
        memory : float
            As of `ViewpointModel.begin`.
        """
        return Blended([(model.begin(page, memory=memory), w) for model, w in self.models])
