"""The studio as it runs: a process of its own, driven over HTTP, cancelled, flooded and killed."""

import contextlib
import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from studio_process import Studio

from vocsep.errors import SettingsError
from vocsep.studio.folders import open_path
from vocsep.studio.project import Project
from vocsep.studio.server import listen


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One for all tests that leave it alive."""
    studio = Studio("--adapt", "0", "-o", tmp_path_factory.mktemp("projects"))
    yield studio
    studio.kill()


@pytest.fixture
def studio(running: Studio, project: Project) -> Studio:
    """The same, with a copy of the duet on the desk."""
    assert running.ask("open", {"path": str(project.folder)})["project"]["name"] == project.folder.name
    return running


def ended(number: int, seconds: float = 8.0) -> bool:
    """Whether a process ends within some seconds."""
    for _ in range(int(seconds / 0.05)):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                time.sleep(0.05)
                continue
        return True
    return False


def test_a_session_survives_being_killed(project: Project, tmp_path: Path) -> None:
    """Edits, a passage separated again, and then a kill in the middle of the next one."""
    studio = Studio("--adapt", "0", "-o", tmp_path / "projects", project.folder)
    shift = {"kind": "shift", "voice": 0, "start": 4.0, "end": 6.0, "cents": 1200}
    answer = studio.ask("edits", {"edit": shift})
    assert answer["project"]["dirty"] == [answer["changed"]]
    studio.ask("separate-again", {})
    studio.wait("done")
    state = studio.ask("state")["project"]
    assert state["dirty"] == [] and state["stems_revision"] == 2
    studio.ask("edits", {"edit": {"kind": "swap", "voice": 1, "with": 0, "start": 2.0}})
    studio.ask("edits", {"edit": {"kind": "give", "voice": 0, "to": 1, "start": 1.0, "end": 2.0}})
    studio.ask("undo", {})
    left = studio.ask("state")["project"]
    (worker,) = studio.workers()
    studio.ask("separate-again", {})
    for _ in range(10_000):
        if [*project.folder.glob(".vocsep-*.wav")]:  # the copies of the stems
            break
        time.sleep(0.002)
    studio.process.send_signal(signal.SIGKILL)
    studio.process.communicate()
    assert ended(worker), "what computes outlived the server"
    again = open_path(project.folder, tmp_path)
    assert [edit.to_dict()["kind"] for edit in again.file.edits] == ["shift", "swap", "give"]
    assert again.file.done == 2 and again.file.revision == left["revision"]
    assert [list(span) for span in again.dirty] == left["dirty"] != []
    mixture = soundfile.read(again.recording)[0]
    stems = np.sum([soundfile.read(stem)[0] for stem in again.stems], axis=0)
    np.testing.assert_allclose(stems, mixture, atol=2e-6)
    assert not [*again.folder.rglob(".vocsep-*")]
    again.close()


def test_cancelling_stops_what_computes_and_leaves_all_as_it_was(studio: Studio, project: Project) -> None:
    before = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    studio.ask("separate", {"voices": 2})
    assert "being done" in studio.ask("separate", {"voices": 2})["error"]
    assert "being done" in studio.ask("open", {"path": str(project.folder)})["error"]
    studio.wait("running", "pitch")
    (worker,) = studio.workers()
    assert studio.ask("job/cancel", {})["job"]["state"] == "cancelled"
    assert not Path(f"/proc/{worker}").exists()
    assert {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()} == before
    assert studio.ask("job")["job"]["state"] == "cancelled"
    studio.ask("export", {"ids": ["f0-csv"]})  # and the next one works
    assert studio.wait("done")["files"] == ["Jürgens Chor_pitches.csv"]


def test_a_job_that_fails_says_why_in_one_line(studio: Studio, project: Project) -> None:
    project.recording.write_bytes(b"no sound")
    studio.ask("separate", {})
    for _ in range(200):
        job = studio.ask("job")["job"]
        if job["state"] != "running":
            break
        time.sleep(0.05)
    assert job["state"] == "failed" and "Frühling.wav" in job["error"] and "\n" not in job["error"]


def test_fifty_connections_are_bounded_and_no_harm_is_left(studio: Studio) -> None:
    host, port = studio.host.split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(50)]
    try:
        connection = http.client.HTTPConnection(studio.host, timeout=20)
        connection.request("GET", f"/{studio.secret}/api/state")
        assert connection.getresponse().status == 503
        connection.close()
    finally:
        for one in silent:
            one.close()
    for _ in range(100):
        with contextlib.suppress(ValueError):  # busy, in plain text
            if studio.ask("state")["project"] is not None:
                break
        time.sleep(0.05)
    else:
        raise AssertionError("still busy")
    flood = [socket.create_connection((host, int(port))) for _ in range(80)]
    time.sleep(0.3)
    closed = 0
    for one in flood:
        one.settimeout(0.01)
        with contextlib.suppress(TimeoutError):
            closed += one.recv(1) == b""
        one.close()
    assert closed >= 80 - 2 * 32


def test_three_gigabytes_are_refused_before_they_come(studio: Studio) -> None:
    connection = http.client.HTTPConnection(studio.host, timeout=20)
    connection.putrequest("POST", f"/{studio.secret}/api/upload?name=big.wav")
    connection.putheader("X-Vocsep", "1")
    connection.putheader("Content-Length", str(3 << 30))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413 and "big.wav" in json.loads(response.read())["error"]
    connection.close()


def test_a_taken_port_is_refused(running: Studio) -> None:
    with pytest.raises(SettingsError, match="cannot be used"):
        listen(int(running.host.split(":")[1]))


def test_nobody_on_the_network_is_heard(running: Studio) -> None:
    with listen(0) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


def test_it_ends_quietly_when_it_is_asked_to(studio: Studio) -> None:
    """The last of these tests, as nobody needs it any more."""
    studio.ask("separate", {})
    (worker,) = studio.workers()
    studio.process.send_signal(signal.SIGINT)
    studio.process.communicate(timeout=20)
    assert studio.process.returncode == 0 and ended(worker)
