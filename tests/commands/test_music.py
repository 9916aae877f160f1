"""What is taken along: intonation, edit, scores and notes on the command line."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vocsep.cli import main
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.choir import sing_known
from vocsep.singers.score import Note, Score
from vocsep.spectra import SAMPLE_RATE
from vocsep.transcription.midi import write_midi
from vocsep.transcription.notes import hertz

SCORE = Score(((Note(0.1, 0.9, 64), Note(1.0, 0.9, 65)), (Note(0.1, 1.8, 60),)), 2.1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A duet: ``stems/``, ``mix.wav`` and ``f0.csv``; the place where commands run."""
    known = sing_known(SCORE, np.random.default_rng(1), lambda part, note: 15.0 if part == 0 else 0.0)
    (tmp_path / "stems").mkdir()
    for name, stem in zip(("alto", "bass"), known.ensemble.stems, strict=True):
        soundfile.write(tmp_path / "stems" / f"{name}.wav", stem, SAMPLE_RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "mix.wav", known.ensemble.mixture, SAMPLE_RATE, subtype="FLOAT")
    F0Tracks(known.ensemble.f0).write_csv(tmp_path / "f0.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_intonation_of_an_f0_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["intonation", "f0.csv", "--names", "alto,bass", "--html", "a.html", "--csv", "a.csv"]
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [voice["name"] for voice in document["voices"]] == ["alto", "bass"]
    assert [note["note"] for note in document["notes"]] == ["E4", "F4", "C4"]
    assert document["written"] == ["a.html", "a.csv"]
    assert document["notes"][0]["equal"] == pytest.approx(15, abs=5)
    with (folder / "a.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 3
    assert "<svg" in (folder / "a.html").read_text(encoding="utf-8")
    assert main(command) == 1  # files are there
    assert "-y replaces it" in capsys.readouterr().err
    assert main([*command, "-y"]) == 0
    assert "The choir begins at A4" in capsys.readouterr().out


def test_the_table_of_intonation_fits_a_narrow_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["intonation", "f0.csv", "--names", "Alto primo e secondo,bass"]) == 0
    printed = capsys.readouterr()
    shown = printed.out + printed.err
    assert "…" not in shown
    for heading in ("choir", "spread", "just", "vibrato,", "follow", "secondo"):
        assert heading in shown


def test_intonation_needs_as_many_names_as_voices(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["intonation", "f0.csv", "--names", "a,b,c"]) == 1
    assert "holds 2 voices, 3 are asked for" in capsys.readouterr().err


def test_edit_writes_the_voice_and_the_mixture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = [path.read_bytes() for path in sorted(Path("stems").iterdir())]
    command = ["edit", "stems", "--voice", "alto", "--transpose", "-3", "--f0", "f0.csv", "-o", "out"]
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["written"] == ["out/alto.wav", "out/mixture.wav"]
    assert [path.read_bytes() for path in sorted(Path("stems").iterdir())] == before
    mixture, alto, bass = (
        soundfile.read(name, dtype="float32")[0]
        for name in ("out/mixture.wav", "out/alto.wav", "stems/bass.wav")
    )
    assert np.array_equal(mixture, bass + alto)
    assert main(command) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("edit stems --voice alto", "say what is to change"),
        ("edit stems --voice alto --transpose 40", "transpose: 40 is not within -12 .. 12"),
        ("edit stems --voice tenor --vibrato 0 --f0 f0.csv", "is not one of alto, bass"),
        ("edit stems --voice alto --retune mean", "mean"),
        ("edit stems --vibrato 0", "--voice"),
        ("f0 mix.wav --score piece.pdf", "a score ends in one of"),
        ("separate mix.wav --score none.mid", "no such score"),
        ("separate mix.wav --score piece.mid --f0 f0.csv", "one of both is enough"),
        ("separate mix.wav --score piece.mid -n 4", "has 2 parts, but -n is 4"),
        ("separate mix.wav --score piece.mid --names a,b,c", "3 names, the score 2 parts"),
        ("f0 mix.wav --method crepe --score piece.mid", "knows no --score"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, words: str
) -> None:
    if "piece.mid" in command:
        pytest.importorskip("mido")
        rows = np.stack([np.full(60, hertz(64.0)), np.full(60, hertz(60.0))])
        write_midi(F0Tracks(rows), Path("piece.mid"), ["alto", "bass"])
    assert main(command.split()) in (1, 2)
    assert words in capsys.readouterr().err
    assert not Path("edited").exists()


def test_notes_of_a_recording_along_a_score(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way, with the shipped networks: two seconds of a duet."""
    mido = pytest.importorskip("mido")
    rows = np.full((2, 131), np.nan)
    rows[0, 6:62], rows[0, 62:118], rows[1, 6:118] = hertz(64.0), hertz(65.0), hertz(60.0)
    write_midi(F0Tracks(rows), Path("piece.mid"), ["Alto", "Bass"])
    assert main(["f0", "mix.wav", "--score", "piece.mid", "-o", "notes.mid", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["voices"] == 2
    assert document["written"] == ["notes.mid"]
    assert document["warnings"] == []
    tracks = mido.MidiFile("notes.mid").tracks[1:]
    assert [track.name for track in tracks] == ["Alto", "Bass"]
    assert [[m.note for m in track if m.type == "note_on"] for track in tracks] == [[64, 65], [60]]
