"""Scores: read, aligned to what is heard, and what does not fit is said."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from vocsep.errors import SettingsError
from vocsep.pitch.candidates import Candidates
from vocsep.pitch.harmonic_stack import BINS
from vocsep.pitch.tracks import F0Tracks
from vocsep.pitch.viterbi import assign_viterbi
from vocsep.transcription import score_guide
from vocsep.transcription.midi import write_midi
from vocsep.transcription.notes import FRAME, hertz
from vocsep.transcription.score_alignment import LOWEST_NOTE
from vocsep.transcription.score_fit import fit_score
from vocsep.transcription.score_guide import ScoreGuide
from vocsep.transcription.score_reading import WrittenNote, WrittenScore, read_score

BEAT = 0.6  # s
UPPER = (67, 69, 71, 72, 74, 72, 71, 67, 69, 66, 67, 62)
LOWER = (55, 53, 50, 48, 47, 52, 50, 55, 57, 59, 55, 50)


def written(parts: tuple[tuple[int, ...], ...], beat: float = BEAT) -> WrittenScore:
    notes = tuple(
        tuple(WrittenNote(beat * i, beat, float(pitch)) for i, pitch in enumerate(part)) for part in parts
    )
    names = tuple(f"part {number}" for number in range(1, len(parts) + 1))
    return WrittenScore(names, notes, tuple(2 * beat * i for i in range(len(parts[0]) // 2)))


def heard(
    parts: tuple[tuple[int, ...], ...], beat: float = BEAT
) -> tuple[Candidates, np.ndarray, np.ndarray]:
    """What a perfect network would hear: candidates, salience, and the true pitch ``(parts, frames)``."""
    frames = round(len(parts[0]) * beat / FRAME)
    index = np.minimum((np.arange(frames) * FRAME / beat).astype(int), len(parts[0]) - 1)
    pitch = np.array(parts, dtype=float)[:, index]
    bins = np.round((pitch - LOWEST_NOTE) * 3).astype(int)
    salience = np.zeros((BINS, frames))
    for row in bins:
        away = np.arange(BINS)[:, None] - row
        salience = np.maximum(salience, 0.95 * np.exp(-0.5 * away**2))
    order = np.sort(pitch, axis=0).T
    return Candidates(order, np.full(order.shape, 0.95)), np.round(255 * salience).astype(np.uint8), pitch


def on_their_own(candidates: Candidates) -> np.ndarray:
    """Two voices as they are heard without a score."""
    return assign_viterbi(candidates, 2)


def followed(guide: ScoreGuide, candidates: Candidates, salience: np.ndarray) -> np.ndarray:
    return guide.assign(candidates, salience, partial(on_their_own, candidates))


def right(found: np.ndarray, truth: np.ndarray) -> float:
    return float((np.abs(found - truth) < 0.5).mean())


def test_a_performance_in_another_tempo_is_followed() -> None:
    candidates, salience, truth = heard((UPPER, LOWER), beat=0.47)
    guide = ScoreGuide(written((UPPER, LOWER)))
    assert right(followed(guide, candidates, salience), truth) > 0.97
    assert guide.found == []


def test_parts_cross_as_they_are_written() -> None:
    crossing = (LOWER[:6] + UPPER[6:], UPPER[:6] + LOWER[6:])
    candidates, salience, truth = heard(crossing)
    guide = ScoreGuide(written(crossing))
    assert right(followed(guide, candidates, salience), truth) > 0.97
    without = followed(ScoreGuide(written(crossing[::-1])), candidates, salience)
    assert right(without[::-1], truth) > 0.97  # rows are parts, whichever is higher


def test_a_transposed_performance_is_told() -> None:
    candidates, salience, truth = heard(tuple(tuple(p - 2 for p in part) for part in (UPPER, LOWER)))
    guide = ScoreGuide(written((UPPER, LOWER)))
    assert right(followed(guide, candidates, salience), truth) > 0.97
    assert guide.found == ["score: sung 2 semitones below what is written"]


def test_a_part_written_a_fifth_too_high_is_told() -> None:
    third = tuple(p + 4 for p in LOWER)
    candidates, salience, truth = heard((UPPER, third, LOWER))
    guide = ScoreGuide(written((UPPER, tuple(p + 7 for p in third), LOWER)))
    assert right(followed(guide, candidates, salience), truth) > 0.95
    assert guide.found == ["score: part part 2 is sung 7 semitones below what is written for it"]


def test_bars_that_are_not_sung_are_told() -> None:
    sung = tuple(part[:4] + part[8:] for part in (UPPER, LOWER))
    candidates, salience, truth = heard(sung)
    guide = ScoreGuide(written((UPPER, LOWER)))
    assert right(followed(guide, candidates, salience), truth) > 0.9
    assert any("left out" in line for line in guide.found)


def test_a_repeat_that_is_not_written_is_followed() -> None:
    sung = tuple(part + part[:6] for part in (UPPER, LOWER))
    candidates, salience, truth = heard(sung)
    guide = ScoreGuide(written((UPPER, LOWER)))
    assert right(followed(guide, candidates, salience), truth) > 0.9
    assert any("sung again" in line for line in guide.found)


def test_a_wrong_note_is_taken_as_it_is_sung() -> None:
    wrong = (*UPPER[:4], 76, *UPPER[5:])
    candidates, salience, truth = heard((wrong, LOWER))
    found = followed(ScoreGuide(written((UPPER, LOWER))), candidates, salience)
    assert right(found, truth) > 0.97


def test_bars_missing_in_the_score_are_told() -> None:
    strange = ((73, 75, 73, 75, 73, 75, 73, 75), (61, 58, 61, 58, 61, 58, 61, 58))
    sung = tuple(part[:6] + middle + part[6:] for part, middle in zip((UPPER, LOWER), strange, strict=True))
    candidates, salience, truth = heard(sung)
    guide = ScoreGuide(written((UPPER, LOWER)))
    assert right(followed(guide, candidates, salience), truth) > 0.9
    assert any("not in the score" in line for line in guide.found)


def test_off_the_score_parts_keep_their_order_whichever_is_written_first() -> None:
    strange = ((61, 58, 61, 58, 61, 58, 61, 58), (73, 75, 73, 75, 73, 75, 73, 75))
    sung = tuple(part[:6] + middle + part[6:] for part, middle in zip((LOWER, UPPER), strange, strict=True))
    candidates, salience, truth = heard(sung)
    found = followed(ScoreGuide(written((LOWER, UPPER))), candidates, salience)
    assert right(found, truth) > 0.9


def test_off_the_score_voices_are_those_that_are_heard_without_it() -> None:
    """An echo an octave above is a candidate, too; whoever follows voices without a score knows better."""
    candidates, _, truth = heard((UPPER, LOWER))
    echo = Candidates(
        np.concatenate((candidates.pitch, candidates.pitch[:, 1:] + 12), axis=1),
        np.concatenate((candidates.salience, np.full((len(candidates.pitch), 1), 0.99)), axis=1),
    )
    off = np.zeros(truth.shape[1], dtype=bool)
    off[200:300] = True
    asked = []

    def unguided() -> np.ndarray:
        asked.append(1)
        return truth

    filled = score_guide._filled(np.where(off, np.nan, truth), echo, off, unguided)
    np.testing.assert_array_equal(filled, truth)
    assert len(asked) == 1


def test_nobody_is_heard_without_a_score_that_is_whole() -> None:
    candidates, salience, truth = heard((UPPER, LOWER))

    def unguided() -> np.ndarray:
        raise AssertionError("takes as long as everything else")

    found = ScoreGuide(written((UPPER, LOWER))).assign(candidates, salience, unguided)
    assert right(found, truth) > 0.97


@pytest.mark.parametrize("crossing", [True, False])
def test_parts_cross_off_the_score_where_they_are_written_to_cross(crossing: bool) -> None:
    rising = (60, 60, 62, 64, 65, 67, 67)
    low, high = (50, 53, 51, 55, 57, 56, 59, 60), (79, 75, 77, 74, 70, 72, 69, 67)
    after = (high[::-1], low[::-1]) if crossing else (low[::-1], high[::-1])
    candidates, _, truth = heard((low + rising + after[0], high + rising[::-1] + after[1]))
    off = np.arange(truth.shape[1]) // round(BEAT / FRAME)
    off = (off >= 8) & (off < 15)
    filled = score_guide._filled(
        np.where(off, np.nan, truth), candidates, off, partial(on_their_own, candidates)
    )
    assert (right(filled, truth) == 1) == crossing
    if not crossing:
        np.testing.assert_array_equal(filled, np.sort(filled, axis=0))


def test_a_visit_elsewhere_in_the_score_is_no_repeat() -> None:
    """What is sung where bars lack in the score may be written elsewhere: it is told as one stretch."""
    sung = tuple(part[:8] + part[:4] + part[8:] for part in (UPPER, LOWER))
    candidates, salience, truth = heard(sung)
    guide = ScoreGuide(written((UPPER, LOWER)))
    assert right(followed(guide, candidates, salience), truth) > 0.9
    assert len(guide.found) == 1
    assert float(guide.found[0].split()[2]) == pytest.approx(8 * BEAT, abs=0.4)
    assert "not in the score" in guide.found[0]


def test_positions_rise_with_the_score() -> None:
    _, salience, _ = heard((UPPER, LOWER))
    fit = fit_score(written((UPPER, LOWER)), salience)
    assert np.all(np.diff(fit.position) >= -1e-9)
    assert fit.position == pytest.approx(np.arange(len(fit.position)) * FRAME, abs=0.15)


def test_midi_is_read_as_it_was_written(tmp_path: Path) -> None:
    pytest.importorskip("mido")
    rows = np.full((2, 200), np.nan)
    rows[0, 10:60], rows[0, 60:110], rows[1, 20:190] = hertz(64.0), hertz(65.0), hertz(48.0)
    write_midi(F0Tracks(rows), tmp_path / "a.mid", ["high", "low"])
    score = read_score(tmp_path / "a.mid")
    assert score.names == ("high", "low")
    assert [[note.pitch for note in part] for part in score.parts] == [[64, 65], [48]]
    assert score.parts[1][0].onset == pytest.approx(20 * FRAME, abs=0.01)
    assert score.parts[1][0].duration == pytest.approx(170 * FRAME, abs=0.01)
    assert score.bars[:2] == (0.0, 2.0)


def test_musicxml_is_read(tmp_path: Path) -> None:
    music21 = pytest.importorskip("music21")
    part = music21.stream.Part()
    part.partName = "Alt/o"
    part.append(
        [music21.note.Note("A4", quarterLength=1), music21.chord.Chord(["C4", "E4"], quarterLength=2)]
    )
    score = music21.stream.Score([part])
    score.makeNotation(inPlace=True)
    score.write("musicxml", fp=str(tmp_path / "a.musicxml"))
    read = read_score(tmp_path / "a.musicxml")
    assert read.names == ("Alt_o",)
    assert read.parts[0] == (WrittenNote(0.0, 0.6, 69.0), WrittenNote(0.6, 1.2, 64.0))


@pytest.mark.parametrize(("name", "words"), [("a.pdf", "ends in one of"), ("b.mid", "no such score")])
def test_what_is_no_score_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "a.pdf").write_text("x")
    with pytest.raises(SettingsError, match=words):
        read_score(tmp_path / name)


def test_a_damaged_score_is_refused_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("mido")
    (tmp_path / "a.mid").write_bytes(b"MThd nonsense")
    with pytest.raises(SettingsError, match="is no readable score") as caught:
        read_score(tmp_path / "a.mid")
    assert "\n" not in str(caught.value)


def test_a_score_of_millions_of_bars_is_damaged(tmp_path: Path) -> None:
    mido = pytest.importorskip("mido")
    file = mido.MidiFile(ticks_per_beat=1)
    notes = [mido.Message("note_on", note=60, velocity=9), mido.Message("note_off", note=60, time=2**27)]
    file.tracks.append(mido.MidiTrack(notes))
    file.save(tmp_path / "long.mid")
    with pytest.raises(SettingsError, match="more than 20000 bars"):
        read_score(tmp_path / "long.mid")
