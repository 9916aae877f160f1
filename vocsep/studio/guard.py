"""Who may speak to the studio: only the page that it opened itself, on this machine.

A web page from elsewhere that is open in the same browser can send requests to 127.0.0.1, too, and can find a
name of its own that leads there (DNS rebinding). So the address holds a secret; ``Host`` must be ours, which
defeats rebinding; an ``Origin``, where there is one, must be ours; and what changes anything needs a header
that no form of another page can send.
"""

import secrets
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-vocsep"
SAFE = ("GET", "HEAD")
POLICY = (
    # WebAssembly is what plays slower at the same pitch; it lets no text become a script.
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def new_token() -> str:
    """32 random bytes, as they may stand in an address."""
    return secrets.token_urlsafe(32)


class Guard:
    """Lets through what has the secret and comes from our own page; takes the secret off the path.

    Args:
        app: what is guarded.
        token: the secret.
        port: at which we listen.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refusal(scope)
        if refused is not None:
            status, line = refused
            response = JSONResponse({"error": line}, status, {"Connection": "close"})
            await response(scope, receive, send_guarded)
            return
        rest = scope["path"].removeprefix(f"/{self._token}")
        await self._app(
            {**scope, "path": rest, "raw_path": rest.encode(), "root_path": ""}, receive, send_guarded
        )

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if headers.get("host") not in self._hosts:
            return 403, "this is not the address of the studio"
        if not self._has_token(scope["path"].split("/")):
            return 404, "not found"
        if any(origin not in self._origins for origin in headers.getlist("origin")):
            return 403, "another page may not speak to the studio"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403, "another page may not speak to the studio"
        if scope["method"] not in SAFE and headers.get(HEADER) != "1":
            return 403, "the header X-Vocsep lacks"
        return None

    def _has_token(self, parts: Iterable[str]) -> bool:
        first = [*parts][1:2]
        return bool(first) and secrets.compare_digest(first[0].encode(), self._token.encode())
