"""What is taken out of a project: all that the command line writes, and a passage of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile

from vocsep.errors import DependencyError, SettingsError
from vocsep.pitch.tracks import F0Tracks
from vocsep.studio import exports
from vocsep.studio.edits import Edit
from vocsep.studio.project import Project
from vocsep.transcription.exports import FORMATS

Run = Callable[..., dict[str, Any]]


def test_everything_that_the_command_line_exports_is_in_the_menu() -> None:
    ids = {entry["id"] for entry in exports.menu()}
    assert ids == {"f0-csv", "f0-json", "f0-mirex", "stems", "minus-one", "practice", "page", *FORMATS}


def test_all_of_it_is_written_and_nothing_else_is_left(project: Project, run: Run) -> None:
    ids = [entry["id"] for entry in exports.menu() if entry["lacks"] is None]
    files = run(project, "export", ids=ids, options={"format": "flac"})["files"]
    folder = project.folder / "exports"
    assert sorted(files) == sorted(path.name for path in folder.iterdir())
    assert {"Sopran.flac", "Baß_minus.flac", "Sopran_practice.flac", "Sopran_left.flac"} <= {*files}
    assert "Sopran" in (folder / "Jürgens Chor.html").read_text(encoding="utf-8")
    assert "Jürgens Chor_pitches.csv" in files and "Jürgens Chor_Baß.PitchTier" in files
    tracks = F0Tracks.read_csv(folder / "Jürgens Chor_pitches.csv")
    assert project.tracks is not None and tracks.names == ("Sopran", "Baß")
    np.testing.assert_allclose(tracks.frequencies, project.tracks.frequencies, atol=0.001)


def test_what_is_exported_is_what_was_corrected(project: Project, run: Run) -> None:
    project.edit(Edit("erase", 0, 0.0, 99.0))
    run(project, "export", ids=["f0-csv"], options={})
    tracks = F0Tracks.read_csv(project.folder / "exports" / "Jürgens Chor_pitches.csv")
    assert not tracks.voiced[0].any()


def test_a_passage_begins_where_it_does_in_the_recording(project: Project, run: Run) -> None:
    options = {"start": 4.0, "end": 6.0, "format": "wav"}
    run(project, "export", ids=["f0-csv", "stems", "minus-one"], options=options)
    folder = project.folder / "exports"
    lines = (folder / "Jürgens Chor_pitches.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1].startswith("4.000,") and len(lines) == 1 + 125
    mixture, rate = soundfile.read(project.recording)
    for name in ("Sopran", "Baß"):
        stem, minus = (soundfile.read(folder / f"{name}{end}.wav")[0] for end in ("", "_minus"))
        np.testing.assert_allclose(stem + minus, mixture[4 * rate : 6 * rate], atol=1e-4)
    assert not [*folder.glob("*_practice*"), *folder.glob("*_left*")]


@pytest.mark.parametrize(
    ("ids", "options", "word"),
    [
        ([], {}, "nothing"),
        (["everything"], {}, "everything"),
        (["stems"], {"format": "aac"}, "aac"),
        (["stems"], {"start": "now"}, "now"),
        (["stems"], {"end": -1}, "-1"),
        (["stems"], {"start": float("nan")}, "nan"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_any_work(
    ids: list[str], options: dict[str, Any], word: str
) -> None:
    with pytest.raises(SettingsError, match=word):
        exports.check(ids, options)


def test_an_empty_passage_is_refused(project: Project, run: Run) -> None:
    for ids in (["stems"], ["f0-csv"]):
        with pytest.raises(SettingsError, match="nothing of the recording"):
            run(project, "export", ids=ids, options={"start": 5.0, "end": 5.0})


def test_what_lacks_a_package_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "find_spec", lambda name: None)
    lacking = {entry["id"]: entry["lacks"] for entry in exports.menu() if entry["lacks"]}
    assert {*lacking} == {"midi", "musicxml"} and "vocsep[midi]" in str(lacking["midi"])
    with pytest.raises(DependencyError, match=r"vocsep\[score\]"):
        exports.check(["musicxml"], {})
