"""Stems as small pieces of mp3, which every browser decodes, also on old telephones.

Each piece is an mp3 of its own with a margin on either side, so that a page decodes what it plays and no
more, and pieces meet where both are whole: what mp3 does at the ends of a file lies in the margins.
"""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from vocsep.errors import AudioError
from vocsep.media.reading import BLOCK, AudioSource, open_audio

Audio = NDArray[np.float32]

RATE = 24_000  # Hz: mp3 has shorter frames below, and what singing has above 12 kHz is little
PIECE = 20 * RATE  # samples of a piece, without its margins
MARGIN = RATE // 10  # samples on either side
MOST = 3000.0  # bytes a second that a voice may take
LEVELS = (0.8, 0.85, 0.9, 0.95, 0.98)  # of libsndfile: the first is the best


def encoded_stems(stems: Sequence[Path]) -> tuple[list[list[bytes]], int]:
    """Stems in mono at `RATE` as pieces, and how many samples each stem has there.

    The best quality is taken with which all of them fit into `MOST`, or the last of `LEVELS`.

    Args:
        stems: files of one length and rate.

    Raises:
        AudioError: a stem cannot be read.
    """
    sounds = [_mono(stem) for stem in stems]
    samples = len(sounds[0])
    if any(len(sound) != samples for sound in sounds):
        raise AudioError(f"{stems[0].parent}: the stems are not of one length")
    # A sum that was below full scale may exceed it after resampling; one gain keeps the balance.
    peak = max(1.0, *(float(np.abs(sound).max(initial=0.0)) for sound in sounds))
    pieces: list[list[bytes]] = []
    for level in LEVELS:
        pieces = [[mp3(piece / np.float32(peak), level) for piece in _pieces(sound)] for sound in sounds]
        size = sum(len(piece) for voice in pieces for piece in voice)
        if size <= MOST * len(stems) * samples / RATE:
            break
    return pieces, samples


def _mono(stem: Path) -> Audio:
    with open_audio(stem) as source:
        stream = soxr.ResampleStream(source.info.sample_rate, RATE, 1, dtype="float32")
        blocks = [stream.resample_chunk(block) for block in _blocks(source)]
        blocks.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(blocks)


def _blocks(source: AudioSource) -> Iterator[Audio]:
    for first in range(0, source.info.samples, BLOCK):
        block = source.read(first, min(BLOCK, source.info.samples - first))
        yield block.mean(axis=1, dtype=np.float32)


def _pieces(sound: Audio) -> Iterator[Audio]:
    for first in range(0, len(sound), PIECE):
        yield sound[max(first - MARGIN, 0) : first + PIECE + MARGIN]


def mp3(piece: Audio, level: float) -> bytes:
    """A file of mp3 at `RATE`.

    Args:
        piece: ``(samples,)`` at `RATE`.
        level: of compression, one of `LEVELS`.
    """
    file = io.BytesIO()
    soundfile.write(
        file,
        piece,
        RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="VARIABLE",
        compression_level=level,
    )
    return file.getvalue()
