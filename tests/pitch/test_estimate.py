"""From a recording to F0 tracks, with a network that reads the pitch straight off the samples.

The sample at the centre of each frame holds the number of an F0 bin (0 = silence); nothing else sounds. So
every frame of a long recording says what must be found there, whatever the chunks.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vocsep.errors import ModelError, SettingsError, VoicesNotFound
from vocsep.pitch import estimate as module
from vocsep.pitch.candidates import Candidates, find_candidates
from vocsep.pitch.estimate import LEAST, PitchEstimator
from vocsep.pitch.harmonic_stack import ALL, BINS, bin_frequencies
from vocsep.pitch.how_many import number_of_voices
from vocsep.pitch.salience import SalienceNetwork, SalienceSettings
from vocsep.pitch.settings import MOST_VOICES
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count
from vocsep.training.pitch import save_network


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "pitch.safetensors"
    save_network(SalienceNetwork(SalienceSettings(channels=4, tall=2, blocks=1)), path, {})
    return path


class Reader:
    """Stands in for the network: a bump at the bin that is written in the samples, and at bins above it."""

    def __init__(self, above: tuple[int, ...] = ()) -> None:
        self.above = above
        self.lengths: list[int] = []

    def salience(self, signal: torch.Tensor, frames: slice = ALL) -> torch.Tensor:
        self.lengths.append(len(signal))
        written = torch.zeros(frame_count(len(signal)))
        marks = signal[::HOP]
        written[: len(marks)] = marks
        bins = torch.arange(BINS)[:, None]
        salience = torch.zeros(BINS, len(written))
        for step in (0, *self.above):
            bump = 0.95 * torch.exp(-0.5 * ((bins - written - step) / 0.8) ** 2)
            salience = torch.maximum(salience, bump * (written > 0))
        return salience[:, frames]


@pytest.fixture
def reading(weights: Path) -> Callable[..., PitchEstimator]:
    def make(above: tuple[int, ...] = (), **options: Any) -> PitchEstimator:
        estimator = PitchEstimator(weights, **{"refine": 0, **options})
        estimator.network = Reader(above)  # type: ignore[assignment]
        return estimator

    return make


def written(bins: np.ndarray) -> np.ndarray:
    audio = np.zeros((len(bins) - 1) * HOP + 1, np.float32)
    audio[::HOP] = bins
    return audio


def melody(seconds: float, low: float = 40.0, high: float = 80.0) -> np.ndarray:
    """A slow swing of pitch, in bins, a different one in every frame."""
    frames = frame_count(round(seconds * SAMPLE_RATE))
    return (low + high) / 2 + (high - low) / 2 * np.sin(np.arange(frames) / 211.0)


@pytest.mark.parametrize("seconds", [1.0, 30.0, 31.0, 95.3])
def test_every_frame_of_any_length_is_found_in_its_place(
    reading: Callable[..., PitchEstimator], seconds: float
) -> None:
    bins = melody(seconds)
    tracks = reading().estimate(written(bins), 1)
    expected = float(bin_frequencies()[0]) * 2 ** (bins.astype(np.float32) / 36)
    assert (tracks.voices, tracks.frames) == (1, len(bins))
    np.testing.assert_allclose(tracks.frequencies[0], expected, rtol=1e-3)


def test_memory_does_not_grow_with_the_recording(reading: Callable[..., PitchEstimator]) -> None:
    estimator = reading()
    estimator.estimate(written(melody(150.0)), 1)
    assert max(estimator.network.lengths) < 45 * SAMPLE_RATE  # type: ignore[attr-defined]


def test_chunks_of_the_real_network_are_what_it_hears_at_once(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    samples = 18 * SAMPLE_RATE
    time = np.arange(samples) / SAMPLE_RATE
    loudness = np.interp(time, [0, 6, 12, 18], [1.0, 0.1, 1.0, 0.3])
    audio = loudness * (np.sin(2 * np.pi * 220 * time) + 0.05 * rng.standard_normal(samples))
    audio = audio.astype(np.float32)
    seen: list[np.ndarray] = []

    def keep(salience: np.ndarray, most: int, floor: float) -> Candidates:
        seen.append(salience)
        return find_candidates(salience, most, floor)

    monkeypatch.setattr(module, "find_candidates", keep)
    monkeypatch.setattr(module, "CHUNK", 251)  # an odd number: chunks begin on both kinds of frames
    estimator = PitchEstimator(weights, refine=0)
    estimator.first_look(audio, 6)
    assert len(seen) > 3
    whole = estimator.network.salience(torch.from_numpy(audio)).numpy()
    np.testing.assert_allclose(np.concatenate(seen, axis=1), whole, atol=0.01)


@pytest.mark.parametrize("assign", ["notes", "viterbi", "heuristic"])
def test_voices_are_rows_from_the_highest(reading: Callable[..., PitchEstimator], assign: str) -> None:
    tracks = reading((20, 45), assign=assign).estimate(written(melody(4.0, 40, 50)), 3)
    assert tracks.voices == 3 and tracks.voiced.all()
    ratio = tracks.frequencies[:-1] / tracks.frequencies[1:]
    np.testing.assert_allclose(ratio[0], 2 ** (25 / 36), rtol=1e-3)
    np.testing.assert_allclose(ratio[1], 2 ** (20 / 36), rtol=1e-3)


def test_voice_1_has_the_highest_median_of_the_whole_file(
    reading: Callable[..., PitchEstimator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is higher at the moment: here the assignment has put the lower voice first."""
    monkeypatch.setattr(module, "cross_voices", lambda pitch: pitch[::-1])
    tracks = reading((20,)).estimate(written(melody(2.0, 40, 50)), 2)
    medians = np.nanmedian(tracks.frequencies, axis=1)
    assert medians[0] > medians[1]


