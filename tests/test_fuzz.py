"""Damaged files of every kind that is read: a recording or one line, never a traceback."""

from pathlib import Path

import pytest

from benchmarks.fuzz import run


@pytest.mark.filterwarnings("ignore")  # what libraries say of damaged files is theirs
def test_damaged_files_are_read_or_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")  # ffmpeg, where it is, takes half a second a file
    found = list(run(6, 1, tmp_path))
    assert len(found) >= 21 and {tried for _, tried, _ in found} == {6}
    assert [fault for _, _, faults in found for fault in faults] == []
