"""Long work, one piece at a time, in a process of its own: how far it is, the time left, and stopping it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import vocsep
from vocsep.errors import VocsepError

SOON = 1.0  # s and
LITTLE = 0.01  # share done, before which nobody can say how long it takes
PATIENCE = 6.0  # s in which a process that was asked to end may clean up

Finished = Callable[[dict[str, Any]], None]


class Busy(VocsepError):
    """Something else is being done."""


@dataclass
class Job:
    """One piece of work.

    Attributes:
        state: ``running``, ``done``, ``failed`` or ``cancelled``.
        stage: what is being done. share: of the whole that is done, 0 to 1.
        error: one line where it failed.
        files: what an export wrote.
    """

    id: int
    kind: str
    state: str = "running"
    stage: str = ""
    share: float = 0.0
    error: str | None = None
    files: list[str] = field(default_factory=list)
    begun: float = field(default_factory=monotonic)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; ``left``: s that it will still take, null where that is not known."""
        took, left = monotonic() - self.begun, None
        if self.state == "running" and took > SOON and self.share > LITTLE:
            left = round(took * (1 - self.share) / self.share, 1)
        plain = {key: value for key, value in vars(self).items() if key != "begun"}
        return plain | {"share": round(self.share, 4), "left": left}


class Jobs:
    """Runs tasks of `vocsep.studio.tasks`, one at a time; the process stays for the next one."""

    def __init__(self) -> None:
        self.latest: Job | None = None
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._count = 0

    @property
    def running(self) -> bool:
        return self.latest is not None and self.latest.state == "running"

    def start(self, task: Mapping[str, Any], finished: Finished) -> Job:
        """Begin a task.

        Args:
            task: for the worker.
            finished: called with the task's result before the job counts as done.

        Raises:
            Busy: something else is being done.
        """
        with self._lock:
            if self.running:
                raise Busy("something else is being done; wait for it or cancel it")
            self._count += 1
            self.latest = job = Job(self._count, str(task["kind"]))
            if self._process is None or self._process.poll() is not None:
                self._process = _started()
            threading.Thread(
                target=self._follow, args=(job, self._process, task, finished), daemon=True
            ).start()
            return job

    def cancel(self) -> Job | None:
        """Stop what is being done: when this returns, nothing computes any more."""
        with self._lock:
            job = self.latest
            if job is not None and job.state == "running":
                job.state = "cancelled"
                self._end()
            return job

    def close(self) -> None:
        """Stop everything."""
        self.cancel()
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()  # asks the worker to clean up and end
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _follow(
        self, job: Job, process: "subprocess.Popen[str]", task: Mapping[str, Any], finished: Finished
    ) -> None:
        assert process.stdin is not None and process.stdout is not None
        answer: dict[str, Any] = {"failed": "the computing process ended; is there enough memory?"}
        with suppress(OSError, ValueError):
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                answer = json.loads(line)
                if "share" not in answer:
                    break
                job.stage, job.share = answer["stage"], answer["share"]
                answer = {"failed": "the computing process ended; is there enough memory?"}
        with self._lock:
            if job.state != "running":
                return
            try:
                if "done" in answer:
                    finished(answer["done"])
                    job.files, job.share = list(answer["done"].get("files", [])), 1.0
                else:
                    job.error = str(answer["failed"])
            except VocsepError as error:
                job.error = str(error)
            job.state = "failed" if job.error else "done"


def _started() -> "subprocess.Popen[str]":
    """A new worker that runs the same vocsep as this process."""
    package = Path(vocsep.__file__).parents[1]
    paths = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", "vocsep.studio.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=package,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
