"""Names of temporary files whose process has ended."""

import subprocess
import sys

from vocsep.media.leftovers import own_name


def of_a_dead_process(prefix: str, suffix: str = "") -> str:
    """A temporary name that a process made which is gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    machine, _, rest = own_name("", suffix).split("-")
    return f"{prefix}{machine}-{process.pid}-{rest}"
