"""The process that computes: one task at a time, told as a line of JSON, answered by lines of JSON.

It is a process of its own so that a task that is cancelled really stops, its memory is returned, and the
server goes on playing. Models are loaded once and kept. It ends when its standard input is closed, which
happens too when the server is killed; then what it has begun to write is removed.

In: ``{"kind", "folder", "settings", ...}``, see `vocsep.studio.tasks`. Out: ``{"stage", "share"}`` any number
of times, then ``{"done": {...}}`` or ``{"failed": "one line"}``.
"""

import _thread
import json
import os
import queue
import sys
import threading
import time
from typing import Any, TextIO

from vocsep.errors import VocsepError, debugging

OFTEN = 0.1  # s between two words on progress
PATIENCE = 5.0  # s to clean up in, once nobody listens any more


def main() -> int:
    """Work until standard input ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    tasks: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    try:
        from vocsep.studio.tasks import Tasks

        done = Tasks()
        while True:
            _answer(done, tasks.get(), out)
    except (KeyboardInterrupt, BrokenPipeError):
        return 0


def _listen(tasks: "queue.Queue[dict[str, Any]]") -> None:
    for line in sys.stdin:
        tasks.put(json.loads(line))
    _thread.interrupt_main()
    time.sleep(PATIENCE)
    os._exit(1)


def _answer(done: Any, task: dict[str, Any], out: TextIO) -> None:
    said = 0.0

    def say(**words: Any) -> None:
        out.write(json.dumps(words) + "\n")
        out.flush()

    def progress(stage: str, share: float) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= OFTEN:
            said = now
            say(stage=stage, share=share)

    try:
        say(done=done.run(task, progress))
    except VocsepError as error:
        say(failed=" ".join(str(error).split()))
    except OSError as error:
        say(failed=f"{error.filename or 'a file'}: {error.strerror or error}")
    except Exception as error:
        if debugging():
            raise
        say(failed=f"a defect of vocsep, no mistake of yours: {type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
