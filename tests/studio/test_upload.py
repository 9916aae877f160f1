"""A recording that is sent: taken in, or refused with nothing left behind."""

import asyncio
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.types import Message, Scope

from vocsep.studio import upload
from vocsep.studio.api import application
from vocsep.studio.desk import Desk
from vocsep.studio.project import Project


def send_file(
    desk: Desk, name: str, blocks: Iterable[bytes], length: int | None = None, whole: bool = True
) -> tuple[int, Any]:
    """Status and JSON of the answer to an upload in blocks; not ``whole``: then the sender goes away."""
    sent: list[Message] = []
    pending = iter([*blocks])

    async def receive() -> Message:
        block = next(pending, None)
        if block is not None:
            return {"type": "http.request", "body": block, "more_body": True}
        return (
            {"type": "http.request", "body": b"", "more_body": False}
            if whole
            else {"type": "http.disconnect"}
        )

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    query = f"name={quote(name)}".encode()
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/upload",
        "query_string": query,
        "headers": headers,
    }
    asyncio.run(application(desk)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def left(desk: Desk) -> list[Path]:
    return [*desk.projects.rglob("*")]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "projects", largest_upload=1 << 20)


def test_a_recording_that_is_sent_becomes_a_project(desk: Desk, project: Project) -> None:
    data = project.recording.read_bytes()
    for number, folder in enumerate(["Müller, Ännchen", "Müller, Ännchen_2"]):
        blocks = (data[at : at + 10_000] for at in range(0, len(data), 10_000))
        status, answer = send_file(desk, "Müller, Ännchen.wav", blocks, len(data) if number else None)
        assert status == 200 and answer["project"]["name"] == folder
        recording = desk.projects / folder / "recording" / "Müller, Ännchen.wav"
        assert recording.read_bytes() == data and answer["project"]["seconds"] == pytest.approx(12.0)
    assert not [path for path in left(desk) if path.name.startswith(".")]
    desk.close()


def test_beyond_the_limit_all_is_refused_and_nothing_is_left(desk: Desk) -> None:
    kept = []

    def endless() -> Iterable[bytes]:
        for _ in range(100):
            kept.append(1)
            yield bytes(1 << 16)

    status, answer = send_file(desk, "big.wav", endless())
    assert status == 413 and "1048576 bytes" in answer["error"] and left(desk) == []
    assert send_file(desk, "big.wav", [], length=3 << 30)[0] == 413 and left(desk) == []


def test_a_sender_who_goes_away_leaves_nothing(desk: Desk) -> None:
    status, _ = send_file(desk, "half.wav", [b"RIFF"] * 9, whole=False)
    assert status == 400 and left(desk) == []


@pytest.mark.parametrize(
    "name", ["", "../evil.wav", "/etc/passwd", "a\\b.wav", ".hidden.wav", "a\0.wav", "x" * 300]
)
def test_a_name_that_leads_elsewhere_is_refused(desk: Desk, name: str) -> None:
    status, answer = send_file(desk, name, [b"RIFF"])
    assert status == 400 and "name" in answer["error"] and left(desk) == []


def test_what_is_no_recording_leaves_nothing(desk: Desk) -> None:
    status, answer = send_file(desk, "text.wav", [b"these are words"])
    assert status == 400 and "text.wav" in answer["error"] and left(desk) == []


def test_a_full_disk_is_said_before_anything_is_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        free = 1000

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Full)
    status, answer = send_file(desk, "a.wav", [], length=5000)
    assert status == 507 and "no room" in answer["error"] and left(desk) == []
    assert upload.shutil is shutil
