"""Passages of the recording and of its stems as raw PCM, so that a browser can join them sample by sample."""

from dataclasses import dataclass

import numpy as np

from vocsep.errors import AudioError
from vocsep.media.reading import AudioSource, open_audio
from vocsep.studio.project import Project

LONGEST = 30.0  # s that are given at once: memory stays small whatever is asked for
FULL = 32768  # of 16 bits


@dataclass(frozen=True)
class Piece:
    """Samples of one sound.

    Attributes:
        pcm: 16 bit integers, little-endian, channels interleaved.
        sample_rate: Hz. channels: of them.
        first, count: samples of the sound that it holds.
        gain: what the integers, as shares of 32768, are multiplied by; 1 unless the sound exceeds full scale.
    """

    pcm: bytes
    sample_rate: int
    channels: int
    first: int
    count: int
    gain: float


def read_piece(project: Project, sound: str, start: float, end: float | None) -> Piece:
    """A passage of the recording, ``mix``, or of a stem, its voice's number from 0.

    Args:
        start, end: s; at most `LONGEST` are given, ``None`` as ``end`` asks for these.

    Raises:
        AudioError: there is no such sound or no such passage.
    """
    if sound == "mix":
        with project.lock:
            return _piece(project.source, start, end)
    stems = project.stems
    if not sound.isascii() or not sound.isdecimal() or int(sound) >= len(stems):
        raise AudioError(f"audio: {sound!r} is neither mix nor the number of a voice, 0 to {len(stems) - 1}")
    with open_audio(stems[int(sound)]) as source:
        return _piece(source, start, end)


def _piece(source: AudioSource, start: float, end: float | None) -> Piece:
    rate, samples = source.info.sample_rate, source.info.samples
    end = min(start + LONGEST, samples / rate, *([] if end is None else [end]))
    if not 0 <= start < end or round(start * rate) == round(end * rate):
        raise AudioError(f"audio: {start:g} to {end:g} s is not within 0 .. {samples / rate:.3f} s")
    first, last = round(start * rate), round(end * rate)
    block = source.read(first, last - first)
    gain = max(1.0, float(np.abs(block).max()))
    pcm = np.clip(np.rint(block * (FULL / gain)), -FULL, FULL - 1).astype("<i2").tobytes()
    return Piece(pcm, rate, source.info.channels, first, last - first, gain)
