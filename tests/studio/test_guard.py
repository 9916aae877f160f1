"""Who may speak to the studio."""

import asyncio
import json
from pathlib import Path

import pytest
from starlette.types import Message, Scope

from vocsep.studio.api import application
from vocsep.studio.desk import Desk
from vocsep.studio.guard import Guard, new_token

TOKEN, PORT = new_token(), 4321
OURS = {"host": f"127.0.0.1:{PORT}"}


def ask(
    tmp_path: Path, path: str, method: str = "GET", headers: dict[str, str] = OURS, body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a request, as it came over the wire: no client tidies it."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "root_path": "",
    }
    asyncio.run(Guard(application(Desk(tmp_path)), TOKEN, PORT)(scope, receive, send))
    start = sent[0]
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


def test_our_own_page_is_let_through_and_told_to_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    for host in (f"127.0.0.1:{PORT}", f"localhost:{PORT}"):
        status, headers, body = ask(tmp_path, f"/{TOKEN}/api/state", headers={"host": host})
        assert status == 200 and json.loads(body)["project"] is None
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe-inline" not in headers["content-security-policy"].split("style-src")[0]
    assert headers["cache-control"] == "no-store" and headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    ["/", "/api/state", f"/{TOKEN[:-1]}/api/state", f"/x/{TOKEN}/api/state", "//"],
    ids=["nothing", "none", "shortened", "elsewhere", "empty"],  # the same in each process that runs tests
)
def test_without_the_secret_there_is_nothing(tmp_path: Path, path: str) -> None:
    status, _, body = ask(tmp_path, path)
    assert status == 404 and TOKEN not in body.decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"host": f"evil.example:{PORT}"},
        {"host": "127.0.0.1"},
        {},
        OURS | {"origin": "https://evil.example"},
        OURS | {"origin": "null"},
        OURS | {"origin": f"http://127.0.0.1:{PORT + 1}"},
        OURS | {"sec-fetch-site": "cross-site"},
    ],
)
def test_another_name_and_another_origin_are_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    assert ask(tmp_path, f"/{TOKEN}/api/state", headers=headers)[0] == 403


def test_what_changes_anything_needs_a_header_that_no_form_can_send(tmp_path: Path) -> None:
    path = f"/{TOKEN}/api/undo"
    assert ask(tmp_path, path, "POST")[0] == 403
    form = OURS | {"content-type": "application/x-www-form-urlencoded"}
    assert ask(tmp_path, path, "POST", form)[0] == 403
    status, _, body = ask(tmp_path, path, "POST", OURS | {"x-vocsep": "1"})
    assert status == 400 and json.loads(body)["error"] == "no recording is open"


@pytest.mark.parametrize(
    "path",
    ["web/../api.py", "web/..%2fapi.py", "web/%2e%2e/api.py", "web//etc/passwd", "../etc/passwd", "web/.."],
)
def test_no_path_leaves_the_folder_of_the_page(tmp_path: Path, path: str) -> None:
    status, _, body = ask(tmp_path, f"/{TOKEN}/{path}")
    assert status == 404 and b"import" not in body


@pytest.mark.parametrize(
    "body", [b"{", b"[1]", b'{"path": 3}', b'{"path": "a\\u0000b"}', b'{"path": "/no/such"}']
)
def test_a_request_that_makes_no_sense_is_refused_in_one_line(tmp_path: Path, body: bytes) -> None:
    status, _, said = ask(tmp_path, f"/{TOKEN}/api/open", "POST", OURS | {"x-vocsep": "1"}, body)
    error = json.loads(said)["error"]
    assert status == 400 and error and "\n" not in error


def test_a_request_larger_than_any_edit_is_refused(tmp_path: Path) -> None:
    status, *_ = ask(tmp_path, f"/{TOKEN}/api/edits", "POST", OURS | {"x-vocsep": "1"}, b" " * (5 << 20))
    assert status == 413
