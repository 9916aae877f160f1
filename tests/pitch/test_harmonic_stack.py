"""The harmonic stack: where it reads, when, and what it does not care about."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool1d

from vocsep.pitch.harmonic_stack import (
    BINS,
    BINS_PER_OCTAVE,
    HARMONICS,
    HOP_COARSE,
    READINGS,
    HarmonicStack,
    bin_frequencies,
    bins_of,
    log_magnitudes,
    mean_around,
)
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count


@pytest.fixture(scope="module")
def stack() -> HarmonicStack:
    return HarmonicStack()


def tone(frequency: float, seconds: float = 1.0, partials: int = 1) -> torch.Tensor:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = sum(np.sin(2 * np.pi * k * frequency * time) for k in range(1, partials + 1))
    return torch.from_numpy(0.3 * np.asarray(sound)).float()[None]


def noise(samples: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, samples, generator=torch.Generator().manual_seed(seed))


def test_bins_rise_geometrically_through_what_people_sing() -> None:
    frequencies = bin_frequencies()
    ratio = frequencies[1:] / frequencies[:-1]
    torch.testing.assert_close(ratio, torch.full_like(ratio, 2 ** (1 / BINS_PER_OCTAVE)))
    assert frequencies[0] <= 65 and frequencies[-1] >= 1047  # C2 to C6


def test_positions_of_bins_are_their_numbers() -> None:
    torch.testing.assert_close(bins_of(bin_frequencies()), torch.arange(BINS, dtype=torch.float64))
    assert bins_of(torch.tensor(0.0)) == -torch.inf


@pytest.mark.parametrize("samples", [256, 1_000, 16_000, 16_384])
@pytest.mark.parametrize("hop", [HOP, HOP_COARSE])
def test_a_frame_for_each_hop(stack: HarmonicStack, samples: int, hop: int) -> None:
    assert stack(noise(samples), hop).shape == (1, 2 * READINGS, BINS, frame_count(samples, hop))


def test_recordings_of_a_batch_do_not_touch(stack: HarmonicStack) -> None:
    both = torch.cat((noise(8_000, 1), 0.01 * noise(8_000, 2)))
    torch.testing.assert_close(stack(both)[1:], stack(both[1:]))


@pytest.mark.parametrize("bin_", [20, 60, 100, 140])
def test_a_sinusoid_stands_at_its_own_bin_in_the_reading_of_the_fundamental(
    stack: HarmonicStack, bin_: int
) -> None:
    levels = stack(tone(float(bin_frequencies()[bin_])))[0, HARMONICS.index(1.0)]
    middle = levels[:, levels.shape[-1] // 2]
    best = int(middle.argmax())
    assert abs(best - bin_) <= 1
    assert middle[bin_] > 0.9  # about the loudest of all


@pytest.mark.parametrize("harmonic", [2.0, 3.0, 5.0])
def test_a_partial_is_read_at_the_bin_of_its_fundamental(stack: HarmonicStack, harmonic: float) -> None:
    levels = stack(tone(harmonic * float(bin_frequencies()[70])))[0, HARMONICS.index(harmonic)]
    assert abs(int(levels[:, levels.shape[-1] // 2].argmax()) - 70) <= 1


def test_all_harmonics_meet_at_the_fundamental(stack: HarmonicStack) -> None:
    sound = stack(tone(float(bin_frequencies()[60]), partials=12))
    whole = [HARMONICS.index(h) for h in HARMONICS if h >= 1]
    middle = sound[0, whole, :, sound.shape[-1] // 2]
    weakest = middle.amin(dim=0)  # only there, and an octave higher, is every harmonic present
    assert int(weakest[:90].argmax()) in (59, 60, 61)
    assert weakest[60] > weakest[60 - BINS_PER_OCTAVE] + 0.1


def test_loudness_does_not_matter(stack: HarmonicStack) -> None:
    sound = tone(220.0, partials=8) + 0.02 * noise(16_000)
    torch.testing.assert_close(stack(0.1 * sound), stack(sound), rtol=0, atol=0.01)


def test_values_are_bounded_and_finite(stack: HarmonicStack) -> None:
    for sound in (torch.zeros(1, 8_000), noise(8_000), tone(110.0, 0.5, 20), 1e-7 * noise(8_000)):
        values = stack(sound)
        assert torch.isfinite(values).all()
        assert values.min() >= -1.0 and values.max() <= 1.0


def test_readings_beyond_the_band_are_silent(stack: HarmonicStack) -> None:
    values = stack(noise(8_000))[0]
    beyond = bin_frequencies()[:, None] * torch.tensor(HARMONICS)[None] > SAMPLE_RATE / 2
    for reading in range(len(HARMONICS)):
        for row in (values[reading], values[READINGS + reading]):
            assert row[beyond[:, reading]].abs().sum() == 0


def test_time_moves_with_the_signal(stack: HarmonicStack) -> None:
    burst = torch.zeros(1, 24_000)
    burst[0, 9_000:13_000] = tone(330.0, 0.25, 6)[0]
    later = torch.roll(burst, 4 * HOP_COARSE, dims=1)
    torch.testing.assert_close(stack(later)[..., 8:-8], stack(burst)[..., 4:-12], rtol=0, atol=1e-4)


def test_a_note_begins_in_the_frame_of_its_onset(stack: HarmonicStack) -> None:
    onset = 20
    sound = tone(440.0, 1.2, 5)
    sound[:, : onset * HOP] = 0
    level = stack(sound, HOP)[0, HARMONICS.index(1.0), int(bins_of(torch.tensor(440.0)).round())]
    # A frame at the onset hears half of the note, 6 dB less than its middle.
    decade = (level[onset + 12] - level[onset]).item()
    before = (level[onset + 12] - level[onset - 3]).item()
    assert 0 < decade < before


def test_every_second_frame_of_the_fine_grid_is_the_coarse_grid(stack: HarmonicStack) -> None:
    """The network learns on the coarse grid and is used on the fine one."""
    sound = tone(200.0, 1.0, 10) * torch.linspace(0.2, 1.0, 16_000) + 0.01 * noise(16_000)
    fine, coarse = stack(sound, HOP)[..., ::2], stack(sound, HOP_COARSE)
    assert (fine - coarse).abs().max() < 0.05


def test_tables_are_not_stored_with_the_weights(stack: HarmonicStack) -> None:
    assert not stack.state_dict() and not list(stack.parameters())


@pytest.mark.parametrize(("size", "hop"), [(512, HOP), (4096, HOP_COARSE)])
def test_the_mean_around_a_bin_is_that_of_a_running_window(size: int, hop: int) -> None:
    level = log_magnitudes(noise(6_000), size, hop)
    reach = round(300 * size / SAMPLE_RATE)
    expected = avg_pool1d(level, 2 * reach + 1, 1, reach, count_include_pad=False)
    torch.testing.assert_close(mean_around(level, reach), expected, atol=2e-5, rtol=0)


def test_frames_that_are_read_alone_are_those_of_the_whole(stack: HarmonicStack) -> None:
    signal = noise(40_000)
    whole = stack(signal, HOP)
    torch.testing.assert_close(stack(signal, HOP, slice(30, 130)), whole[..., 30:130])
    assert stack(signal, HOP, slice(20, 20)).shape[-1] == 0


def test_magnitudes_are_halved_amplitudes_whatever_the_window() -> None:
    for size in (512, 1024, 4096):
        level = log_magnitudes(tone(1_000.0), size, HOP)[0, 30]
        assert float(level.max()) == pytest.approx(np.log10(0.3 / 2), abs=0.01)
