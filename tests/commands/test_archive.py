"""``separate`` and ``f0`` over an archive, with real networks that are tiny."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import music, tiny_models

from vocsep.archive.folders import result_folder
from vocsep.cli import main
from vocsep.commands.archive import duration
from vocsep.spectra import SAMPLE_RATE

MUSIC = 1.0  # s of each recording


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings below ``in``, their F0 in ``f0``, a file that is no recording, and networks."""
    folder = tmp_path_factory.mktemp("archive")
    tiny_models(folder)
    (folder / "in" / "deeper").mkdir(parents=True)
    (folder / "f0").mkdir()
    audio, tracks = music(MUSIC, channels=2)
    for name in ("first", "deeper/second"):
        soundfile.write(folder / "in" / f"{name}.wav", audio, SAMPLE_RATE, subtype="FLOAT")
        tracks.write_csv(folder / "f0" / f"{Path(name).name}.csv")
    (folder / "in" / "broken.wav").write_bytes(b"no recording")
    return folder


def arguments(archive: Path, command: str, source: str, output: str) -> list[str]:
    models = ["--refine", "0"]
    if command == "separate":
        models += ["--model", str(archive / "voices"), "--adapt", "0", "--f0", str(archive / "f0")]
        models += ["--filter", "mask", "--no-postfilter"]
    return [command, source, "-o", output, *models]


def test_an_archive_in_a_store_becomes_stems_that_add_up(
    archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, source = f"memory://{archive.name}/stems", f"file://{archive}/in"
    assert main(arguments(archive, "separate", source, output)) == 1
    said = capsys.readouterr()
    assert "2 of 3 recordings done, 1 failed" in said.out and "2 s of music" in said.out
    assert f"file://{archive}/in/broken.wav: " in said.err and "failed: file://" in said.err
    folder = result_folder(output)
    lines = [json.loads(line) for line in b"".join(folder.parts("manifest.jsonl")).splitlines()]
    done = {line["label"]: line for line in lines if line["status"] == "done"}
    assert sorted(done) == ["first", "second"] and len(lines) == 3
    for label, line in done.items():
        assert line["seconds_of_audio"] == pytest.approx(MUSIC) and line["voices"] == 3
        assert line["files"] == [f"{label}/voice_{voice}.wav" for voice in (1, 2, 3)]
        stems = []
        for name in line["files"]:
            (archive / "copy.wav").write_bytes(folder.read(name) or b"")
            stems.append(soundfile.read(archive / "copy.wav", dtype="float32")[0])
        mixture, _ = soundfile.read(archive / "in" / "first.wav", dtype="float32")
        np.testing.assert_allclose(np.sum(stems, axis=0), mixture, atol=2e-6)
    assert main([*arguments(archive, "separate", source, output), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["before"], document["done"], document["failed"][0]["input"]) == (
        2,
        0,
        f"file://{archive}/in/broken.wav",
    )


def test_a_folder_gets_an_f0_file_for_each_recording(archive: Path, tmp_path: Path) -> None:
    assert main([*arguments(archive, "f0", str(archive / "in"), str(tmp_path / "pitches")), "-n", "2"]) == 1
    made = sorted(path.name for path in (tmp_path / "pitches").iterdir())
    assert made == ["first.csv", "manifest.jsonl", "second.csv"]
    rows = (tmp_path / "pitches" / "first.csv").read_text().splitlines()
    assert rows[0] == "time,voice_1,voice_2" and len(rows) > 60


def test_a_place_without_recordings_is_said_and_the_others_are_done(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = arguments(archive, "f0", str(tmp_path / "gone.wav"), f"file://{tmp_path}/out")
    command.insert(1, str(archive / "in" / "first.wav"))
    assert main([*command, "-n", "2"]) == 1
    said = capsys.readouterr()
    assert f"{tmp_path}/gone.wav: no such file" in said.err and "1 of 1 recordings done" in said.out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("--workers 2 --scheduler tcp://here:1", "leave out --workers"),
        ("--workers 0", "0 is not within 1 .. 1024"),
        ("--workers 2 -o {archive}/voices", "is a file, a folder is needed"),
    ],
)
def test_what_makes_no_sense_is_refused(
    more: str, words: str, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["separate", str(archive / "in"), *more.format(archive=archive).split()]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("more", ["", "-o out --plot a.png", "-o out --method crepe"])
def test_a_folder_of_pitches_has_no_picture(
    more: str, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["f0", str(archive / "in"), *more.split()]) == 2
    assert "several recordings need -o FOLDER" in capsys.readouterr().err


def test_durations_in_words() -> None:
    assert [duration(s) for s in (42, 600, 4200, 1e6)] == ["42 s", "10 min", "1 h 10 min", "277 h 46 min"]
