"""A voice sung again: F0 as asked, formants where they were or where they are wanted, level as it was."""

import numpy as np
import pytest
from heterodyne import cents_from
from scipy.signal import lfilter

from vocsep.editing.psola import resung
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

RATE = 16_000
FORMANT = 700.0  # Hz


def voice(seconds: float = 1.5, base: float = 180.0, rate: int = RATE) -> tuple[np.ndarray, np.ndarray]:
    """Pulses with vibrato through one resonance, ``(samples, 1)``, and their F0."""
    samples = round(seconds * rate)
    time = np.arange(samples) / rate

    def curve(t: np.ndarray) -> np.ndarray:
        return base * 2 ** (0.4 * np.sin(2 * np.pi * 5.3 * t) / 12)

    phase = 2 * np.pi * np.cumsum(curve(time)) / rate
    harmonics = sum(np.sin(k * phase) for k in range(1, int(0.45 * rate / base)))
    radius = np.exp(-np.pi * 120 / rate)
    poles = [1, -2 * radius * np.cos(2 * np.pi * FORMANT / rate), radius**2]
    sound = lfilter([1.0], poles, harmonics)
    frames = frame_count(round(samples * SAMPLE_RATE / rate))
    return 0.2 * (sound / np.abs(sound).max())[:, None], curve(np.arange(frames) * HOP / SAMPLE_RATE)


def peak(audio: np.ndarray, f0: float) -> float:
    """Hz of the strongest smooth region of the spectrum, smoothed over the distance of harmonics."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    width = round(f0 * len(audio) / RATE)
    smooth = np.convolve(spectrum, np.hanning(2 * width + 1), mode="same")
    return float(smooth.argmax() * RATE / len(audio))


@pytest.mark.parametrize("semitones", [-5.0, -1.0, 0.3, 4.0, 7.0])
def test_f0_is_what_was_asked_for(semitones: float) -> None:
    audio, f0 = voice()
    wanted = f0 * 2 ** (semitones / 12)
    sung = resung(audio, RATE, f0, wanted)
    assert sung.shape == audio.shape
    assert np.median(np.abs(cents_from(sung[:, 0], RATE, wanted))) < 1.0


def test_an_f0_that_is_a_little_wrong_does_not_show() -> None:
    audio, f0 = voice()
    wanted = f0 * 2 ** (3 / 12)
    sung = resung(audio, RATE, f0 * 2 ** (5 / 1200), wanted)
    assert np.median(np.abs(cents_from(sung[:, 0], RATE, wanted))) < 2.0


@pytest.mark.parametrize("semitones", [-4.0, 4.0])
def test_the_level_stays(semitones: float) -> None:
    audio, f0 = voice()
    sung = resung(audio, RATE, f0, f0 * 2 ** (semitones / 12))
    assert 10 * np.log10(np.mean(sung**2) / np.mean(audio**2)) == pytest.approx(0, abs=0.5)


def test_formants_stay_and_move_as_wanted() -> None:
    audio, f0 = voice(base=110.0)
    higher = resung(audio, RATE, f0, f0 * 2 ** (4 / 12))
    assert peak(higher[:, 0], 139.0) == pytest.approx(peak(audio[:, 0], 110.0), rel=0.1)
    moved = resung(audio, RATE, f0, f0, formants=1.25)
    assert peak(moved[:, 0], 110.0) == pytest.approx(1.25 * peak(audio[:, 0], 110.0), rel=0.1)
    assert np.median(np.abs(cents_from(moved[:, 0], RATE, f0))) < 1.0


def test_unvoiced_sound_is_left_alone() -> None:
    audio, f0 = voice()
    f0 = f0.copy()
    f0[40:] = np.nan
    sung = resung(audio, RATE, f0, 1.2 * f0)
    quiet = round((40 * HOP / SAMPLE_RATE + 0.05) * RATE)
    assert sung[quiet:] == pytest.approx(audio[quiet:], abs=1e-9)
    assert resung(audio, RATE, np.full(len(f0), np.nan), f0) == pytest.approx(audio)


def test_channels_keep_their_levels() -> None:
    audio, f0 = voice()
    both = np.concatenate([audio, 0.3 * audio], axis=1)
    sung = resung(both, RATE, f0, 1.1 * f0)
    assert sung[:, 1] == pytest.approx(0.3 * sung[:, 0], abs=1e-9)


def test_any_rate_will_do() -> None:
    audio, f0 = voice(rate=44_100)
    sung = resung(audio, 44_100, f0, 1.3 * f0)
    assert np.median(np.abs(cents_from(sung[:, 0], 44_100, 1.3 * f0))) < 1.0
