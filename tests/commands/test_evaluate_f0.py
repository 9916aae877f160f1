"""Scores of F0 tracks: against mir_eval, their laws, and the command ``vocsep evaluate-f0``."""

import json
import os
from pathlib import Path

import mir_eval.melody
import mir_eval.multipitch
import numpy as np
import pytest
import typer

from vocsep.cli import app, main
from vocsep.errors import F0Error
from vocsep.evaluation.pitch_scores import PitchScores, match_voices, pitch_scores
from vocsep.pitch.tracks import F0Tracks

NAN = float("nan")
QUARTETS = Path(os.environ.get("VOCSEP_DATA", "/nowhere")) / "csd_nino_dios"


def transposed(tracks: F0Tracks, cents: float) -> F0Tracks:
    return F0Tracks(tracks.frequencies * 2 ** (cents / 1200))


def accuracy(scores: PitchScores) -> list[float]:
    return [voice.raw_pitch_accuracy for voice in scores.voices]


@pytest.fixture
def truth() -> F0Tracks:
    """Four voices that keep a fifth or more apart, none an octave or two from another, with rests."""
    generator = np.random.default_rng(0)
    drift = np.cumsum(generator.normal(0, 10, (4, 300)), axis=1).clip(-100, 100)
    frequencies = np.array([[700.0], [440.0], [250.0], [105.0]]) * 2 ** (drift / 1200)
    frequencies[generator.random((4, 300)) < 0.2] = NAN
    return F0Tracks(frequencies)


@pytest.fixture
def guess(truth: F0Tracks) -> F0Tracks:
    """The truth with errors of a few cents, misses, false alarms, wrong octaves and wrong voices."""
    generator = np.random.default_rng(1)
    frequencies = truth.frequencies * 2 ** (generator.normal(0, 30, truth.frequencies.shape) / 1200)
    kind = generator.random(frequencies.shape)
    invented = generator.uniform(80, 900, frequencies.shape)
    frequencies = np.where(kind < 0.1, NAN, np.where(kind < 0.2, invented, frequencies))
    octave = np.where(kind < 0.25, 2.0, np.where(kind < 0.3, 0.5, np.where(kind < 0.32, 4.0, 1.0)))
    return F0Tracks(np.where(kind > 0.9, np.roll(truth.frequencies, 1, axis=0), frequencies * octave))


# against mir_eval


def test_every_voice_scores_what_mir_eval_gives_its_melody(truth: F0Tracks, guess: F0Tracks) -> None:
    for voice in pitch_scores(truth, guess).voices:
        rows = [np.nan_to_num(tracks.frequencies[voice.voice - 1]) for tracks in (truth, guess)]
        melody = mir_eval.melody.to_cent_voicing(truth.times, rows[0], guess.times, rows[1])
        right = mir_eval.melody.raw_pitch_accuracy(*melody)
        chroma = mir_eval.melody.raw_chroma_accuracy(*melody)
        recall, alarm = mir_eval.melody.voicing_measures(melody[0], melody[2])
        assert voice.raw_pitch_accuracy == pytest.approx(right, abs=1e-12)
        assert voice.octave_errors == pytest.approx(chroma - right, abs=1e-12) and voice.octave_errors > 0.05
        assert (voice.voicing_recall, voice.voicing_false_alarm) == pytest.approx((recall, alarm), abs=1e-12)


def test_all_voices_together_score_what_mir_eval_gives_them(truth: F0Tracks, guess: F0Tracks) -> None:
    scores = pitch_scores(truth, guess)
    assert list(scores.multipitch) == [50.0, 20.0]
    lists = [[f[np.isfinite(f)] for f in tracks.frequencies.T] for tracks in (truth, guess)]
    for cents, ours in scores.multipitch.items():
        theirs = mir_eval.multipitch.metrics(truth.times, lists[0], guess.times, lists[1], window=cents / 100)
        np.testing.assert_allclose((ours.precision, ours.recall, ours.accuracy), theirs[:3], rtol=1e-12)


def test_errors_are_told_apart_frame_by_frame() -> None:
    truth = F0Tracks([[440.0] * 10 + [NAN] * 5, [300.0] * 10 + [220.0] * 5])
    row = [440.0, 445.0, 443.0, 300.0, 302.0, 220.0, 880.0, 500.0, NAN, NAN, 330.0, NAN, NAN, NAN, NAN]
    one = pitch_scores(truth, F0Tracks([row, truth.frequencies[1]])).voices[0]
    assert (one.voice, one.estimate, one.frames) == (1, 1, 10)
    assert (one.raw_pitch_accuracy, one.voicing_recall, one.voicing_false_alarm) == (0.3, 0.8, 0.2)
    assert (one.other_voice, one.octave_errors) == (0.2, 0.2)
    assert one.median_error_cents == pytest.approx(1200 * np.log2(443 / 440))


