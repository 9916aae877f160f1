"""`vocsep fit` by several processes next to one: excerpts learned in a second, and the losses.

    python -m benchmarks.processes DATA_DIR [--processes 2] [--steps 20] [--batch 16] [--rounds 2]

The mixtures of DATA_DIR are learned, with the F0 that `fit` finds, by one process and by several that
``torchrun`` starts, with one thread each, by turns; the time is that of the training alone. On a busy machine
several processes get more than their share of its cores; what they would gain on idle ones is told by the
processor time of a step, that of a run with --steps less that of one with a single step.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import soundfile

from benchmarks.options import add_recordings, found_recordings, new_parser, run
from vocsep.errors import VocsepError
from vocsep.spectra import SAMPLE_RATE

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


def fitted(folder: Path, options: argparse.Namespace, processes: int, steps: int) -> dict[str, float]:
    """Seconds of training, last losses, and processor time in all of a fit by so many processes."""
    start = [*TORCHRUN, str(processes)] if processes > 1 else []
    words = [sys.executable, *start, "-m", "vocsep", "fit", str(folder / "choir")]
    words += ["-o", str(folder / "model.safetensors"), "-y", "--json", "--device", "cpu"]
    words += ["--config", str(folder / "fit.yaml"), "--steps", str(steps)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise VocsepError((done.stderr.strip().splitlines() or ["fit failed"])[-1])
    document, after = json.loads(done.stdout), resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    known = {name: float(document[name]) for name in ("seconds", "train_loss", "best_loss")}
    return known | {"processor": processor}


def benchmark(options: argparse.Namespace) -> None:
    """Print excerpts a second and losses."""
    took: dict[int, list[float]] = {1: [], options.processes: []}
    step: dict[int, list[float]] = {1: [], options.processes: []}
    with tempfile.TemporaryDirectory(prefix="vocsep-") as name:
        folder = Path(name)
        (folder / "choir").mkdir()
        for number, recording in enumerate(found_recordings(options)):
            soundfile.write(folder / "choir" / f"{number}.wav", recording.mixture / 4, SAMPLE_RATE)
        # Validation is no part of the comparison: one excerpt, before and after.
        (folder / "fit.yaml").write_text(
            f"batch: {options.batch}\nmost_held_out: 1\nvalidate_every: {options.steps}\n"
        )
        fitted(folder, options, 1, 1)  # F0 is found and kept
        for _ in range(options.rounds):
            for processes in took:
                short = fitted(folder, options, processes, 1)
                result = fitted(folder, options, processes, options.steps)
                took[processes].append(result["seconds"])
                step[processes].append((result["processor"] - short["processor"]) / (options.steps - 1))
                rate = options.batch * options.steps / result["seconds"]
                print(
                    f"{processes} processes: {rate:5.2f} excerpts/s, "
                    f"{step[processes][-1]:6.2f} s of processor time a step, "
                    f"loss {result['train_loss']:.6f}, held out {result['best_loss']:.6f}",
                    flush=True,
                )
    several = options.processes
    print(f"throughput of {several} processes over one: {min(took[1]) / min(took[several]):.2f}")
    print(f"by processor time, on idle cores: {several * min(step[1]) / min(step[several]):.2f}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("processes", __doc__)
    add_recordings(parser)
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="default: 2")
    parser.add_argument("--steps", type=int, default=20, metavar="N", help="of each fit (default: 20)")
    parser.add_argument("--batch", type=int, default=16, metavar="N", help="excerpts (default: 16)")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="fits of each (default: 2)")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
