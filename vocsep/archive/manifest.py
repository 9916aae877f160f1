"""What has been done with each recording, one JSON object a line: a run that was stopped goes on from it.

The last line of a recording counts. Its ``recording``, ``size`` and ``stamp`` say what was read, ``settings``
(a digest) how, ``status`` (``done`` or ``failed``) what came of it.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from vocsep.archive.folders import ResultFolder

MANIFEST = "manifest.jsonl"
TOGETHER, SECONDS = 100, 60.0  # lines, and age of the oldest, at which a part is written to a store

Line = dict[str, Any]


class Manifest:
    """The lines of a folder of results.

    Args:
        folder: of results.
        every_line: write each line at once; a store gets many lines in one file.
        kept: told the lines that are written for good.
    """

    def __init__(self, folder: ResultFolder, every_line: bool, kept: Callable[[Line], None]) -> None:
        self._folder, self._every_line, self._kept = folder, every_line, kept
        self._waiting: list[Line] = []
        self._since = 0.0

    def read(self) -> dict[str, Line]:
        """The last line of each recording, by its place; a line that was cut off is passed over."""
        known: dict[str, Line] = {}
        for part in self._folder.parts(MANIFEST):
            for text in part.decode(errors="replace").splitlines():
                try:
                    line = json.loads(text)
                except ValueError:
                    continue
                if isinstance(line, dict) and "recording" in line:
                    known[str(line["recording"])] = line
        return known

    def add(self, line: Line) -> None:
        """Note what came of a recording."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(line)
        late = time.monotonic() - self._since > SECONDS
        if self._every_line or late or len(self._waiting) >= TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self._waiting)
        self._folder.append(MANIFEST, text.encode())
        for line in self._waiting:
            self._kept(line)
        self._waiting = []
