"""Damaged files of every kind that is read: a recording or one line, never a traceback."""

import shutil
from pathlib import Path

import pytest

from benchmarks.fuzz import run
from benchmarks.fuzz_kinds import BY_FFMPEG


@pytest.mark.filterwarnings("ignore")  # what libraries say of damaged files is theirs
def test_damaged_files_are_read_or_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")  # ffmpeg, where it is, takes half a second a file
    found = list(run(6, 1, tmp_path))
    assert len(found) >= 21 and {tried for _, tried, _ in found} == {6}
    assert [fault for _, _, faults in found for fault in faults] == []


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_so_are_those_that_ffmpeg_alone_reads(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = list(run(2, 1, tmp_path, only=tuple(BY_FFMPEG)))
    assert [kind for kind, _, _ in found] == list(BY_FFMPEG)
    assert [fault for _, _, faults in found for fault in faults] == []
