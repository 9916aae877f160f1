"""Rooms and recordings: energies, decay and identity."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from vocsep.singers.room import background, equaliser, random_room, reverberate, room_response
from vocsep.spectra import SAMPLE_RATE


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("ratio", [-3.0, 6.0, 20.0])
def test_direct_sound_is_one_and_the_tail_as_loud_as_asked(ratio: float) -> None:
    response = room_response(generator(), 0.8, ratio)
    assert response[0] == 1.0
    assert 10 * np.log10(1 / np.sum(response[1:] ** 2)) == pytest.approx(ratio, abs=0.5)


@pytest.mark.parametrize("time", [0.4, 1.5])
def test_low_frequencies_decay_in_the_reverberation_time(time: float) -> None:
    slopes = []
    for seed in range(4):
        tail = room_response(generator(seed), time, 0.0)[1:]
        low = sosfilt(butter(4, 700, fs=SAMPLE_RATE, output="sos"), tail)
        curve = 10 * np.log10(np.cumsum(low[::-1] ** 2)[::-1] + 1e-20)  # M. R. Schroeder's integration
        seconds = np.arange(len(low)) / SAMPLE_RATE
        part = (seconds > 0.25 * time) & (seconds < 0.6 * time)
        slopes.append(-60 / np.polyfit(seconds[part], curve[part], 1)[0])
    assert np.mean(slopes) == pytest.approx(time, rel=0.2)


def test_high_frequencies_die_sooner() -> None:
    response = room_response(generator(1), 1.5, 0.0)
    late = np.abs(np.fft.rfft(response[SAMPLE_RATE // 2 : SAMPLE_RATE])) ** 2
    frequencies = np.fft.rfftfreq(SAMPLE_RATE // 2, 1 / SAMPLE_RATE)
    assert late[frequencies < 900].mean() > 2 * late[frequencies > 4000].mean()


def test_reverberation_is_the_convolution_cut_to_the_length_of_the_input() -> None:
    audio = generator().standard_normal(2_000).astype(np.float32)
    response = room_response(generator(), 0.05, 3.0)
    expected = np.convolve(audio, response)[:2_000]
    np.testing.assert_allclose(reverberate(audio, response), expected, atol=1e-5)


def test_a_room_without_reflections_is_the_identity() -> None:
    audio = generator().standard_normal(1_000).astype(np.float32)
    np.testing.assert_allclose(reverberate(audio, np.array([1.0])), audio, atol=1e-6)


def test_rooms_reach_from_booth_to_cathedral() -> None:
    rooms = np.array([random_room(generator(seed)) for seed in range(200)])
    assert 0 < rooms[:, 0].min() < 0.25 and 1.5 < rooms[:, 0].max() < 6.0
    assert rooms[:, 1].min() < 3 and rooms[:, 1].max() > 12


@pytest.mark.parametrize("seed", range(8))
def test_background_is_noise_of_unit_variance(seed: int) -> None:
    noise = background(generator(seed), 16_000)
    assert noise.shape == (16_000,) and noise.std() == pytest.approx(1.0)
    assert not np.array_equal(noise, background(generator(seed + 100), 16_000))


@pytest.mark.parametrize("seed", range(8))
def test_equaliser_is_finite_over_rising_frequencies(seed: int) -> None:
    frequencies, gains = equaliser(generator(seed))
    assert (np.diff(frequencies) > 0).all() and frequencies[-1] <= SAMPLE_RATE / 2
    assert np.isfinite(gains).all() and gains.shape == frequencies.shape
