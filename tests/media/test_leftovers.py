"""What a killed run has left is recognised by its name, and nothing else is removed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from dead import of_a_dead_process

from vocsep.errors import AudioError
from vocsep.media.leftovers import FOLDER, HIDDEN, own_name, remove_leftovers, temporary_folder
from vocsep.media.locking import locked_folder
from vocsep.media.staging import written_beside

pytestmark = pytest.mark.skipif(os.name != "posix", reason="only there processes can be asked for")


@pytest.fixture(scope="module")
def dead() -> str:
    return of_a_dead_process(HIDDEN, ".wav")


def test_files_of_dead_processes_go_and_all_others_stay(tmp_path: Path, dead: str) -> None:
    machine, process, rest = dead.removeprefix(HIDDEN).split("-")
    stay = [
        own_name(suffix=".wav"),  # of a process that lives: this one
        f"{HIDDEN}{int(machine, 16) ^ 1:08x}-{process}-{rest}",  # of another machine
        f"{HIDDEN}{machine}-{process}",  # no name of ours
        f"copy of {dead}",
        ".vocsep-cache",
        "voice_1.wav",
    ]
    for name in [dead, *stay]:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / dead.replace(HIDDEN, FOLDER)).write_bytes(b"a file, where ours are folders")
    (tmp_path / f"{dead}x").mkdir()  # a folder, where ours are files
    (tmp_path / dead.replace(rest, "0000.mp3")).symlink_to(tmp_path / "voice_1.wav")
    assert remove_leftovers(tmp_path) == [tmp_path / dead]
    assert len(list(tmp_path.iterdir())) == len(stay) + 3


def test_a_process_that_was_killed_and_nobody_asked_for_is_dead(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        machine, _, rest = own_name(suffix=".wav").removeprefix(HIDDEN).split("-")
        left = tmp_path / f"{HIDDEN}{machine}-{process.pid}-{rest}"
        left.touch()
        assert remove_leftovers(tmp_path) == []  # it lives
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
        assert remove_leftovers(tmp_path) == ([left] if sys.platform == "linux" else [])


def test_whoever_writes_there_next_removes_them(tmp_path: Path, dead: str) -> None:
    (tmp_path / dead).write_bytes(b"half a stem")
    with written_beside(tmp_path / "a.csv") as staged:
        staged.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_decoded_recordings_of_dead_processes_go(
    tmp_path: Path, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / dead.replace(HIDDEN, FOLDER).removesuffix(".wav")
    left.mkdir()
    (left / "decoded.wav").write_bytes(b"the whole recording")
    with temporary_folder() as folder:
        assert folder.parent == tmp_path and not left.exists()
        (folder / "decoded.wav").write_bytes(b"another one")
    assert list(tmp_path.iterdir()) == []


def test_two_runs_cannot_hold_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "stems"
    with locked_folder(folder):
        with pytest.raises(AudioError, match="another run of vocsep is writing there"), locked_folder(folder):
            pass
        assert folder.is_dir()
    assert not (tmp_path / "new").exists()  # nothing was written, nothing stays
    with locked_folder(folder):
        (folder / "a.wav").touch()
    assert folder.is_dir()


def test_where_a_file_stands_no_folder_is_made(tmp_path: Path) -> None:
    (tmp_path / "stems").touch()
    with pytest.raises(AudioError, match="cannot be written"), locked_folder(tmp_path / "stems"):
        pass
