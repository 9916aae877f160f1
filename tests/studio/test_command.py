"""``vocsep studio`` before anything is served: what cannot be is said in one line."""

import sys
from pathlib import Path
from time import monotonic

import pytest

from vocsep.cli import main
from vocsep.studio.jobs import Job


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_a_package_that_lacks_is_named_with_its_extra(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith(("vocsep.studio.", f"{package}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["studio", "--no-browser"]) == 1
    error = capsys.readouterr().err
    assert f"needs {package}" in error and "vocsep[studio]" in error and error.count("\n") == 1


def test_what_cannot_be_opened_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    projects = ["-o", str(tmp_path / "projects"), "--no-browser"]
    assert main(["studio", str(tmp_path / "gone.wav"), *projects]) == 1
    assert main(["studio", str(tmp_path), *projects]) == 1
    assert main(["studio", "-o", str(tmp_path / "file")]) == 2
    assert main(["studio", "--port", "99999"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(
        word in line for word, line in zip(("gone.wav", "project.json", "file", "99999"), lines, strict=True)
    )
    assert not (tmp_path / "projects").exists()


def test_the_time_left_follows_from_the_share_that_is_done() -> None:
    job = Job(1, "separate", begun=monotonic() - 10)
    assert job.to_dict()["left"] is None  # nobody knows yet
    job.share = 0.25
    assert job.to_dict()["left"] == pytest.approx(30, abs=1)
    job.state = "done"
    assert job.to_dict()["left"] is None
