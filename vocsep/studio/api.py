"""The addresses of the studio: each turns a request into a call of the desk, and its outcome into JSON."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

import vocsep
from vocsep.errors import SettingsError, VocsepError
from vocsep.studio.audio import read_piece
from vocsep.studio.desk import Desk
from vocsep.studio.edits import parse_edit
from vocsep.studio.exports import FOLDER as EXPORTS
from vocsep.studio.jobs import Busy
from vocsep.studio.spectrogram import tile_plan, tile_png
from vocsep.studio.upload import receive
from vocsep.studio.views import project_view, tracks_view
from vocsep.studio.web_files import web_file

LARGEST_JSON = 4 << 20  # bytes of a request

Plain = dict[str, Any]


def application(desk: Desk) -> Starlette:
    """The studio's application; `vocsep.studio.guard` stands before it."""
    posts: dict[str, Callable[[Desk, Plain], Plain]] = {
        "open": _open,
        "separate": _separate,
        "separate-again": _separate_again,
        "export": _export,
        "job/cancel": lambda desk, _: {"job": _job(desk.cancel())},
        "edits": _edit,
        "undo": lambda desk, _: _stepped(desk, -1),
        "redo": lambda desk, _: _stepped(desk, 1),
    }
    gets: dict[str, Callable[[Desk, Request], Response]] = {
        "state": lambda desk, _: JSONResponse(_state(desk)),
        "job": lambda desk, _: JSONResponse({"job": _job(desk.jobs.latest)}),
        "tracks": lambda desk, _: JSONResponse(tracks_view(desk.opened)),
        "audio/{sound}": _audio,
        "spectrogram/info": lambda desk, _: JSONResponse(tile_plan(desk.opened)),
        "spectrogram": _tile,
        "export/{name}": _exported,
    }
    routes = [Route(f"/api/{path}", _posted(desk, call), methods=["POST"]) for path, call in posts.items()]
    routes += [Route(f"/api/{path}", _got(desk, call), methods=["GET"]) for path, call in gets.items()]
    routes += [Route("/api/upload", partial(_upload, desk), methods=["POST"])]
    routes += [Route("/", partial(web_file, folder="studio", name="index.html"))]
    routes += [Route("/web/{name}", partial(web_file, folder="studio"))]
    routes += [Route("/player/{name}", partial(web_file, folder="player"))]
    return Starlette(
        routes=routes, exception_handlers={VocsepError: _refused, Exception: _defect, 404: _lost, 405: _lost}
    )


def _got(desk: Desk, call: Callable[[Desk, Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(call, desk, request)

    return endpoint


def _posted(desk: Desk, call: Callable[[Desk, Plain], Plain]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = bytearray()
        async for block in request.stream():
            body += block
            if len(body) > LARGEST_JSON:
                return _error(413, f"a request of more than {LARGEST_JSON} bytes")
        try:
            plain = json.loads(body or b"{}")
        except ValueError:
            return _error(400, "the request is no JSON")
        if not isinstance(plain, dict):
            return _error(400, "the request is no JSON object")
        return JSONResponse(await run_in_threadpool(call, desk, plain))

    return endpoint


def _state(desk: Desk) -> Plain:
    project = desk.project
    view = None if project is None else project_view(project)
    return {"version": vocsep.__version__, "project": view, "job": _job(desk.jobs.latest)}


def _job(job: Any) -> Plain | None:
    return None if job is None else job.to_dict()


def _open(desk: Desk, plain: Plain) -> Plain:
    path = plain.get("path")
    if not isinstance(path, str) or not path or "\0" in path:
        raise SettingsError("path: the path of a recording or of a project's folder is needed")
    return {"project": project_view(desk.open(Path(path)))}


def _separate(desk: Desk, plain: Plain) -> Plain:
    voices, names = plain.get("voices"), plain.get("names")
    if voices is not None and (not isinstance(voices, int) or isinstance(voices, bool)):
        raise SettingsError(f"voices: {voices!r} is neither a number nor null")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise SettingsError("names: a list of names, or null")
    f0 = plain.get("f0")
    if f0 is not None and not (isinstance(f0, str) and f0 and "\0" not in f0):
        raise SettingsError("f0: the path of an F0 file, or null")
    return {"job": _job(desk.separate(voices, names or None, f0))}


async def _upload(desk: Desk, request: Request) -> Response:
    return await receive(desk, request, project_view)


def _separate_again(desk: Desk, plain: Plain) -> Plain:
    if not plain:
        return {"job": _job(desk.separate_again(None))}
    bounds = [plain.get("start"), plain.get("end")]
    if not all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in bounds):
        raise SettingsError("start, end: two times in seconds, or neither")
    return {"job": _job(desk.separate_again((float(bounds[0]), float(bounds[1]))))}  # type: ignore[arg-type]


def _export(desk: Desk, plain: Plain) -> Plain:
    ids, options = plain.get("ids"), plain.get("options") or {}
    if not isinstance(ids, list) or not isinstance(options, dict):
        raise SettingsError("ids: a list of exports; options: an object")
    return {"job": _job(desk.export([str(name) for name in ids], options))}


def _edit(desk: Desk, plain: Plain) -> Plain:
    project = desk.opened
    changed = project.edit(parse_edit(plain.get("edit")))
    return {"project": project_view(project), "changed": changed}


def _stepped(desk: Desk, steps: int) -> Plain:
    project = desk.opened
    changed = project.step(steps)
    return {"project": project_view(project), "changed": changed}


def _audio(desk: Desk, request: Request) -> Response:
    project, sound = desk.opened, request.path_params["sound"]
    tag = f'"{project.folder.stat().st_ino}-{0 if sound == "mix" else project.file.stems_revision}"'
    start, end = _seconds(request, "start"), _seconds(request, "end")
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    piece = read_piece(project, sound, start or 0.0, end)
    headers |= {
        "X-Rate": str(piece.sample_rate),
        "X-Channels": str(piece.channels),
        "X-First": str(piece.first),
        "X-Count": str(piece.count),
        "X-Gain": repr(piece.gain),
    }
    return Response(piece.pcm, media_type="application/octet-stream", headers=headers)


def _tile(desk: Desk, request: Request) -> Response:
    numbers = [request.query_params.get(name, "") for name in ("level", "tile")]
    if not all(number.isascii() and number.isdecimal() and len(number) < 9 for number in numbers):
        raise SettingsError("level, tile: two whole numbers are needed")
    picture = tile_png(desk.opened, int(numbers[0]), int(numbers[1]))
    return Response(picture, media_type="image/png")


def _exported(desk: Desk, request: Request) -> Response:
    folder = desk.opened.folder / EXPORTS
    for path in folder.glob("[!.]*"):
        if path.name == request.path_params["name"] and path.is_file():
            return FileResponse(path, filename=path.name)
    return _error(404, "not found")


def _seconds(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"{name}: {text!r} is no number of seconds") from None


def _error(status: int, line: str) -> JSONResponse:
    return JSONResponse({"error": line}, status)


def _refused(_: Request, error: Exception) -> Response:
    return _error(409 if isinstance(error, Busy) else 400, " ".join(str(error).split()))


def _defect(_: Request, error: Exception) -> Response:
    return _error(500, f"a defect of vocsep, no mistake of yours: {type(error).__name__}: {error}")


def _lost(_: Request, error: Exception) -> Response:
    return _error(getattr(error, "status_code", 404), "not found")
