"""Work that needs no voices: a recording is copied, slowly where the test wants, or it ends the worker."""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vocsep.errors import AudioError


@dataclass(frozen=True)
class Copying:
    """What a recording says decides: ``poison`` raises, ``deadly`` kills its worker each time, ``unlucky``
    at the first time only."""

    seconds: float = 0.0
    began: Path | None = None  # gets a file of each try
    number: int = 1

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"number": self.number}

    def target(self, label: str) -> str:
        return label

    def make(self, recording: Path, label: str, folder: Path) -> Mapping[str, Any]:
        content = recording.read_bytes()
        made = folder / label
        made.mkdir()
        for name in ("one.wav", "two.wav"):
            half = len(content) // 2
            with (made / name).open("wb") as file:
                file.write(content[:half])
                file.flush()
                self._interlude(label, content, name)
                file.write(content[half:])
        return {"seconds_of_audio": 1.0}

    def _interlude(self, label: str, content: bytes, name: str) -> None:
        if name == "one.wav":
            return
        tries = 0
        if self.began is not None:
            tries = len(list(self.began.glob(f"{label}-*")))
            (self.began / f"{label}-{tries}-{os.getpid()}").touch()
        if b"poison" in content:
            raise AudioError(f"{label}: is poisonous")
        time.sleep(self.seconds)  # also before a worker dies: so long it takes to say how its last one went
        if b"deadly" in content or (b"unlucky" in content and not tries):
            os.kill(os.getpid(), signal.SIGKILL)
