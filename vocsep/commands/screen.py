"""What reaches the terminal: results on standard output; progress, remarks and errors on standard error."""

import json
import math
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from vocsep.errors import VocsepError

LINE_EVERY = 20.0  # s between progress lines where standard error is no terminal


class ProgressCallback(Protocol):
    """Told what is being done and how much of it is done, 0 to 1; ``detail``: figures to show."""

    def __call__(self, stage: str, share: float, detail: str = "") -> None: ...


class Screen:
    """One command's output.

    Args:
        quiet: only errors are printed.
        as_json: standard output is kept for one JSON document.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet, self.as_json = quiet or not speaks(), as_json and speaks()
        self.out = Console(highlight=False, quiet=self.quiet or as_json)
        self.err = Console(highlight=False, stderr=True)

    @property
    def unicode(self) -> bool:
        return not self.out.options.ascii_only

    def show(self, *renderables: RenderableType) -> None:
        """A result."""
        for renderable in renderables:
            self.out.print(renderable)

    def line(self, text: str, style: str = "") -> None:
        """A result in one line, however long (a path must stay in one piece to be copied)."""
        self.out.print(Text(text, style=style), soft_wrap=True)

    def remark(self, text: str, style: str = "dim") -> None:
        """Something to know that is no result."""
        if not self.quiet:
            self.err.print(Text(text, style=style), soft_wrap=True)

    def warn(self, text: str) -> None:
        self.remark(f"Note: {text}", style="yellow")

    def error(self, text: str) -> None:
        """Printed even where all else is silent, always in one line."""
        self.err.print(Text.assemble(("vocsep: ", "bold red"), " ".join(text.split())), soft_wrap=True)

    def document(self, content: Any) -> None:
        """The one JSON document, in UTF-8 whatever the code page; nothing unless ``--json`` was given.

        Bytes of a file name that are not UTF-8 stand as JSON's escapes of single surrogates, as in Python.
        """
        if not self.as_json:
            return
        text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        encoded = text.encode("utf-8", "backslashreplace")
        binary = getattr(sys.stdout, "buffer", None)
        if binary is None:
            sys.stdout.write(encoded.decode())
        else:
            sys.stdout.flush()
            binary.write(encoded)
            binary.flush()

    @contextmanager
    def progress(self, title: str) -> Iterator[ProgressCallback]:
        """Progress of one piece of work: a bar on a terminal, plain lines elsewhere, nothing where quiet."""
        if self.quiet:
            yield lambda stage, share, detail="": None
        elif self.err.is_terminal:
            with Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=16),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                console=self.err,
                transient=True,
            ) as bar:
                yield _on_bar(bar, title)
        else:
            yield self._as_lines(title)

    def _as_lines(self, title: str) -> ProgressCallback:
        shown: dict[str, float] = {}

        def report(stage: str, share: float, detail: str = "") -> None:
            now = time.monotonic()
            if stage not in shown:
                self.remark(f"{title}: {stage}", style="")
            elif now - shown[stage] < LINE_EVERY:
                return
            else:
                self.remark(f"{title}: {stage} {share:.0%} {detail}".rstrip(), style="")
            shown[stage] = now

        return report


def _on_bar(bar: Progress, title: str) -> ProgressCallback:
    task = bar.add_task(title, total=1.0)
    current = ""

    def report(stage: str, share: float, detail: str = "") -> None:
        nonlocal current
        if stage != current:
            current = stage
            bar.reset(task, total=1.0)
        done = min(max(share, 0.0), 1.0)
        bar.update(task, completed=done, description=f"{title}: {stage} {detail}".rstrip())

    return report


def describe(error: BaseException) -> str:
    """One line for any error: ours as it stands, the system's with its file, anything else as our defect."""
    if isinstance(error, VocsepError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return "out of memory; --duration works on a part of the recording"
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({Path(place[0].filename).name}, line {place[0].lineno})" if place else ""
    return (
        f"a defect of vocsep, no mistake of yours: {type(error).__name__}: {error}{where}; "
        "run it again with VOCSEP_DEBUG=1 to see the traceback, and report it please"
    )


def speaks() -> bool:
    """Whether this process speaks to the user: of several that ``torchrun`` started the first one does."""
    return os.environ.get("RANK", "0") == "0"


def plain(value: Any) -> Any:
    """Only what JSON knows: paths become strings, arrays lists, NaN and infinity null.

    >>> plain({"stems": (Path("a.wav"),), "gain": float("nan")})
    {'stems': ['a.wav'], 'gain': None}
    """
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
