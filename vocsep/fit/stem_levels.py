"""How loud each stem is in its mixture, and whether it is in it at all.

Stems and mixture of a song need not have been written at one level: a mixture is often made louder. The gains
are those of the least-squares fit of the mixture by the stems at hand, sample by sample; what lacks does not
disturb it, because voices are nearly uncorrelated. A stem that is not in the mixture, or not at the same
place in time, explains next to nothing of it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vocsep.spectra import SAMPLE_RATE

HEARD = 0.05  # a stem's amplitude in the mixture over the mixture's (-26 dB), below which it is not in it
BLOCK = 1 << 18  # samples added up at a time
LONGER = 0.5  # s by which a stem may be longer than its mixture
SHORTEST = 0.5  # length of the shortest stem of a song over that of the song


def gains_in_mixture(mixture: NDArray[np.float32], stems: Sequence[NDArray[np.float32]]) -> list[float]:
    """The gain of each stem in a mixture; 0 where it is not in it.

    Args:
        mixture: ``(samples,)``, may be a memory map.
        stems: each ``(samples,)`` of its own length.
    """
    count = len(stems)
    products = np.zeros((count + 1, count + 1))
    for first in range(0, len(mixture), BLOCK):
        block = np.zeros((count + 1, min(BLOCK, len(mixture) - first)))
        for row, signal in enumerate((*stems, mixture)):
            part = signal[first : first + block.shape[1]]
            block[row, : len(part)] = part
        products += block @ block.T
    gains = np.linalg.lstsq(products[:-1, :-1], products[:-1, -1], rcond=1e-9)[0]
    share = gains * np.sqrt(np.diag(products)[:-1] / max(products[-1, -1], 1e-30))
    return [float(gain) if part >= HEARD else 0.0 for gain, part in zip(gains, share, strict=True)]


def length_that_fits(samples: int, whole: int) -> str | None:
    """Why a stem of ``samples`` cannot belong to a song of ``whole`` samples; None where it can."""
    fits = SHORTEST * whole <= samples <= whole + LONGER * SAMPLE_RATE
    return None if fits else f"is {samples / SAMPLE_RATE:.1f} s long, its song {whole / SAMPLE_RATE:.1f} s"
