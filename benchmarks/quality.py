"""How well recordings with known stems are separated: `python -m benchmarks.quality DATA_DIR`.

Recordings, and where the F0 of their stems comes from: see mixtures.py; with ``--groups`` also pairs and
trios of the real quartets and the choir of two singers a part. Printed for each: multi-F0 precision, recall
and F (mir_eval, 50 cents) of the F0 estimated from the mixture; SI-SDR per second of each voice (no mean
removal, seconds more than 20 dB below the voice's mean energy left out) for the mixture itself, the untrained
comb, the comb with fitted levels, vocsep, these with the F0 of the stems, and the oracle masks.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.halls import moved_to_hall
from benchmarks.mixtures import Recording, Stems
from benchmarks.options import (
    add_assignment,
    add_device,
    add_groups,
    add_recordings,
    found_recordings,
    new_parser,
    run,
)
from benchmarks.scoring import Score, score
from vocsep import Separator
from vocsep.evaluation.multi_f0 import multipitch_scores, voice_recall
from vocsep.methods.oracle import oracle_stems
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import SAMPLE_RATE


@dataclass(frozen=True)
class Row(Score):
    """SI-SDR of one way to separate, in dB, and the seconds that it took."""

    method: str
    seconds: float


@dataclass
class Result:
    """All figures of one recording."""

    name: str
    seconds: float
    rows: list[Row] = field(default_factory=list)
    f0: dict[str, float | list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def separators(options: argparse.Namespace) -> dict[str, Separator]:
    """What is compared, by name."""
    settings = {"device": options.device, "assign": options.assign, "seed": options.seed}
    return {
        "comb": Separator(method="comb", **settings),
        "levels": Separator(method="levels", **settings),
        "vocsep": Separator(options.model, adapt=options.adapt, **settings),
    }


def measure(recording: Recording, compared: dict[str, Separator], wanted: Sequence[str] | None) -> Result:
    """All methods on one recording, or those that are wanted."""
    stems, mixture, reference = recording.stems, recording.mixture, recording.reference
    result = Result(recording.name, stems.shape[1] / SAMPLE_RATE)
    if recording.references is None:
        result.notes.append(
            "no f0_of_stems.csv and no torchcrepe: no F0 scores, nothing with the F0 of the stems"
        )
    estimated: list[F0Tracks] = []

    def separate(separator: Separator, tracks: F0Tracks | None) -> Stems:
        separation = separator.separate(mixture, SAMPLE_RATE, len(stems), tracks=tracks)
        if tracks is None:
            estimated.append(separation.tracks)
        return separation.stems

    methods: dict[str, Callable[[], Stems]] = {"mixture": lambda: np.broadcast_to(mixture, stems.shape)}
    methods |= {name: partial(separate, separator, None) for name, separator in compared.items()}
    if reference is not None:
        methods |= {
            f"{name}, F0 of stems": partial(separate, one, reference) for name, one in compared.items()
        }
    methods |= {
        "oracle magnitude": partial(oracle_stems, stems, "ratio"),
        "oracle power": partial(oracle_stems, stems, "power"),
    }
    for method, stems_by in methods.items():
        if wanted and method not in wanted:
            continue
        began = time.perf_counter()
        estimate = stems_by()
        seconds = time.perf_counter() - began
        result.rows.append(Row(**asdict(score(stems, estimate)), method=method, seconds=seconds))
    if reference is not None and estimated:
        result.f0 = f0_scores(reference, estimated[-1])
    return result


def f0_scores(reference: F0Tracks, estimate: F0Tracks) -> dict[str, float | list[float]]:
    """Multi-F0 scores, and the recall of each voice."""
    recall = voice_recall(reference, estimate)
    return {
        **asdict(multipitch_scores(reference, estimate)),
        "recall_in_the_right_voice": float(np.nanmean(recall)),
        "voices": recall.tolist(),
    }


def table(result: Result) -> str:
    """One recording as text."""
    lines = [f"\n{result.name}: {result.seconds:.1f} s"]
    lines += [f"  note: {note}" for note in result.notes]
    if result.f0:
        shares = "  ".join(
            f"{key} {value:.3f}" for key, value in result.f0.items() if isinstance(value, float)
        )
        lines.append(f"  F0 of the mixture: {shares}")
    lines.append(f"  {'SI-SDR in dB':<22}{'mean':>7}{'median':>8}   each voice" + " " * 20 + "computed in")
    for row in result.rows:
        voices = " ".join(f"{voice:6.1f}" for voice in row.voices)
        lines.append(f"  {row.method:<22}{row.mean:7.2f}{row.median:8.2f}   {voices:<34}{row.seconds:6.1f} s")
    return "\n".join(lines)


def summary(results: list[Result]) -> str:
    """Mean over the recordings of each method's mean."""
    methods = list(dict.fromkeys(row.method for result in results for row in result.rows))
    lines = [f"\nmean over {len(results)} recordings"]
    for method in methods:
        means = [row.mean for result in results for row in result.rows if row.method == method]
        lines.append(f"  {method:<22}{np.mean(means):7.2f}   of {len(means)}")
    return "\n".join(lines)


def benchmark(options: argparse.Namespace) -> None:
    """Measure all recordings, in a hall if one is asked for, and print the tables."""
    compared = separators(options)
    results = []
    for recording in found_recordings(options):
        placed = moved_to_hall(recording, options.hall) if options.hall else recording
        results.append(measure(placed, compared, options.method))
        if not options.json:
            print(table(results[-1]), flush=True)
    print(json.dumps([asdict(result) for result in results], indent=1) if options.json else summary(results))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("quality", __doc__)
    add_recordings(parser)
    add_groups(parser)
    parser.add_argument(
        "--hall", type=float, metavar="S", help="in a simulated hall of this reverberation time (halls.py)"
    )
    parser.add_argument(
        "--method", action="append", metavar="M", help="only this row of the table; repeatable"
    )
    parser.add_argument("--model", type=Path, help="model of vocsep (default: the shipped one)")
    parser.add_argument("--adapt", type=int, metavar="N", help="steps of adaptation (default: vocsep's)")
    add_assignment(parser)
    add_device(parser)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
