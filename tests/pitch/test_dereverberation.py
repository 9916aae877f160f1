"""Dereverberation: tails go, what is dry and what is silent stays, and the prediction is least squares."""

import numpy as np
import pytest
import torch

from vocsep.pitch import dereverberation
from vocsep.pitch.dereverberation import DELAY, LEAST, ROUNDS, TAPS, dereverberated
from vocsep.spectra import SAMPLE_RATE


def bursts(seconds: float = 3.0) -> torch.Tensor:
    """Tones of 0.2 s every half second, each at another pitch."""
    time = torch.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 300 + 170 * torch.floor(time / 0.5)
    return torch.sin(2 * torch.pi * pitch * time) * (time % 0.5 < 0.2)


def in_room(signal: torch.Tensor, reverberation_time: float) -> torch.Tensor:
    """With a diffuse tail that is louder than the direct sound."""
    noise = torch.randn(SAMPLE_RATE, generator=torch.Generator().manual_seed(1))
    response = 0.05 * noise * torch.exp(-6.9 * torch.arange(SAMPLE_RATE) / SAMPLE_RATE / reverberation_time)
    response[0] = 1.0
    size = 4 * SAMPLE_RATE
    spectrum = torch.fft.rfft(signal, size) * torch.fft.rfft(response, size)
    return torch.fft.irfft(spectrum, size)[: len(signal)]


def between(signal: torch.Tensor) -> float:
    """Share of the energy that lies where no tone does."""
    time = torch.arange(len(signal)) / SAMPLE_RATE % 0.5
    rest = (time > 0.25) & (time < 0.48)
    return float(signal[rest].square().sum() / signal.square().sum())


def test_what_sounds_on_between_notes_is_taken_away() -> None:
    heard = in_room(bursts(), 0.8)
    assert between(dereverberated(heard)) < 0.5 * between(heard)


def test_a_dry_recording_keeps_its_notes_and_silence_stays_silence() -> None:
    dry = bursts()
    found = dereverberated(dry)
    assert found.shape == dry.shape and (found - dry).square().mean() < 0.05 * dry.square().mean()
    assert not dereverberated(torch.zeros(SAMPLE_RATE)).any()


def test_it_is_linear_in_the_level() -> None:
    heard = in_room(bursts(1.0), 0.8)
    torch.testing.assert_close(dereverberated(100 * heard), 100 * dereverberated(heard), rtol=1e-2, atol=0.5)


def test_the_prediction_is_that_of_weighted_least_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dereverberation, "RIDGE", 0.0)
    rng = np.random.default_rng(0)
    heard = rng.standard_normal(200) + 1j * rng.standard_normal(200)
    past = np.zeros((200, TAPS), complex)
    for tap in range(TAPS):  # from the farthest frame to the nearest
        ago = DELAY + TAPS - 1 - tap
        past[ago:, tap] = heard[: 200 - ago]
    dry, least = heard, LEAST * np.mean(np.abs(heard) ** 2)
    for _ in range(ROUNDS):
        weight = 1 / np.sqrt(np.maximum(np.abs(dry) ** 2, least))
        prediction = np.linalg.lstsq(weight[:, None] * past, weight * heard, rcond=None)[0]
        dry = heard - past @ prediction
    found = dereverberation._without_tails(torch.from_numpy(heard)[None])[0]
    np.testing.assert_allclose(found.numpy(), dry, rtol=1e-6, atol=1e-8)
