"""Damaged files of every kind that is read: a recording or one line, never a traceback."""

from pathlib import Path

import pytest

from benchmarks.fuzz import run


@pytest.mark.filterwarnings("ignore")  # what libraries say of damaged files is theirs
def test_damaged_files_are_read_or_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")  # ffmpeg, where it is, takes half a second a file
    found = run(6, 1, tmp_path)
    assert sum(tried for tried, _ in found.values()) == 6 * len(found)
    assert [fault for _, faults in found.values() for fault in faults] == []