@pytest.mark.parametrize("above", [(), (30,), (20, 45), (15, 35, 60), (12, 24, 36, 48, 60)])
def test_the_number_of_voices_is_decided_from_the_recording(
    reading: Callable[..., PitchEstimator], above: tuple[int, ...]
) -> None:
    assert reading(above).estimate(written(melody(3.0, 40, 50))).voices == 1 + len(above)


def test_voices_that_sound_now_and_then_do_not_count() -> None:
    salience = np.zeros((100, 4))
    salience[:, 0] = 0.9
    salience[:50, 1] = 0.9
    salience[:5, 2] = 0.9
    pitch = np.where(salience > 0, np.arange(4) * 5.0 + 50, np.inf)
    assert number_of_voices(Candidates(pitch, salience)) == 2


def test_progress_rises_to_one(reading: Callable[..., PitchEstimator]) -> None:
    told: list[float] = []
    reading().estimate(written(melody(70.0)), 1, told.append)
    assert told == sorted(told) and told[-1] == 1.0 and len(told) > 1


def test_silence_has_no_voices(reading: Callable[..., PitchEstimator]) -> None:
    with pytest.raises(VoicesNotFound, match=f"at least {LEAST}") as caught:
        reading().estimate(np.zeros(SAMPLE_RATE, np.float32))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("voices", [0, -1, MOST_VOICES + 1, 40])
def test_impossible_numbers_of_voices_are_refused(
    reading: Callable[..., PitchEstimator], voices: int
) -> None:
    with pytest.raises(SettingsError, match=rf"{voices}.*{MOST_VOICES}"):
        reading().estimate(written(melody(1.0)), voices)


def test_an_unknown_assignment_is_refused_by_name(weights: Path) -> None:
    with pytest.raises(SettingsError, match="hungarian"):
        PitchEstimator(weights, assign="hungarian")


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"other\.safetensors"):
        PitchEstimator(path)


def test_the_network_that_reads_is_the_one_in_the_file(weights: Path) -> None:
    torch.manual_seed(0)
    expected = SalienceNetwork(SalienceSettings(channels=4, tall=2, blocks=1)).eval()
    sound = torch.randn(4_000, generator=torch.Generator().manual_seed(2))
    assert torch.equal(PitchEstimator(weights).network.salience(sound), expected.salience(sound))
