"""What the tests of separation share: tiny random networks, music with known F0, refusals in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vocsep.errors import VocsepError
from vocsep.estimator.network import Estimator
from vocsep.estimator.settings import EstimatorSettings
from vocsep.estimator.stored import save_estimator
from vocsep.methods.unet import Unet, UnetSettings
from vocsep.methods.unet_masks import save_unet
from vocsep.pitch.salience import SalienceNetwork, SalienceSettings
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count
from vocsep.training.pitch import save_network

F0 = (440.0, 262.0, 147.0)  # Hz


def tiny_models(folder: Path) -> dict[str, Path]:
    """Arguments of a Separator whose networks are small and have learned nothing."""
    torch.manual_seed(1)
    save_network(SalienceNetwork(SalienceSettings(channels=4, tall=2, blocks=1)), folder / "pitch", {})
    save_estimator(folder / "voices", Estimator(EstimatorSettings(bands=8, units=8, blocks=1)), {})
    return {"model": folder / "voices", "pitch_model": folder / "pitch"}


def tiny_unet(folder: Path) -> Path:
    """A U-Net that is small and has learned nothing."""
    torch.manual_seed(1)
    save_unet(folder / "unet", Unet(UnetSettings(base_channels=1, layers=2)), {})
    return folder / "unet"


def music(
    seconds: float, rate: int = SAMPLE_RATE, channels: int | None = None
) -> tuple[np.ndarray, F0Tracks]:
    """Voices with vibrato and rests, and their F0; channels differ."""
    samples = round(seconds * rate)
    time = np.arange(samples) / rate
    frames = frame_count(round(samples * SAMPLE_RATE / rate))
    rng = np.random.default_rng(0)
    audio = 0.003 * rng.standard_normal((samples, channels or 1))
    rows = []
    for voice, base in enumerate(F0):
        f0 = base * (1 + 0.01 * np.sin(2 * np.pi * 5 * np.arange(frames) * HOP / SAMPLE_RATE))
        curve = np.interp(time, np.arange(frames) * HOP / SAMPLE_RATE, f0)
        phase = 2 * np.pi * np.cumsum(curve) / rate
        sound = sum(np.sin(k * phase) / k for k in range(1, 9)) * (1 + 0.5 * np.sin(time + voice))
        pan = np.linspace(0.5 + 0.3 * voice, 1.0, channels or 1)
        audio += 0.05 * np.asarray(sound)[:, None] * pan
        f0[(20 + 15 * voice) % frames : (30 + 15 * voice) % frames] = np.nan
        rows.append(f0)
    audio = audio.astype(np.float32)
    return (audio if channels else audio[:, 0]), F0Tracks(np.stack(rows))


def refused(error: type[VocsepError], call: Callable[[], Any], *words: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
