"""`vocsep fit` by several processes next to one: excerpts learned in a second, and the losses.

    python -m benchmarks.processes DATA_DIR [--processes 2] [--steps 20] [--batch 16] [--rounds 2]

The mixtures of DATA_DIR are learned, with the F0 that `fit` finds, by one process and by several that
``torchrun`` starts, with one thread each, by turns; the time is that of the training alone.
"""

import argparse
import json
import os
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


def fitted(folder: Path, options: argparse.Namespace, processes: int) -> dict[str, float]:
    """Seconds of training and last losses of a fit by so many processes."""
    start = [*TORCHRUN, str(processes)] if processes > 1 else []
    words = [sys.executable, *start, "-m", "vocsep", "fit", str(folder / "choir")]
    words += ["-o", str(folder / "model.safetensors"), "-y", "--json", "--device", "cpu"]
    words += ["--config", str(folder / "fit.yaml"), "--steps", str(options.steps)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise VocsepError((done.stderr.strip().splitlines() or ["fit failed"])[-1])
    document = json.loads(done.stdout)
    return {name: float(document[name]) for name in ("seconds", "train_loss", "best_loss")}


def benchmark(options: argparse.Namespace) -> None:
    """Print excerpts a second and losses."""
    took: dict[int, list[float]] = {1: [], options.processes: []}
    with tempfile.TemporaryDirectory(prefix="vocsep-") as name:
        folder = Path(name)
        (folder / "choir").mkdir()
        for number, recording in enumerate(found_recordings(options)):
            soundfile.write(folder / "choir" / f"{number}.wav", recording.mixture / 4, SAMPLE_RATE)
        # Validation is no part of the comparison: one excerpt, before and after.
        (folder / "fit.yaml").write_text(
            f"batch: {options.batch}\nmost_held_out: 1\nvalidate_every: {options.steps}\n"
        )
        for _ in range(options.rounds):
            for processes, times in took.items():
                result = fitted(folder, options, processes)
                times.append(result["seconds"])
                rate = options.batch * options.steps / result["seconds"]
                print(
                    f"{processes} processes: {result['seconds']:7.1f} s, {rate:5.2f} excerpts/s, "
                    f"loss {result['train_loss']:.6f}, held out {result['best_loss']:.6f}",
                    flush=True,
                )
    ratio = min(took[1]) / min(took[options.processes])
    print(f"throughput of {options.processes} processes over one: {ratio:.2f}")


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
