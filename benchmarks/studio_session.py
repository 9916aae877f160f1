"""A session in the studio as long as a real one: `python -m benchmarks.studio_session DATA_DIR`.

Ten minutes of music (the quartets of DATA_DIR one after another, 44.1 kHz, two channels) are opened in
``vocsep studio``, separated and edited 30 times; 10 passages are separated again; all is exported; the server
is killed with SIGKILL, and another one opens the project. Prints how long each step takes, what of it the
processor, the memory of server and computing process, and whether anything was lost.
"""

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from studio_process import Studio

from benchmarks.mixtures import recordings
from benchmarks.options import new_parser, run
from vocsep.errors import AudioError
from vocsep.spectra import SAMPLE_RATE
from vocsep.studio.project import Project

RATE = 44_100  # Hz, of the recording
PLACES = 10  # that are corrected


def benchmark(options: argparse.Namespace) -> None:
    """Print the table."""
    data, seconds, adapt = options.data, options.seconds, options.adapt
    with tempfile.TemporaryDirectory() as work:
        file = Path(work) / "concert.wav"
        write_music(data, file, seconds)
        chosen = [] if adapt is None else ["--adapt", str(adapt)]
        steps = Steps(Studio(*chosen, "-o", Path(work) / "projects"))
        try:
            project = steps.time("open", lambda: steps.studio.ask("open", {"path": str(file)})["project"])
            steps.time("separate", lambda: steps.studio.do("separate", {"voices": 4}, 3600))
            steps.time("tracks and notes, first time", lambda: steps.studio.ask("tracks"))
            steps.time("tracks and notes, again", lambda: steps.studio.ask("tracks"))
            steps.time("spectrogram of the whole", lambda: coarsest(steps.studio))
            for place in range(PLACES):
                start = (place + 0.3) * seconds / PLACES
                steps.time("three edits", lambda start=start: edit_at(steps.studio, start))
                steps.time("separate again", lambda: steps.studio.do("separate-again", {}, 600))
            ids = [kind["id"] for kind in project["exports"] if kind["lacks"] is None]
            steps.time("export everything", lambda: steps.studio.do("export", {"ids": ids}, 900))
            edit_at(steps.studio, seconds / 2)
            before = state_of(steps.studio, Path(project["folder"]))
            steps.studio.kill()
            steps.studio = Studio(*chosen, "-o", Path(work) / "projects")
            steps.time("open after the kill", lambda: steps.studio.ask("open", {"path": str(file)}))
            steps.time("first 10 s of four stems", lambda: [sound(steps.studio, v) for v in range(4)])
            after = state_of(steps.studio, Path(project["folder"]))
        finally:
            steps.studio.kill()
        steps.show()
        lost = [key for key in before if before[key] != after[key]]
        print(f"lost: {', '.join(lost) or 'nothing'}; kept: {before['edits']} edits, dirty {before['dirty']}")


class Steps:
    """Times steps of a session, and looks at the memory after each."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self._rows: dict[str, list[tuple[float, ...]]] = {}

    def time(self, name: str, step: Callable[[], Any]) -> Any:
        """Do a step; returns what it returns."""
        begun, busy = time.monotonic(), self._processor_time()
        result = step()
        took, busy = time.monotonic() - begun, self._processor_time() - busy
        working = max([memory(worker) for worker in self.studio.workers()], default=0.0)
        row = (took, busy, memory(self.studio.process.pid), working)
        self._rows.setdefault(name, []).append(row)
        print(f"{name}: {took:.2f} s", file=sys.stderr, flush=True)
        return result

    def _processor_time(self) -> float:
        return sum(map(processor_time, [self.studio.process.pid, *self.studio.workers()]))

    def show(self) -> None:
        print(f"{'step':30} times  s each (longest)  processor s each  most MB: server  computing")
        for name, rows in self._rows.items():
            took, busy, server, working = zip(*rows, strict=True)
            each = f"{np.mean(took):.2f} ({max(took):.2f})"
            sizes = f"{max(server):15.0f}  {max(working):9.0f}"
            print(f"{name:30} {len(rows):5d}  {each:>16}  {np.mean(busy):16.2f}  {sizes}")


def processor_time(process: int) -> float:
    """What a process has computed so far, in s."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(process: int) -> float:
    """The most that a process has held so far, in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def write_music(data: Path, file: Path, seconds: float) -> None:
    """The first four voices of all recordings that have as many, one after another, in two equal channels."""
    known = [r for r in recordings(data, None, 0.0, None) if len(r.stems) >= 4]
    if not known:
        raise AudioError(f"{data}: holds no recording of four voices")
    whole = np.concatenate([recording.stems[:4].sum(axis=0) for recording in known])
    whole = np.resize(whole, round(seconds * SAMPLE_RATE))
    audio = soxr.resample(whole, SAMPLE_RATE, RATE)
    audio *= 0.9 / np.abs(audio).max()
    soundfile.write(file, np.stack([audio, audio], axis=1), RATE, subtype="PCM_16")


def edit_at(studio: Studio, start: float) -> None:
    """Three corrections of what is sung after a time."""
    for edit in (
        {"kind": "shift", "voice": 0, "start": start, "end": start + 2.0, "cents": -1200},
        {"kind": "give", "voice": 1, "to": 2, "start": start + 1.0, "end": start + 2.5},
        {"kind": "draw", "voice": 3, "points": [[start, 150.0], [start + 1.0, 160.0]]},
    ):
        answer = studio.ask("edits", {"edit": edit})
        assert "project" in answer, answer


def coarsest(studio: Studio) -> None:
    level = len(studio.ask("spectrogram/info")["levels"]) - 1
    studio.fetch(f"spectrogram?level={level}&tile=0")


def sound(studio: Studio, voice: int) -> bytes:
    return studio.fetch(f"audio/{voice}?start=0&end=10")


def state_of(studio: Studio, folder: Path) -> dict[str, object]:
    """All that must survive."""
    project, tracks = studio.ask("state")["project"], studio.ask("tracks")
    opened = Project.open(folder)
    stems = [hashlib.sha256(stem.read_bytes()).hexdigest() for stem in opened.stems]
    mixture = soundfile.read(opened.recording, dtype="float32", frames=60 * RATE)[0]
    adding = np.sum([soundfile.read(s, dtype="float32", frames=60 * RATE)[0] for s in opened.stems], axis=0)
    assert np.abs(adding - mixture).max() < 1e-5, "the stems do not add up"
    exported = sorted(path.name for path in (folder / "exports").glob("*"))
    kept = {
        key: project[key] for key in ("revision", "stems_revision", "dirty", "can_undo", "voices", "notes")
    }
    return {**kept, "edits": len(opened.file.edits), "tracks": tracks, "stems": stems, "exports": exported}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("studio_session", __doc__)
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--seconds", type=float, default=600.0, help="of music (default: 600)")
    parser.add_argument("--adapt", type=int, help="steps of adaptation (default: as separate)")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
