"""A repertoire that is no singing: voices of eight partials."""

import numpy as np

from vocsep.singers.repertoire import Repertoire
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count


def tones(songs: int = 2, seconds: float = 5.0) -> Repertoire:
    """Voices with eight partials that glide, each with a rest in the middle."""
    rng = np.random.default_rng(0)
    samples = round(seconds * SAMPLE_RATE) // HOP * HOP
    frames = frame_count(samples)
    lowest = 440 * 2 ** ((np.array([67, 62, 55, 45]) - 69) / 12) * 2 ** (rng.uniform(-0.2, 0.2, (songs, 1)))
    f0 = lowest[..., None] * 2 ** (np.linspace(0, 0.3, frames) * rng.uniform(-1, 1, (songs, 4, 1)))
    curve = np.apply_along_axis(
        lambda row: np.interp(np.arange(samples) / HOP, np.arange(frames), row), 2, f0
    )
    phase = 2 * np.pi * np.cumsum(curve, axis=2) / SAMPLE_RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 9))
    middle = slice(frames // 2, frames // 2 + 20)
    f0[..., middle] = 0
    sound[..., middle.start * HOP : middle.stop * HOP] = 0
    audio = np.round(12_000 * np.asarray(sound)).astype(np.int16)
    level = np.sqrt(np.mean(audio.astype(np.float32) ** 2, axis=-1))
    return Repertoire(audio, f0.astype(np.float32), level)
