"""What may guide voices: knowledge of what is to be sung."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.candidates import Candidates

Array = NDArray[np.float64]


class Guide(Protocol):
    """Knows what is to be sung, such as a score (`vocsep.transcription.score_guide`)."""

    @property
    def voices(self) -> int:
        """Number of its parts."""

    @property
    def singing(self) -> NDArray[np.float32]:
        """``(parts, frames)`` nats by which singing is likelier than it sounds, once parts were assigned."""

    @property
    def written(self) -> Array:
        """``(parts, frames)`` semitones that each is to sing, NaN = nothing, likewise; where that
        is not known, what it seems to sing."""

    def assign(
        self, candidates: Candidates, salience: NDArray[np.uint8], unguided: Callable[[], Array]
    ) -> Array:
        """Pitch of each part ``(parts, frames)`` in semitones, NaN = silent, from candidates and salience
        ``(BINS, frames)``; ``unguided`` gives what is heard without a guide, the highest voice first."""
