"""The server: one socket on this machine only, few connections, nothing logged that holds the secret."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from vocsep.errors import SettingsError
from vocsep.studio.api import application
from vocsep.studio.desk import Desk
from vocsep.studio.guard import Guard, new_token

HOST = "127.0.0.1"
CONNECTIONS = 32  # with an answer at once; a browser opens six
IDLE = 30  # s after which a connection is closed that was answered and says nothing more
SILENT = 10  # s after which one is closed that says nothing at all


class Connection(H11Protocol):
    """A connection of uvicorn's that is closed when it says nothing, or when there are far too many."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it."""
        super().connection_made(transport)
        if len(self.connections) > 2 * CONNECTIONS:
            transport.close()
        else:
            self.loop.call_later(SILENT, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if not self.cycle:  # of a request and its response
            self.transport.close()


def listen(port: int) -> socket.socket:
    """A socket at a port of this machine, 0 for any that is free.

    Raises:
        SettingsError: the port is taken.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        sock.close()
        raise SettingsError(f"port {port}: cannot be used ({error.strerror})") from None
    return sock


def serve(desk: Desk, sock: socket.socket, started: Callable[[str], None]) -> None:
    """Serve until the process is stopped.

    Args:
        desk: what is served.
        sock: of `listen`.
        started: told the address, secret included, before the first request.
    """
    port, token = sock.getsockname()[1], new_token()
    server = uvicorn.Server(
        uvicorn.Config(
            Guard(application(desk), token, port),
            http=Connection,
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="error",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=2,
        )
    )
    sock.listen(CONNECTIONS)
    started(f"http://{HOST}:{port}/{token}/")
    try:
        server.run(sockets=[sock])
    finally:
        desk.close()
