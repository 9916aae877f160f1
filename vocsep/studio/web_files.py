"""The files of the page: flat folders beside the code, and nothing else on this machine."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

HERE = Path(__file__).parent
FOLDERS = {"studio": HERE / "web", "player": HERE.parent / "player" / "web"}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


def web_file(request: Request, folder: str, name: str | None = None) -> Response:
    """A file of one of `FOLDERS`, found by comparing its name with those that lie there."""
    wanted = request.path_params["name"] if name is None else name
    for path in FOLDERS[folder].glob("*"):
        if path.name == wanted and path.suffix in TYPES and path.is_file():
            return Response(path.read_bytes(), media_type=TYPES[path.suffix])
    return JSONResponse({"error": "not found"}, 404)
