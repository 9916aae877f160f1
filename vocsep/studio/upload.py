"""A recording that is sent by the page: streamed to the disk, never held, refused beyond a limit."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from vocsep.errors import SettingsError
from vocsep.media.names import is_file_name
from vocsep.media.staging import scratch_beside
from vocsep.studio.desk import Desk
from vocsep.studio.folders import UPLOADED, new_folder
from vocsep.studio.project import Project

LONGEST_NAME = 200  # characters


async def receive(desk: Desk, request: Request, answer: Callable[[Project], dict[str, Any]]) -> Response:
    """Take in the recording that is the body of a request, and open it as a new project.

    Args:
        desk: where it is put.
        request: ``?name=`` is the name of its file.
        answer: what the page is told of the project.

    Raises:
        SettingsError: a name that no file can have. AudioError: it is no recording.
    """
    name = request.query_params.get("name", "")
    if not is_file_name(name) or len(name) > LONGEST_NAME:
        raise SettingsError(f"name: {name[:LONGEST_NAME]!r} cannot be the name of a file")
    desk.refuse_while_busy()
    said = request.headers.get("content-length", "")
    size = int(said) if said.isdecimal() else 0
    if size > desk.largest_upload:
        return _refused(413, f"{name}: larger than {desk.largest_upload} bytes")
    desk.projects.mkdir(parents=True, exist_ok=True)
    if size > shutil.disk_usage(desk.projects).free:
        return _refused(507, f"{name}: the disk has no room for it")
    with scratch_beside([desk.projects / name]) as (scratch,):
        with scratch.open("wb") as file:
            received = 0
            try:
                async for block in request.stream():
                    received += len(block)
                    if received > desk.largest_upload:
                        return _refused(413, f"{name}: larger than {desk.largest_upload} bytes")
                    file.write(block)
            except ClientDisconnect:
                return _refused(400, f"{name}: only a part of it came")
        project = await run_in_threadpool(_taken_in, desk, scratch, name)
    return JSONResponse({"project": answer(project)})


def _taken_in(desk: Desk, scratch: Path, name: str) -> Project:
    """A new project of a file that was received; one that is no recording leaves nothing behind."""
    folder = new_folder(desk.projects, name)
    try:
        recording = folder / UPLOADED / name
        recording.parent.mkdir(parents=True)
        scratch.replace(recording)
        project = Project.create(folder, f"{UPLOADED}/{name}")
        desk.put(project)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return project


def _refused(status: int, line: str) -> Response:
    return JSONResponse({"error": line}, status, {"Connection": "close"})
