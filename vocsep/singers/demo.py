"""The quartet of ``vocsep demo``: short, dry enough to hear each voice, and the same for everyone."""

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.quartet import sing_part
from vocsep.singers.room import reverberate, room_response
from vocsep.singers.score import parts_cross, random_score
from vocsep.spectra import SAMPLE_RATE

SECONDS = 16.0


def sing_demo(seed: int = 0) -> tuple[NDArray[np.float32], int, F0Tracks]:
    """Sing a quartet in a small hall.

    Returns:
        stems ``(4, samples)``, peak of their sum 0.9; their sample rate in Hz; the exact F0 of each voice.
    """
    rng = np.random.default_rng((seed, 1))
    score = random_score(rng, SECONDS)
    while parts_cross(
        score
    ):  # a suspension may be overtaken; a demo should show voices that keep their places
        score = random_score(rng, SECONDS)
    parts = [sing_part(part, SECONDS, rng) for part in score.parts]
    stems = np.stack([reverberate(audio, room_response(rng, 0.3, 12.0)) for audio, _ in parts])
    stems *= 0.9 / np.abs(stems.sum(axis=0)).max()
    f0 = np.stack([f0 for _, f0 in parts]).astype(np.float64)
    return stems.astype(np.float32), SAMPLE_RATE, F0Tracks(np.where(f0 > 0, f0, np.nan))
