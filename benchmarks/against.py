"""An old commit and the working tree, run by turns: seconds on a busy machine mean little, ratios do.

Each run is a process of its own. The stages of a run are cumulative times of functions, as `cProfile` counts
them on one thread, so the same table can be made of commits that know nothing of it.
"""

import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vocsep.errors import VocsepError

ROOT = Path(__file__).resolve().parents[1]

# Stage -> functions (file below vocsep/, name) of which the first one that was called counts.
STAGES: Mapping[str, Sequence[tuple[str, str]]] = {
    "pitch": [("pitch/estimate.py", "estimate")],
    "  first look": [("pitch/estimate.py", "first_look")],
    "  assignment": [("pitch/estimate.py", "_assigned")],
    "  second look": [("pitch/estimate.py", "_looked_again")],
    "separation of chunks": [("methods/source_filter.py", "estimate_sources")],
    "  adaptation": [("estimator/adapt.py", "adapt")],
    "  combs": [("source/unison.py", "coarse_combs"), ("source/unison.py", "mixed_combs")],
    "  powers": [("source/powers.py", "voice_powers")],
    "  post-filter": [("filtering/postfilter.py", "postfiltered")],
    "  partials": [("filtering/joint.py", "correction")],
    "masks on the recording": [("filtering/wiener.py", "wiener_filter")],
}
SUMMED = ("  combs",)  # stages of which all functions count

FIRST_SAMPLE = """
import os, runpy, sys, time
import soundfile
def first(self, *given, **named):
    print(time.monotonic() - {begun}, time.process_time(), flush=True)
    os._exit(0)
soundfile.SoundFile.read = first
sys.argv = ["vocsep", *{words}]
runpy.run_module("vocsep", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Tree:
    """A checkout to be measured."""

    name: str
    path: Path

    def environment(self) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": str(self.path)}

    def run(self, words: Sequence[str]) -> tuple[float, float]:
        """Processor and wall time in s of ``python WORDS`` in this tree.

        Raises:
            VocsepError: it failed.
        """
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *words], cwd=self.path, env=self.environment())
        _, status, usage = os.wait4(process.pid, 0)  # the usage of this process alone
        if status:
            raise VocsepError(
                f"{self.name}: {' '.join(words)}: exit code {os.waitstatus_to_exitcode(status)}"
            )
        return usage.ru_utime + usage.ru_stime, time.perf_counter() - start

    def first_sample(self, words: Sequence[str]) -> tuple[float, float]:
        """Processor and wall time in s from the start of Python until a sample of the recording is read."""
        code = FIRST_SAMPLE.format(begun=time.monotonic(), words=list(words))
        found = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.path,
            env=self.environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        wall, processor = map(float, found.stdout.split()[:2])
        return processor, wall

    def stages(self, words: Sequence[str]) -> dict[str, float]:
        """Seconds of each of `STAGES` in ``python -m vocsep WORDS`` on one thread."""
        with tempfile.TemporaryDirectory() as folder:
            profile = Path(folder, "profile")
            command = [sys.executable, "-m", "cProfile", "-o", str(profile), "-m", "vocsep", *words]
            one_thread = self.environment() | {"OMP_NUM_THREADS": "1"}
            subprocess.run(command, cwd=self.path, env=one_thread, check=True)
            return stage_times(pstats.Stats(str(profile)), self.path)


def stage_times(profile: pstats.Stats, path: Path) -> dict[str, float]:
    """Cumulative seconds of each of `STAGES` in a profile of the tree at ``path``."""
    known = {(file, name): row[3] for (file, _, name), row in profile.stats.items()}  # type: ignore[attr-defined]
    found = {}
    for stage, functions in STAGES.items():
        times = [
            known[key] for file, name in functions if (key := (str(path / "vocsep" / file), name)) in known
        ]
        if times:
            found[stage] = sum(times) if stage in SUMMED else times[0]
    return found


@contextmanager
def checkout(revision: str) -> Iterator[Tree]:
    """A git worktree of a commit, taken away afterwards.

    Raises:
        VocsepError: git does not know the commit.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder).resolve() / "old"
        git = ["git", "-C", str(ROOT), "worktree"]
        made = subprocess.run(
            [*git, "add", "--detach", str(path), revision], capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise VocsepError(f"{revision}: {(made.stderr.strip().splitlines() or ['no such commit'])[-1]}")
        try:
            yield Tree(revision, path)
        finally:
            subprocess.run([*git, "remove", "--force", str(path)], capture_output=True, check=False)
