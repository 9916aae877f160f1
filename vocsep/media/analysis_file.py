"""The copy of a recording that is analysed: in memory, or of a long one in a file without a name.

An hour at 16 kHz takes 230 MB. Beyond `IN_MEMORY` the copy lies in the system's folder for temporary files,
as a memory map; `give_back` keeps what was read of it from counting as memory of the process.
"""

import mmap
import tempfile

import numpy as np
from numpy.typing import NDArray

IN_MEMORY = 1 << 28  # bytes: 70 min
PEAK = 1 << 24  # samples looked at together


def new_copy(samples: int, channels: int = 1) -> NDArray[np.float32]:
    """Zeros ``(samples, channels)``; a file goes away with the array."""
    if samples * channels * 4 <= IN_MEMORY:
        return np.zeros((samples, channels), np.float32)
    with tempfile.TemporaryFile(prefix="vocsep-") as file:
        return np.memmap(file, np.float32, "w+", shape=(samples, channels))


def give_back(audio: NDArray[np.float32]) -> None:
    """Say that what was read of a copy is not needed soon; it can be read again. Nothing of others."""
    mapped = getattr(audio, "_mmap", None)
    if isinstance(mapped, mmap.mmap) and hasattr(mapped, "madvise"):  # Windows has no such advice
        mapped.madvise(mmap.MADV_DONTNEED)


def peak_of(audio: NDArray[np.float32]) -> float:
    """The largest magnitude of ``(samples,)``, without a copy of all of them."""
    peak = 0.0
    for begin in range(0, len(audio), PEAK):
        part = audio[begin : begin + PEAK]
        peak = max(peak, float(part.max()), -float(part.min()))
        give_back(audio)
    return peak
