"""Recordings of more than 4 GB that take no room on the disk: silence but for a few samples."""

import struct
from pathlib import Path

import numpy as np
import soundfile

RATE, CHANNELS, WIDTH = 48_000, 2, 2  # stereo, 16 bits


def sparse_recording(path: Path, format: str, frames: int, marks: dict[int, int], cut: int = 0) -> Path:
    """Write a header that libsndfile wrote, with the sizes of a long recording.

    Args:
        format: RF64 or W64.
        frames: that the header promises.
        marks: samples of both channels that are not silent, by their number.
        cut: bytes that lack at the end.
    """
    soundfile.write(path, np.zeros((1, CHANNELS)), RATE, subtype="PCM_16", format=format)
    head = bytearray(path.read_bytes())
    size = frames * CHANNELS * WIDTH
    if format == "RF64":
        begin = head.index(b"data") + 8
        struct.pack_into("<3Q", head, 20, begin - 8 + size, size, frames)
    else:
        begin = head.index(b"data") + 24
        struct.pack_into("<Q", head, 16, begin + size)
        struct.pack_into("<Q", head, begin - 8, 24 + size)
    with path.open("wb") as file:
        file.write(head[:begin])
        for sample, value in marks.items():
            file.seek(begin + sample * CHANNELS * WIDTH)
            file.write(struct.pack("<2h", value, value))
        file.truncate(begin + size - cut)
    return path
