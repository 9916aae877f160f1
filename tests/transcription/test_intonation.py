"""Intonation whose errors are known: contours, tuning, chords, pull, and the report of a whole choir."""

import csv
import json
import math
import re

import numpy as np
import pytest

from vocsep.commands.screen import plain
from vocsep.errors import VoicesNotFound
from vocsep.pictures.intonation_page import intonation_page
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.choir import chorale, sing_known
from vocsep.transcription.chords import JUST, chords_of, just_deviations, just_targets, root_of
from vocsep.transcription.contour import contour_of
from vocsep.transcription.notes import FRAME, hertz
from vocsep.transcription.pulling import SURE, pulls_of
from vocsep.transcription.report import intonation_report
from vocsep.transcription.tuning import tuning_of

CADENCE = ((67, 60, 52, 48), (65, 60, 53, 41), (67, 59, 50, 43), (67, 60, 52, 48)) * 3


@pytest.mark.parametrize("rate", [4.5, 5.7, 7.0])
@pytest.mark.parametrize("seconds", [0.8, 1.07, 2.0])
def test_vibrato_does_not_move_the_mean(rate: float, seconds: float) -> None:
    time = np.arange(round(seconds / FRAME)) * FRAME
    found = contour_of(60.13 + 0.4 * np.sin(2 * np.pi * rate * time + 1.0))
    assert found.mean == pytest.approx(60.13, abs=0.005)
    assert found.vibrato_rate == pytest.approx(rate, abs=0.1)
    assert found.vibrato_extent == pytest.approx(40, abs=1)


def test_a_straight_tone_has_no_vibrato() -> None:
    rng = np.random.default_rng(0)
    found = contour_of(60 + 0.03 * rng.standard_normal(80))
    assert math.isnan(found.vibrato_rate)
    assert found.mean == pytest.approx(60, abs=0.02)


def test_a_slide_is_a_slope() -> None:
    time = np.arange(100) * FRAME
    found = contour_of(60 + 0.2 * time)
    assert found.slope == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize("drift", [-140.0, -12.0, 0.0, 35.0, 180.0])
def test_drift_is_found_even_beyond_a_quarter_tone(drift: float) -> None:
    rng = np.random.default_rng(4)
    times = np.sort(rng.uniform(0, 120, 400))
    numbers = rng.integers(48, 76, 400)
    line = drift * (times - times[0]) / np.ptp(times)
    tuning = tuning_of(times, numbers + (line + 18) / 100, np.ones(400))
    assert tuning.drift == pytest.approx(drift, abs=0.01)
    assert tuning.start == pytest.approx(18, abs=0.01)
    assert tuning.numbers.tolist() == numbers.tolist()
    assert tuning.at(times) == pytest.approx(line + 18, abs=1.0)


def test_a_choir_that_is_low_is_given_the_nearest_grid() -> None:
    tuning = tuning_of(np.arange(10.0), np.full(10, 59.7), np.ones(10))
    assert tuning.numbers.tolist() == [60] * 10
    assert tuning.start == pytest.approx(-30)
    assert tuning.concert_pitch == pytest.approx(440 * 2 ** (-30 / 1200))


@pytest.mark.parametrize("shift", range(12))
def test_roots_do_not_depend_on_the_key_or_the_inversion(shift: int) -> None:
    for chord, root in (((60, 64, 67), 0), ((64, 67, 72), 0), ((57, 60, 64), 9), ((55, 59, 62, 65), 7)):
        assert root_of(np.array(chord) + shift) == (root + shift) % 12


def test_a_just_chord_has_no_deviation_however_high_it_is_as_a_whole() -> None:
    numbers = np.array([67, 64, 60])
    cents = 31.0 + JUST[[7, 4, 0]]
    chords = chords_of(np.zeros(3), np.ones(3), numbers)
    assert [chord.root for chord in chords] == [0]
    assert just_deviations(chords, numbers, cents) == pytest.approx(np.zeros(3), abs=1e-9)
    third = cents.copy()
    third[1] += 12
    deviations = just_deviations(chords, numbers, third)
    assert deviations[1] == pytest.approx(12)
    assert just_targets(chords, numbers, third)[1] == pytest.approx(cents[1])