# laws


def test_the_truth_scores_one_everywhere(truth: F0Tracks) -> None:
    for best in (False, True):
        scores = pitch_scores(truth, truth, best)
        assert [tuple(vars(one).values()) for one in scores.multipitch.values()] == [(1.0,) * 4] * 2
        for voice in scores.voices:
            assert (voice.raw_pitch_accuracy, voice.voicing_recall) == (1, 1)
            assert (voice.voicing_false_alarm, voice.median_error_cents) == (0, 0)
            assert (voice.other_voice, voice.octave_errors) == (0, 0)
            assert voice.estimate == voice.voice


@pytest.mark.parametrize("cents", [-30.0, 30.0])
def test_thirty_cents_are_right_within_fifty_and_wrong_within_twenty(truth: F0Tracks, cents: float) -> None:
    scores = pitch_scores(truth, transposed(truth, cents))
    assert (scores.multipitch[50.0].f, scores.multipitch[20.0].f) == (1, 0)
    assert accuracy(scores) == [1.0] * 4
    assert [voice.median_error_cents for voice in scores.voices] == pytest.approx([30.0] * 4)


@pytest.mark.parametrize("octaves", [-2, -1, 1, 2])
def test_a_transposition_by_octaves_is_all_octave_errors(truth: F0Tracks, octaves: int) -> None:
    scores = pitch_scores(truth, transposed(truth, 1200 * octaves + 30))
    assert accuracy(scores) == [0.0] * 4
    assert [voice.octave_errors for voice in scores.voices] == [1.0] * 4
    assert [voice.voicing_recall for voice in scores.voices] == [1.0] * 4


def test_voices_that_change_places_are_seen_and_put_right_by_best(truth: F0Tracks) -> None:
    usual = np.nanmedian(truth.frequencies, axis=1, keepdims=True)
    full = F0Tracks(np.where(truth.voiced, truth.frequencies, usual))  # nobody rests
    swapped = F0Tracks(full.frequencies[[1, 0, 2, 3]])
    in_order, best = pitch_scores(full, swapped), pitch_scores(full, swapped, best=True)
    assert in_order.multipitch[50.0].f == best.multipitch[50.0].f == 1
    assert [voice.other_voice for voice in in_order.voices] == [1, 1, 0, 0]
    assert accuracy(in_order) == [0, 0, 1, 1]
    assert [voice.estimate for voice in best.voices] == [2, 1, 3, 4]
    assert accuracy(best) == [1.0] * 4 and [voice.other_voice for voice in best.voices] == [0.0] * 4


