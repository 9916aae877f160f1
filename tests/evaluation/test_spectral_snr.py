"""Spectral SNR against scipy's spectrogram, and what it forgives."""

import numpy as np
import pytest
import scipy.signal

from vocsep.evaluation.si_sdr import si_sdr
from vocsep.evaluation.spectral_snr import spectral_snr, spectral_snr_per_second

RATE = 16_000


@pytest.fixture
def voice() -> np.ndarray:
    """Three seconds of a vibrato tone of ten partials with a slow swell, ``(samples,)``."""
    time = np.arange(3 * RATE) / RATE
    phase = 2 * np.pi * 220 * time + 0.8 * np.sin(2 * np.pi * 5.5 * time)
    partials = sum(np.sin(k * phase) / k for k in range(1, 11))
    return np.asarray(partials * (1 + 0.5 * np.sin(2 * np.pi * 0.7 * time)))


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(size=3 * RATE)


def test_it_is_the_si_sdr_of_scipys_magnitudes(voice: np.ndarray, noise: np.ndarray) -> None:
    transform = scipy.signal.ShortTimeFFT(scipy.signal.windows.hann(512, sym=False), hop=256, fs=1)
    s, e = (
        np.abs(transform.stft(signal, p0=0, p1=3 * RATE // 256 + 1)).ravel()
        for signal in (voice, voice + noise)
    )
    assert spectral_snr(voice, voice + noise) == pytest.approx(float(si_sdr(s, e)), abs=1e-3)


def test_phases_do_not_count(voice: np.ndarray) -> None:
    quarter = np.imag(scipy.signal.hilbert(voice))  # every partial a quarter of its period later
    assert spectral_snr(voice, quarter) > 20
    assert si_sdr(voice, quarter) < -30


def test_levels_and_signs_do_not_count(voice: np.ndarray, noise: np.ndarray) -> None:
    estimate = voice + 0.1 * noise
    assert spectral_snr(voice, -5 * estimate) == pytest.approx(float(spectral_snr(voice, estimate)), abs=1e-4)


def test_more_noise_is_worse_and_another_note_is_worst(voice: np.ndarray, noise: np.ndarray) -> None:
    levels = [float(spectral_snr(voice, voice + gain * noise)) for gain in (0.03, 0.1, 0.3, 1.0)]
    assert levels == sorted(levels, reverse=True)
    fifth = scipy.signal.resample(voice, 2 * RATE)
    assert spectral_snr(voice[: 2 * RATE], fifth) < 0 < levels[-1]


def test_perfection_silence_and_silent_references(voice: np.ndarray) -> None:
    assert spectral_snr(voice, voice) == 100
    assert spectral_snr(voice, 0 * voice) == -60
    assert np.isnan(spectral_snr(0 * voice, voice))
    with pytest.raises(ValueError, match=r"\(48000,\).*\(9,\)"):
        spectral_snr(voice, voice[:9])


def test_each_second_is_scored_by_itself(voice: np.ndarray, noise: np.ndarray) -> None:
    voice[RATE : 2 * RATE] *= 0.01
    scores = spectral_snr_per_second(np.stack([voice, noise]), np.stack([voice + noise, noise]), RATE)
    assert scores.shape == (2, 3)
    np.testing.assert_array_equal(np.isnan(scores), [[False, True, False], [False, False, False]])
    last = slice(2 * RATE, None)
    assert scores[0, 2] == pytest.approx(float(spectral_snr(voice[last], (voice + noise)[last])), abs=1e-6)
