"""A large stock of sung quartets, made once before a training by all processor cores.

Voices stay apart, so that a training can mix them anew each time: other levels, other subsets, other
companions.
"""

import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vocsep.singers.chorales import random_passage
from vocsep.singers.meetings import meeting_quartet
from vocsep.singers.quartet import Ensemble, sing_score, transposed
from vocsep.singers.score import Score, random_score
from vocsep.spectra import HOP, SAMPLE_RATE

_PEAK = 24_000  # of int16, leaves headroom


@dataclass(frozen=True)
class Repertoire:
    """``audio`` ``(songs, 4, samples)`` int16 at 16 kHz, each voice with its loudest sample at `_PEAK`;
    ``f0`` ``(songs, 4, frames)`` in Hz, 0 = unvoiced; ``level`` ``(songs, 4)`` root mean square of each voice
    in those units.
    """

    audio: NDArray[np.int16]
    f0: NDArray[np.float32]
    level: NDArray[np.float32]

    @property
    def songs(self) -> int:
        return len(self.audio)


def sing_song(
    seed: int,
    seconds: float,
    section_share: float = 0.12,
    chorales: Sequence[Score] = (),
    dry_share: float = 0.0,
    meeting_share: float = 0.0,
) -> Ensemble:
    """One quartet: random score, transposition, singers, room; a share is sung by sections, a share in none.

    Half of the scores are passages of the ``chorales``, if there are any. In a share of them voices meet
    (`vocsep.singers.meetings`).
    """
    rng = np.random.default_rng((seed, 7))
    score = random_score(rng, seconds)
    if chorales and seed % 2:
        score = random_passage(chorales[int(rng.integers(len(chorales)))], seconds, rng)
    if meeting_share and rng.random() < meeting_share:
        score = meeting_quartet(rng, seconds)
    score = transposed(score, round(float(rng.normal(0, 4.0))) + rng.uniform(-0.5, 0.5))
    singers = int(rng.integers(2, 5)) if rng.random() < section_share else 1
    return sing_score(score, rng, singers=singers, room=not dry_share or rng.random() >= dry_share)


def _sing_stored(
    seed: int,
    seconds: float,
    section_share: float,
    chorales: Sequence[Score],
    dry_share: float,
    meeting_share: float,
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    song = sing_song(seed, seconds, section_share, chorales, dry_share, meeting_share)
    peak = np.abs(song.stems).max(axis=1, keepdims=True)
    return np.round(song.stems * (_PEAK / np.maximum(peak, 1e-6))).astype(np.int16), song.f0


def sing_repertoire(
    songs: int,
    seconds: float,
    seed: int,
    workers: int,
    progress: Callable[[int], None] | None = None,
    chorales: Sequence[Score] = (),
    section_share: float = 0.12,
    dry_share: float = 0.0,
    meeting_share: float = 0.0,
) -> Repertoire:
    """Sing ``songs`` quartets of ``seconds`` seconds in ``workers`` processes, 0.2 s of a core each.

    Args:
        chorales: half of the scores are passages of these.
        section_share: of the quartets that have two to four singers to a part.
        dry_share: of the quartets that sing in no room.
        meeting_share: of the quartets whose voices meet.
    """
    samples = round(seconds * SAMPLE_RATE) // HOP * HOP
    audio = np.zeros((songs, 4, samples), np.int16)
    f0 = np.zeros((songs, 4, samples // HOP + 1), np.float32)
    seeds = range(seed * 1_000_000, seed * 1_000_000 + songs)
    context = multiprocessing.get_context("spawn")
    with context.Pool(max(workers, 1)) as pool:
        sing = partial(
            _sing_stored,
            seconds=seconds,
            section_share=section_share,
            chorales=chorales,
            dry_share=dry_share,
            meeting_share=meeting_share,
        )
        sung = pool.imap(sing, seeds, chunksize=4)
        for index, (stems, tracks) in enumerate(sung):
            audio[index], f0[index] = stems, tracks
            if progress is not None:
                progress(index + 1)
    # Song by song: the whole stock as float32 would be twice its size again.
    level = np.stack([np.sqrt(np.mean(song.astype(np.float32) ** 2, axis=-1) + 1.0) for song in audio])
    return Repertoire(audio, f0, level)
