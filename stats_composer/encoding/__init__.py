"""Encoders: scores as integer grids, and back.

Conventions
-----------
A grid has shape (n_steps, n_voices). Each voice has its own `Alphabet`, sorted; a symbol is
an index into it. In a voice of notes the alphabet's entries are MIDI pitches after `REST` and,
where the encoder uses it, `HOLD`. Pieces are moved to a common tonic on the way in: the pitch
that sounds is the alphabet's entry plus the frame's `shift`.

The voices of notes come first, top to bottom, then the context voices (`CONTEXTS`), then,
where held and repeated notes are told apart by them, one onset voice a line.
"""

from stats_composer.encoding.alphabet import Alphabet, GridFrame
from stats_composer.encoding.encoder import CONTEXTS, GridEncoder, shift_of
from stats_composer.views import HOLD, REST

__all__ = ["CONTEXTS", "HOLD", "REST", "Alphabet", "GridEncoder", "GridFrame", "shift_of"]
