"""F0 of long recordings, section after section: tracks as of the whole, and voices keep their names."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import music

from vocsep.errors import VoicesNotFound
from vocsep.pitch import sections
from vocsep.pitch.alternatives import EstimatedTracks
from vocsep.pitch.candidates import Candidates
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.sections import estimate_sections, is_long, same_voices
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

SECOND = SAMPLE_RATE // HOP + 0.5  # frames


@pytest.fixture
def short_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100 frames, which know 20 of their neighbours."""
    monkeypatch.setattr(sections, "SECTION", 100)
    monkeypatch.setattr(sections, "SHARED", 20)


class Remembers:
    """Knows the truth, of which each section sees a part, with its rows in order of their median there.

    The audio holds the number of each frame, so that a section knows where it lies.
    """

    def __init__(self, truth: NDArray[np.float64]) -> None:
        self.truth = truth
        self.asked: list[tuple[int, int]] = []
        self.looked = 0

    @property
    def audio(self) -> NDArray[np.float32]:
        return np.repeat(np.arange(self.truth.shape[1], dtype=np.float32), HOP)[: -(HOP - 1)]

    def first_look(self, audio: NDArray[np.float32], most: int) -> tuple[Candidates, NDArray[np.uint8]]:
        self.looked += 1
        salience = np.zeros((frame_count(len(audio)), most), np.float32)
        salience[:, : len(self.truth)] = 0.9
        return Candidates(np.full(salience.shape, 60.0, np.float32), salience), np.zeros((1, 1), np.uint8)

    def estimate_whole(self, audio: NDArray[np.float32], voices: int | None, told: object) -> EstimatedTracks:
        begin, frames = int(audio[0]), frame_count(len(audio))
        self.asked.append((begin, begin + frames))
        part = self.truth[:, begin : begin + frames]
        assert voices == len(part) and part.shape[1] == frames
        if not np.isfinite(part).any():
            raise VoicesNotFound("nobody")
        medians = [np.nanmedian(row) if np.isfinite(row).any() else 0.0 for row in part]
        order = np.argsort(medians)[::-1]
        return EstimatedTracks(part[order], F0Tracks(part[order] * 1.01), ("said",))


def crossing_voices(frames: int = 350) -> NDArray[np.float64]:
    """Two voices that change places slowly: each section by itself would call them otherwise."""
    up, down = np.linspace(200, 400, frames), np.linspace(380, 220, frames)
    return np.stack([up, down])


def test_a_voice_stays_the_same_over_all_sections(short_sections: None) -> None:
    truth = crossing_voices()
    knows = Remembers(truth)
    shares: list[float] = []
    found = estimate_sections(knows, knows.audio, 2, shares.append)
    order = [0, 1] if np.nanmedian(truth[0]) > np.nanmedian(truth[1]) else [1, 0]
    np.testing.assert_array_equal(found.frequencies, truth[order])
    np.testing.assert_array_equal(found.alternative.frequencies, truth[order] * 1.01)
    assert knows.asked == [(0, 108), (68, 196), (156, 284), (244, 350)] and knows.looked == 0
    assert found.remarks == ("said",)


def test_a_section_in_which_nobody_sings_is_silent(short_sections: None) -> None:
    truth = crossing_voices()
    truth[:, 60:300] = np.nan
    knows = Remembers(truth)
    found = estimate_sections(knows, knows.audio, 2, lambda share: None)
    assert np.isfinite(found.frequencies).sum() == 2 * 110
    knows = Remembers(np.full((2, 350), np.nan))
    with pytest.raises(VoicesNotFound):
        estimate_sections(knows, knows.audio, 2, lambda share: None)


def test_the_number_of_voices_is_decided_all_over_the_recording(
    short_sections: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "PIECE", 10)
    knows = Remembers(crossing_voices())
    assert estimate_sections(knows, knows.audio, None, lambda share: None).voices == 2
    assert knows.looked == sections.SAMPLED


def test_where_nothing_tells_the_order_stays() -> None:
    silent = np.full((3, 10), np.nan)
    assert same_voices(silent, silent).tolist() == [0, 1, 2]
    assert same_voices(np.zeros((3, 0)), silent).tolist() == [0, 1, 2]


def test_only_what_is_long_has_sections() -> None:
    hour = 3600 * SAMPLE_RATE
    assert [is_long(round(share * hour)) for share in (0.01, 0.35, 0.4, 10)] == [False, False, True, True]


def test_sections_find_what_the_whole_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the networks that ship."""
    audio, _ = music(12.0)
    estimator = PitchEstimator(refine=0)
    whole = estimator.estimate(audio, 3)
    monkeypatch.setattr(sections, "SECTION", round(5 * SECOND))
    monkeypatch.setattr(sections, "SHARED", round(2 * SECOND))
    parts = estimator.estimate(audio, 3)
    assert parts.frequencies.shape == whole.frequencies.shape
    one, other = np.nan_to_num(parts.frequencies), np.nan_to_num(whole.frequencies)
    alike = np.abs(one - other) <= 0.03 * np.maximum(one, other)
    assert alike.mean() > 0.98
