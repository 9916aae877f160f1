"""How many voices sing, instruments that sound along, and what is said of both."""

import numpy as np
import pytest

from vocsep.pitch import instruments
from vocsep.pitch.candidates import Candidates
from vocsep.pitch.how_many import doubts, number_of_voices
from vocsep.pitch.instruments import STRUCK, struck_share
from vocsep.spectra import HOP, SAMPLE_RATE

SECONDS, BEAT = 4.0, 0.5
CHORD = (48.0, 55.0, 64.0)
FRAMES = round(SECONDS * SAMPLE_RATE) // HOP + 1


def chord(decay: float, vibrato: float = 0.0) -> tuple[np.ndarray, Candidates]:
    """Three notes, struck anew with every beat, and their pitches as they are.

    Args:
        decay: dB a second. vibrato: semitones.
    """
    time = np.arange((FRAMES - 1) * HOP) / SAMPLE_RATE
    loud = 10 ** (-decay * (time % BEAT) / 20)
    sound, rows = np.zeros(time.size), []
    for voice, note in enumerate(CHORD):
        midi = note + vibrato * np.sin(2 * np.pi * (5 + 0.3 * voice) * time)
        phase = 2 * np.pi * np.cumsum(440 * 2 ** ((midi - 69) / 12)) / SAMPLE_RATE
        sound += loud * sum(np.sin(k * phase) / k for k in range(1, 6))
        rows.append(np.append(midi[::HOP], midi[-1]))
    pitch = np.stack(rows, axis=1)
    return (0.1 * sound).astype(np.float32), Candidates(pitch, np.full(pitch.shape, 0.9))


def test_notes_that_stand_still_and_die_away_are_struck() -> None:
    assert struck_share(*chord(decay=20.0)) > 0.4


@pytest.mark.parametrize("decay, vibrato", [(0.0, 0.0), (0.0, 0.3), (20.0, 0.3)])
def test_notes_that_are_held_or_waver_are_not(decay: float, vibrato: float) -> None:
    assert struck_share(*chord(decay, vibrato)) < STRUCK


def test_blocks_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    audio, candidates = chord(decay=20.0)
    whole = struck_share(audio, candidates)
    monkeypatch.setattr(instruments, "BLOCK", 60)
    assert struck_share(audio, candidates) == pytest.approx(whole, abs=0.03)


def test_nothing_likely_or_too_short_is_not_struck() -> None:
    audio, candidates = chord(decay=20.0)
    unlikely = Candidates(candidates.pitch, np.full(candidates.pitch.shape, 0.2))
    assert struck_share(audio, unlikely) == 0.0
    brief = Candidates(candidates.pitch[:9], candidates.salience[:9])
    assert struck_share(audio[: 8 * HOP + 1], brief) == 0.0


def test_an_accompaniment_is_said_instead_of_many_voices() -> None:
    (remark,) = doubts(*chord(decay=20.0), None, 7)
    assert "instruments seem to sound along" in remark and "7" in remark and "-n" in remark
    (remark,) = doubts(*chord(decay=20.0), 2, 7)
    assert "instruments" in remark and "-n" not in remark
    assert doubts(*chord(decay=0.0, vibrato=0.3), None, 3) == []


@pytest.mark.parametrize(
    ("asked", "heard", "said"), [(4, 1, True), (4, 2, True), (4, 3, False), (2, 1, False)]
)
def test_fewer_voices_than_asked_for_are_said(asked: int, heard: int, said: bool) -> None:
    remarks = doubts(*chord(decay=0.0, vibrato=0.3), asked, heard)
    assert [f"fewer: {heard}" in remark for remark in remarks] == [True] * said


def heard_together(shares: list[float], salience: float) -> Candidates:
    """Candidates of which the first is always there, the second in the first share of the frames, ..."""
    there = np.zeros((1000, len(shares) + 1))
    for voice, share in enumerate([1.0, *shares]):
        there[: round(1000 * share), voice] = salience
    return Candidates(np.where(there > 0, 50.0 + 4 * np.arange(len(shares) + 1), np.inf), there)


@pytest.mark.parametrize(
    ("shares", "salience", "voices"),
    [
        ([], 0.9, 1),
        ([0.2], 0.9, 1),
        ([0.4], 0.9, 2),
        ([0.8, 0.33], 0.9, 2),
        ([0.8, 0.5], 0.9, 3),
        ([0.8, 0.6, 0.2], 0.9, 3),
        ([0.9, 0.8, 0.5], 0.9, 4),
        ([0.9, 0.8, 0.5], 0.6, 1),
    ],
)
def test_voices_count_that_sound_in_a_good_part_of_the_time(
    shares: list[float], salience: float, voices: int
) -> None:
    assert number_of_voices(heard_together(shares, salience)) == voices
