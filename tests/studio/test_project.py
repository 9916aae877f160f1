"""The project beside its stems: what is kept, what is undone, and that nothing is lost."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from dead import of_a_dead_process

from vocsep.errors import AudioError, VocsepError
from vocsep.media.leftovers import FOLDER, HIDDEN
from vocsep.pitch.tracks import F0Tracks
from vocsep.studio import project_file
from vocsep.studio.edits import Edit, parse_edit
from vocsep.studio.folders import new_folder, open_path
from vocsep.studio.project import Project
from vocsep.studio.project_file import NAME, ProjectFile, read_project

EDITS = [
    Edit("shift", 0, 1.0, 2.0, cents=1200.0),
    Edit("erase", 1, 1.5, 3.0),
    Edit("give", 0, 0.5, 4.0, 1),
    Edit("swap", 1, 6.0, None, 0),
    parse_edit({"kind": "draw", "voice": 1, "points": [[7.0, 200.0], [8.0, 250.0]]}),
    Edit("extend", 1, 1.0, 3.5),
]


def rows(project: Project) -> np.ndarray:
    assert project.tracks is not None
    return project.tracks.frequencies


def same(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_array_equal(one, other)


def test_undoing_all_is_nothing_and_doing_all_again_is_all(project: Project) -> None:
    states = [rows(project)]
    for edit in EDITS:
        project.edit(edit)
        states.append(rows(project))
    for state in states[-2::-1]:
        project.step(-1)
        same(rows(project), state)
    assert project.dirty == []
    with pytest.raises(AudioError, match="undo"):
        project.step(-1)
    for state in states[1:]:
        project.step(1)
        same(rows(project), state)
    with pytest.raises(AudioError, match="again"):
        project.step(1)


def test_a_new_edit_discards_what_was_undone(project: Project) -> None:
    project.edit(EDITS[0])
    project.step(-1)
    project.edit(EDITS[1])
    assert project.file.edits == (EDITS[1],)


def test_a_project_is_found_again_as_it_was_left(project: Project, tmp_path: Path) -> None:
    for edit in EDITS:
        project.edit(edit)
    project.step(-1)
    again = open_path(project.folder, tmp_path)
    same(rows(again), rows(project))
    assert again.file == project.file and again.dirty == project.dirty
    again.step(1)
    assert again.file.done == len(EDITS)
    again.close()


def test_an_edit_that_cannot_be_kept_does_not_hold(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(project)

    def full(self: ProjectFile, folder: Path) -> None:
        raise AudioError("no room")

    monkeypatch.setattr(ProjectFile, "write", full)
    with pytest.raises(AudioError, match="no room"):
        project.edit(EDITS[0])
    same(rows(project), before)
    assert not project.file.edits


def test_what_another_studio_kept_is_not_written_over(project: Project) -> None:
    other = Project.open(project.folder)
    other.edit(EDITS[0])
    for change in (lambda: project.edit(EDITS[1]), lambda: project.commit(notes=())):
        with pytest.raises(AudioError, match="another program"):
            change()
    assert Project.open(project.folder).file.edits == (EDITS[0],)
    other.close()


def test_the_file_that_the_page_shows_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "studio.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (tmp_path / NAME).write_text(example, encoding="utf-8")
    file = read_project(tmp_path)
    assert [edit.kind for edit in file.edits] == ["shift", "give", "swap", "draw"] and file.done == 4
    file.write(tmp_path)
    assert json.loads((tmp_path / NAME).read_text(encoding="utf-8")) == json.loads(example)


def test_the_file_says_what_it_is_and_is_readable(project: Project) -> None:
    project.edit(EDITS[0])
    text = (project.folder / NAME).read_text(encoding="utf-8")
    plain = json.loads(text)
    assert (plain["format"], plain["version"]) == ("vocsep project", 1)
    assert "Baß" in text and "Frühling" in text
    assert plain["edits"] == [{"kind": "shift", "voice": 0, "start": 1.0, "end": 2.0, "cents": 1200.0}]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": "song"}, "no project"),
        ({"version": 2}, "version 2"),
        ({"voices": ["../../x", "y"]}, "name of a file"),
        ({"pitches": "../x"}, "name of a file"),
        ({"edits": [{"kind": "sing"}]}, "sing"),
        ({"edits": 3}, "list"),
        ({"done": 7}, "damaged"),
        ({"done": -1}, "whole numbers"),
        ({"recording": None}, "damaged"),
        ({"recording": "gone.wav"}, "gone.wav"),
        ({"voices": ["only one"]}, "fit"),
    ],
)
def test_a_file_that_was_spoilt_is_refused_in_one_line(
    project: Project, change: dict[str, object], word: str
) -> None:
    path = project.folder / NAME
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(VocsepError, match=word) as refused:
        Project.open(project.folder)
    assert "\n" not in str(refused.value)


def test_damaged_arrays_are_refused(project: Project) -> None:
    (project.folder / project.file.pitches).write_bytes(b"\xff" * 100)
    with pytest.raises(AudioError, match="cannot be read"):
        Project.open(project.folder)


def test_arrays_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    array = rng.normal(size=(3, 7)).T  # not contiguous
    project_file.write_arrays(tmp_path / "a.safetensors", f0=array)
    same(project_file.read_arrays(tmp_path / "a.safetensors", "f0")[0], array)
    with pytest.raises(AudioError, match="holds no sure"):
        project_file.read_arrays(tmp_path / "a.safetensors", "sure")


def test_alternatives_stay_where_nothing_was_corrected(project: Project) -> None:
    assert project.estimated is not None
    heard = project.estimated.alternative
    project.edit(EDITS[0])
    kept = project.with_alternatives.alternative
    inside = (F0Tracks(heard.frequencies).times >= 1.0) & (heard.times < 2.0) & project.estimated.voiced[0]
    assert not kept.voiced[:, inside].any()
    same(kept.frequencies[:, ~inside], heard.frequencies[:, ~inside])


def test_a_recording_finds_its_project_again_and_a_namesake_gets_its_own(
    project: Project, tmp_path: Path
) -> None:
    recording = tmp_path / "a" / "song.wav"
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(project.recording, tmp_path / folder / "song.wav")
    projects = tmp_path / "projects"
    folders = []
    for path in (recording, tmp_path / "b" / "song.wav", recording):
        opened = open_path(path, projects)
        folders.append(opened.folder.name)
        opened.close()
    assert folders == ["song", "song_2", "song"]
    moved = project.folder.rename(tmp_path / "moved")
    opened = open_path(moved / "recording" / "Frühling.wav", projects)
    assert opened.folder == moved and opened.file.voices == ("Sopran", "Baß")
    opened.close()
    assert new_folder(projects, "song.mp3").name == "song_3"
    assert new_folder(projects, "Wer? Ö #1.mp3").name == "Wer_ Ö #1"


@pytest.mark.skipif(os.name != "posix", reason="only there processes can be asked for")
def test_what_a_killed_program_left_is_removed(project: Project, tmp_path: Path) -> None:
    stem, work = of_a_dead_process(HIDDEN, ".wav"), of_a_dead_process(FOLDER)
    (project.folder / stem).write_bytes(b"half")
    (project.folder / "exports" / work).mkdir(parents=True)
    (project.folder / "exports" / work / "half.mid").write_bytes(b"half")
    (project.folder / ".vocsep-mine.wav").write_bytes(b"of somebody else")
    before = {stem: stem.read_bytes() for stem in project.stems}
    open_path(project.folder / NAME, tmp_path).close()
    assert [path.name for path in project.folder.rglob("*vocsep-*")] == [".vocsep-mine.wav"]
    assert {stem: stem.read_bytes() for stem in project.stems} == before


@pytest.mark.parametrize("name", ["none.wav", "folder", "text.txt"])
def test_what_is_no_recording_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("no sound")
    with pytest.raises(AudioError):
        open_path(tmp_path / name, tmp_path / "projects")
    assert not [*tmp_path.glob("projects/*")]
