"""The channel for analysis: nobody who can be heard in a recording is silent in it."""

import numpy as np
import pytest
import scipy.signal

from vocsep.media.downmix import TAPS, Cancellation, hilbert_fir, turned
from vocsep.media.reading import to_analysis

RATE = 16_000


def band(generator: np.random.Generator, low: float, high: float, samples: int = 3 * RATE) -> np.ndarray:
    """Noise of a band of its own: what becomes of each voice can be read off the spectrum."""
    sections = scipy.signal.butter(6, (low, high), "bandpass", fs=RATE, output="sos")
    return scipy.signal.sosfilt(sections, generator.normal(size=samples))


def level(audio: np.ndarray, like: np.ndarray) -> float:
    """Energy of ``audio`` in the bins that ``like`` has, over that of ``like``, in dB."""
    spectrum, own = (np.abs(np.fft.rfft(signal)) ** 2 for signal in (audio, like))
    strong = own > 0.1 * own.max()
    return float(10 * np.log10(spectrum[strong].sum() / own[strong].sum()))


@pytest.mark.parametrize("weaker", [0.0, 9.0])
def test_a_voice_in_opposite_phase_is_heard_beside_others(weaker: float) -> None:
    generator = np.random.default_rng(0)
    middle, opposite, left = (band(generator, *edges) for edges in ((300, 700), (1000, 1500), (2000, 2600)))
    opposite = opposite * 10 ** (-weaker / 20)
    stereo = np.stack([middle + opposite + left, middle - opposite], axis=1)
    stereo += 1e-3 * generator.normal(size=stereo.shape)  # as 16 bits, or an encoder, leave it
    analysis = to_analysis(stereo, RATE)
    assert level(analysis, middle) == pytest.approx(-3, abs=0.5)
    assert level(analysis, opposite) == pytest.approx(-3, abs=0.5)
    assert level(analysis, left) == pytest.approx(-6, abs=0.5)


def test_two_channels_that_are_opposites_are_one_voice() -> None:
    audio = np.random.default_rng(1).normal(size=1600).astype(np.float32)
    analysis = to_analysis(np.stack([audio, -audio], axis=1), RATE)
    assert level(analysis, audio) == pytest.approx(-3, abs=0.5)


@pytest.mark.parametrize("channels", [2, 3, 8])
def test_ordinary_recordings_are_the_mean_of_their_channels(channels: int) -> None:
    generator = np.random.default_rng(2)
    alike = band(generator, 200, 3000)
    cases = [
        np.stack([alike * gain for gain in np.linspace(1, 0.2, channels)], axis=1),  # panned
        generator.normal(size=(3 * RATE, channels)),  # nothing in common
        np.stack([alike] + [0 * alike] * (channels - 1), axis=1),  # on one side
    ]
    for audio in cases:
        mean = audio.astype(np.float32).mean(axis=1, dtype=np.float32)
        np.testing.assert_array_equal(to_analysis(audio, RATE), mean)


def test_what_cancels_does_not_depend_on_the_blocks() -> None:
    audio = np.random.default_rng(3).normal(size=(100_000, 2)).astype(np.float32)
    audio[:, 1] -= 3 * audio[:, 0]
    whole, parts = Cancellation(), Cancellation()
    whole.hear(audio)
    for start in range(0, len(audio), 777):
        parts.hear(audio[start : start + 777])
    assert whole._lost == pytest.approx(parts._lost) and whole._energy == pytest.approx(parts._energy)


def test_the_transformer_turns_every_frequency_by_a_quarter() -> None:
    taps = hilbert_fir(TAPS)
    frequencies, response = scipy.signal.freqz(taps, worN=np.linspace(60, 7900, 200), fs=RATE)
    centred = response * np.exp(2j * np.pi * frequencies / RATE * (TAPS // 2))
    np.testing.assert_allclose(centred, -1j, atol=0.02)


def test_channels_keep_their_time() -> None:
    click = np.zeros((4001, 2), np.float32)
    click[2000] = 1
    assert int(np.argmax(turned(click))) == 2000
