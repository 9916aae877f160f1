"""Singers whose tails are known, for the tests of rooms."""

import numpy as np
import torch
from torch import Tensor

from vocsep.source.excitation import harmonic_excitation
from vocsep.source.powers import comb_powers
from vocsep.source.voice import SourceParameters
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

SECONDS = 6
FRAMES = frame_count(SECONDS * SAMPLE_RATE)


def notes(seed: int = 0, frames: int = FRAMES) -> Tensor:
    """F0 ``(2, frames)`` in Hz of two voices that sing notes of 0.2 to 0.6 s, with rests."""
    rng = np.random.default_rng(seed)
    f0 = np.zeros((2, frames), np.float32)
    for voice, base in enumerate((392.0, 220.0)):
        frame = 0
        while frame < frames:
            length = int(rng.integers(12, 40))
            f0[voice, frame : frame + length] = base * 2 ** (rng.integers(-5, 6) / 12)
            frame += length + int(rng.integers(0, 12))
    return torch.from_numpy(f0)


def plain_voices(f0: Tensor) -> SourceParameters:
    """The same sound for every voice and frame, ``f0`` being ``(batch, voices, frames)``."""
    return SourceParameters(
        f0=f0,
        alpha=torch.full(f0.shape, 0.1),
        gain=torch.full(f0.shape, 0.0005),
        lsf=torch.linspace(0, torch.pi, 22)[1:-1].expand(*f0.shape, 20).contiguous(),
        noise_magnitudes=torch.ones(*f0.shape[:2], 40),
    )


def singers(seed: int = 0) -> tuple[SourceParameters, Tensor]:
    """Two voices and their combs, ``(voices, bins, frames)``."""
    tracks = notes(seed)
    combs = comb_powers(harmonic_excitation(tracks, SECONDS * SAMPLE_RATE))
    return plain_voices(tracks[None]), combs


def heard(powers: Tensor) -> Tensor:
    """Magnitudes of a mixture with these expected powers: complex Gaussian bins."""
    generator = torch.Generator().manual_seed(1)
    total = powers.sum(0)
    parts = torch.randn(2, *total.shape, generator=generator)
    return (total / 2).sqrt() * parts.square().sum(0).sqrt()


def response(seconds: float, level: float, seed: int = 0) -> Tensor:
    """Impulse response: direct sound of 1 and decaying noise of energy ``level``."""
    time = torch.arange(round(1.5 * seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(seed))
    tail = noise * 10 ** (-3 * time / seconds)
    tail = tail * (level / tail.square().sum()).sqrt()
    tail[:HOP] *= torch.linspace(0, 1, HOP)
    tail[0] = 1.0
    return tail