def test_a_tempered_third_is_fourteen_cents_sharp() -> None:
    numbers = np.array([64, 60])
    found = just_deviations(chords_of(np.zeros(2), np.ones(2), numbers), numbers, np.zeros(2))
    assert found[0] == pytest.approx(13.69, abs=0.01)


def test_a_note_alone_has_no_chord() -> None:
    numbers = np.array([60, 72, 64])
    onsets, offsets = np.array([0.0, 0.0, 2.0]), np.array([1.0, 1.0, 3.0])
    assert chords_of(onsets, offsets, numbers) == []  # an octave is no chord
    assert np.isnan(just_deviations([], numbers, np.zeros(3))).all()


def test_the_voice_that_the_others_follow_is_found() -> None:
    rng = np.random.default_rng(2)
    leader = np.repeat(rng.normal(0, 15, 60), 4)
    follower = np.concatenate([np.zeros(4), leader[:-4]]) * 0.7
    noise = rng.normal(0, 3, (3, 240))
    found = pulls_of(np.stack([follower, leader, follower]) + noise)
    # v(t) is white and o(t) = .7 v(t - T), so v(t) - o(t - T) has the variance 1 + .7^2.
    assert found[1].share == pytest.approx(0.7 / (1 + 0.7**2), abs=0.1)
    assert found[1].pulls
    assert not found[0].pulls
    independent = pulls_of(np.repeat(rng.normal(0, 15, (3, 60)), 4, axis=1))
    assert all(pull.t < SURE for pull in independent)


def test_too_little_says_nothing_about_pull() -> None:
    assert all(math.isnan(pull.share) for pull in pulls_of(np.zeros((2, 10))))


def test_a_choir_is_heard_as_it_sang() -> None:
    rng = np.random.default_rng(5)
    score = chorale(CADENCE, rng, 0.9)
    known = sing_known(
        score, rng, lambda part, note: -20 * note.onset / score.seconds + (10.0 if part == 1 else 0.0)
    )
    report = intonation_report(F0Tracks(known.ensemble.f0), ["s", "a", "t", "b"])
    assert report.tuning.drift == pytest.approx(-20, abs=4)
    assert report.voices[1].own == pytest.approx(7.5, abs=2)  # 10 above the others is 7.5 above all
    assert [voice.name for voice in report.voices] == ["s", "a", "t", "b"]
    aimed = np.mean([note.pitch for note in known.sung.parts[3]])
    found = np.mean([note.pitch for note in report.notes if note.voice == 4])
    assert found == pytest.approx(aimed, abs=0.05)


def test_a_report_is_a_table_and_a_document_and_a_page() -> None:
    rows = np.stack([np.full(100, hertz(64.0)), np.full(100, hertz(60.1))])
    report = intonation_report(F0Tracks(rows), ["<high>", "low"], start=30.0)
    lines = list(csv.DictReader(report.to_csv().splitlines()))
    assert [line["note"] for line in lines] == ["E4", "C4"]
    assert float(lines[0]["onset"]) == pytest.approx(30.0)
    document = json.loads(json.dumps(plain(report.to_dict()), allow_nan=False))
    assert document["notes"][1]["number"] == 60
    page = intonation_page(report, "a & b")
    assert "a &amp; b" in page
    assert "&lt;high&gt;" in page
    assert "<script" not in page
    assert "http" not in page
    assert ">-0<" not in page
    marks = re.findall(r'<text x="([\d.]+)" [^>]*>(\d+:\d\d)<', page)
    assert len(marks) == 2 * len(set(marks)) > 0  # a time stands at one place in both pictures


def test_nobody_sings() -> None:
    with pytest.raises(VoicesNotFound, match="no note"):
        intonation_report(F0Tracks(np.full((1, 40), np.nan)))