@pytest.mark.parametrize("seed", range(3))
def test_any_permutation_of_the_rows_is_found(truth: F0Tracks, guess: F0Tracks, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(4)
    best = pitch_scores(truth, F0Tracks(guess.frequencies[order]), best=True)
    assert [order[voice.estimate - 1] for voice in best.voices if voice.estimate] == [0, 1, 2, 3]
    assert accuracy(best) == accuracy(pitch_scores(truth, guess))


def test_with_a_row_too_few_a_voice_is_missed_and_a_row_too_many_is_left_over(truth: F0Tracks) -> None:
    fewer = pitch_scores(truth, F0Tracks(truth.frequencies[[3, 0, 1]]))
    assert fewer.best and fewer.left_over == []
    assert [voice.estimate for voice in fewer.voices] == [2, 3, None, 1]
    missed = fewer.voices[2]
    assert (missed.raw_pitch_accuracy, missed.voicing_recall, missed.voicing_false_alarm) == (0, 0, 0)
    assert np.isnan(missed.median_error_cents)
    more = pitch_scores(F0Tracks(truth.frequencies[:2]), truth)
    assert more.best and more.left_over == [3, 4] and accuracy(more) == [1, 1]
    assert more.multipitch[50.0].recall == 1 and more.multipitch[50.0].precision < 0.6


def test_silent_rows_stay_in_their_places() -> None:
    silent = F0Tracks([[440.0] * 3, [NAN] * 3, [220.0] * 3, [NAN] * 3])
    assert match_voices(silent, silent) == [0, 1, 2, 3]
    never = pitch_scores(silent, silent).voices[1]
    assert never.frames == 0 and never.voicing_false_alarm == 0
    assert np.isnan([never.raw_pitch_accuracy, never.voicing_recall, never.other_voice]).all()


def test_what_lacks_at_the_end_is_silent(truth: F0Tracks) -> None:
    half = truth.slice(0, 150)
    missed = pitch_scores(truth, half).voices[0]
    assert missed.raw_pitch_accuracy == truth.voiced[0, :150].sum() / truth.voiced[0].sum()
    alarm = pitch_scores(half, truth).voices[0]
    rest = ~half.fitted(300).voiced[0]
    assert alarm.raw_pitch_accuracy == 1
    assert alarm.voicing_false_alarm == truth.voiced[0, rest].mean()


def test_an_unvoiced_reference_is_refused_and_an_unvoiced_estimate_is_not(truth: F0Tracks) -> None:
    nothing = F0Tracks(np.full((4, 300), NAN))
    with pytest.raises(F0Error, match="nowhere voiced"):
        pitch_scores(nothing, truth)
    scores = pitch_scores(truth, nothing)
    assert accuracy(scores) == [0.0] * 4
    assert scores.multipitch[50.0].recall == 0 and np.isnan(scores.multipitch[50.0].precision)


# the command


@pytest.fixture
def files(
    truth: F0Tracks, guess: F0Tracks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, F0Tracks]:
    """``truth.csv`` and ``guess.csv`` in the working directory."""
    monkeypatch.chdir(tmp_path)
    truth.write_csv("truth.csv")
    guess.write_csv("guess.csv")
    return {name: F0Tracks.read_csv(f"{name}.csv") for name in ("truth", "guess")}


def run(command: str) -> int:
    return main(["evaluate-f0", *command.split()])


@pytest.mark.usefixtures("files")
class TestCommand:
    def test_every_option_is_explained(self) -> None:
        command = typer.main.get_command(app).commands["evaluate-f0"]  # type: ignore[attr-defined]
        options = {name for parameter in command.params for name in parameter.opts}
        assert options >= {"--best", "--json", "--quiet", "-q"}
        assert all(parameter.help for parameter in command.params)

    def test_tables_show_all_voices_and_each(
        self, files: dict[str, F0Tracks], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("truth.csv guess.csv") == 0
        out, err = capsys.readouterr()
        assert err == ""
        scores = pitch_scores(files["truth"], files["guess"])
        assert f"{scores.multipitch[20.0].f:.1%}" in out and "within 20 cents" in out
        for voice in scores.voices:
            line = next(line for line in out.splitlines() if f"voice {voice.voice}" in line)
            assert f"row {voice.voice}" in line and f"{voice.raw_pitch_accuracy:.1%}" in line
            assert f"{voice.median_error_cents:.1f} cents" in line and f"{voice.other_voice:.1%}" in line
        assert max(map(len, out.splitlines())) <= 88

    def test_json_holds_everything(
        self, files: dict[str, F0Tracks], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("truth.csv guess.csv --best --json") == 0
        out, err = capsys.readouterr()
        assert err == ""
        content = json.loads(out)
        scores = pitch_scores(files["truth"], files["guess"], best=True)
        assert content["reference"] == {"file": "truth.csv", "voices": 4, "frames": 300}
        assert content["hop_seconds"] == 0.016 and content["matching"] == "best" and content["notes"] == []
        assert content["multi_f0"][1] == {"cents": 20.0, **vars(scores.multipitch[20.0])}
        assert content["voices"] == [vars(voice) for voice in scores.voices]

    def test_exchanged_voices_are_listed(self, capsys: pytest.CaptureFixture[str]) -> None:
        rows = np.repeat([[440.0], [220.0], [110.0]], 200, axis=1)
        F0Tracks(rows).write_csv("notes.csv")
        rows[:2, 50:100] = rows[1::-1, 50:100].copy()
        F0Tracks(rows).write_csv("swapped.csv")
        assert run("notes.csv swapped.csv") == 0
        assert "0.8 to 1.6 s: voices 1 and 2 exchanged" in capsys.readouterr().out
        assert run("notes.csv swapped.csv --json") == 0
        (found,) = json.loads(capsys.readouterr().out)["exchanges"]
        assert found == {"start": 0.8, "end": 1.6, "voices": [1, 2], "shares": [1.0, 1.0]}
        assert run("notes.csv notes.csv --json") == 0
        assert json.loads(capsys.readouterr().out)["exchanges"] == []

    def test_shares_of_nothing_are_null(self, capsys: pytest.CaptureFixture[str]) -> None:
        F0Tracks([[NAN] * 30]).write_csv("silent.csv")
        assert run("truth.csv silent.csv --json") == 0
        content = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
        assert content["multi_f0"][0]["precision"] is None
        assert content["voices"][1]["estimate"] is None and content["voices"][1]["median_error_cents"] is None

    def test_other_numbers_of_voices_and_ends_are_noted(
        self, truth: F0Tracks, capsys: pytest.CaptureFixture[str]
    ) -> None:
        F0Tracks(truth.frequencies[:3, :200]).write_csv("fewer.csv")
        assert run("truth.csv fewer.csv") == 0
        err = capsys.readouterr().err
        assert "the reference has 4 voices, the estimate 3" in err and "left for voice 4" in err
        assert "ends at 4.8 s, the estimate at 3.2 s" in err
        assert run("fewer.csv truth.csv --json") == 0
        out, err = capsys.readouterr()
        assert "row 4 of the estimate" in err
        content = json.loads(out)
        assert content["rows_left_over"] == [4] and len(content["notes"]) == 3

    def test_another_time_grid_is_read_onto_ours(self, capsys: pytest.CaptureFixture[str]) -> None:
        times = np.arange(0, 4, 0.0058)
        lines = [f"{time:.4f},{220 * 2 ** (time / 4):.4f}" for time in times]
        Path("fine.csv").write_text("\n".join(["time,voice_1", *lines]))
        F0Tracks(220 * 2 ** (np.arange(250) * 0.004)[None]).write_csv("ours.csv")
        assert run("ours.csv fine.csv --json") == 0
        (voice,) = json.loads(capsys.readouterr().out)["voices"]
        assert voice["raw_pitch_accuracy"] == 1 and voice["median_error_cents"] < 0.05

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ("none.csv guess.csv", "none.csv: no such F0 file"),
            ("truth.csv none.csv", "none.csv: no such F0 file"),
            ("truth.csv .", "cannot be read"),
            ("truth.csv text.csv", "text.csv: the first line must be the header"),
            ("truth.csv binary.csv", "binary.csv: is not a CSV text file"),
            ("empty.csv guess.csv", "empty.csv: holds no frames"),
            ("silent.csv guess.csv", "silent.csv: the reference is nowhere voiced"),
        ],
    )
    def test_mistakes_are_one_line_and_exit_code_1(
        self, command: str, message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("text.csv").write_text("no pitches\n")
        Path("binary.csv").write_bytes(bytes(range(128, 256)))
        Path("empty.csv").write_text("time,voice_1\n")
        F0Tracks([[NAN] * 30]).write_csv("silent.csv")
        assert run(command) == 1
        out, err = capsys.readouterr()
        assert out == "" and len(err.splitlines()) == 1 and message in err

    @pytest.mark.parametrize("command", ["truth.csv", "truth.csv guess.csv more.csv", "truth.csv --bst"])
    def test_bad_usage_is_exit_code_2(self, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(command) == 2
        out, err = capsys.readouterr()
        assert out == "" and len(err.splitlines()) == 1


# real singers


@pytest.mark.real
@pytest.mark.skipif(not QUARTETS.is_dir(), reason="VOCSEP_DATA names no folder with csd_nino_dios")
@pytest.mark.parametrize("singers", ["singers_1", "singers_2"])
def test_the_published_estimator_scores_what_is_known_of_it(
    singers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = QUARTETS / singers
    files = [str(folder / name) for name in ("f0_of_stems.csv", "f0_published_estimator.csv")]
    assert main(["evaluate-f0", *files, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    # models/pitch.yaml: F .857 and .858, in the right voice .780 and .783
    assert content["multi_f0"][0]["f"] == pytest.approx(0.858, abs=0.002)
    assert np.mean([voice["raw_pitch_accuracy"] for voice in content["voices"]]) == pytest.approx(
        0.78, abs=0.006
    )
    assert content["multi_f0"][1]["f"] < content["multi_f0"][0]["f"]
    # These singers are seldom mistaken for each other by it.
    assert all(voice["other_voice"] < 0.05 and voice["octave_errors"] < 0.02 for voice in content["voices"])
