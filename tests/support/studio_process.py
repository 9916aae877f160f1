"""``vocsep studio`` as a process of its own, driven over HTTP as its page does."""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Studio:
    """A running ``vocsep studio``, with default settings but for ``arguments``."""

    def __init__(self, *arguments: str | Path) -> None:
        command = [sys.executable, "-m", "vocsep", "studio", "--no-browser", "--device", "cpu"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        self.host, self.secret = self.address.removeprefix("http://").rstrip("/").split("/")

    def ask(self, path: str, body: Any = None) -> Any:
        """The JSON that a GET, or a POST of JSON, is answered with."""
        return json.loads(self.fetch(path, body))

    def fetch(self, path: str, body: Any = None) -> bytes:
        """What a GET, or a POST of JSON, is answered with."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        address = f"/{self.secret}/api/{path}"
        try:
            if body is None:
                connection.request("GET", address)
            else:
                connection.request("POST", address, json.dumps(body), {"X-Vocsep": "1"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def wait(self, state: str = "done", stage: str | None = None, seconds: float = 60.0) -> Any:
        """Until the job is in a state, or in a stage; returns the job."""
        until = time.monotonic() + seconds
        while True:
            job = self.ask("job")["job"]
            if job["state"] == state and (stage is None or job["stage"] == stage):
                return job
            assert job["state"] in (state, "running") and time.monotonic() < until, job
            time.sleep(0.05)

    def do(self, path: str, body: Any, seconds: float = 60.0) -> Any:
        """Begin a job and wait until it is done."""
        begun = self.ask(path, body)
        assert "job" in begun, begun
        return self.wait(seconds=seconds)

    def workers(self) -> list[int]:
        """Process numbers of what computes for it; Linux alone lists them."""
        # Any thread may have started them.
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(number) for task in tasks for number in task.read_text().split()]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
