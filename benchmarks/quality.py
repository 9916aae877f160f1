"""How well recordings with known stems are separated: `python benchmarks/quality.py DATA_DIR`.

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
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from halls import in_hall
from mixtures import Recording, Stems, groups, recordings

from vocsep import Separator
from vocsep.errors import VocsepError
from vocsep.evaluation.multi_f0 import multipitch_scores, voice_recall
from vocsep.evaluation.seconds import mean_and_median
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.methods.oracle import oracle_stems
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import SAMPLE_RATE


@dataclass
class Row:
    """SI-SDR of one way to separate, in dB."""

    method: str
    mean: float
    median: float
    voices: list[float]
    seconds: float


@dataclass
class Result:
    """All figures of one recording."""

    name: str
    seconds: float
    rows: list[Row] = field(default_factory=list)
    f0: dict[str, float | list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def score(method: str, stems: Stems, estimate: Stems, seconds: float) -> Row:
    scores = si_sdr_per_second(stems, estimate, SAMPLE_RATE)
    mean, median = mean_and_median(scores)
    return Row(method, mean, median, [mean_and_median(voice)[0] for voice in scores], seconds)


def measure(recording: Recording, options: argparse.Namespace) -> Result:
    """All methods on one recording; in a hall, ``options.hall`` s of reverberation time, if there is one."""
    if options.hall:
        stems = in_hall(recording.stems, options.hall, SAMPLE_RATE)
        recording = replace(recording, name=f"{recording.name}, hall {options.hall} s", stems=stems)
    stems, mixture, reference = recording.stems, recording.mixture, recording.reference
    result = Result(recording.name, stems.shape[1] / SAMPLE_RATE)
    if recording.references is None:
        result.notes.append(
            "no f0_of_stems.csv and no torchcrepe: no F0 scores, nothing with the F0 of the stems"
        )
    comb, levels = (
        Separator(method=method, device=options.device, assign=options.assign, seed=options.seed)
        for method in ("comb", "levels")
    )
    vocsep = Separator(
        options.model, device=options.device, assign=options.assign, adapt=options.adapt, seed=options.seed
    )
    estimated: list[F0Tracks] = []

    def separated(separator: Separator, tracks: F0Tracks | None) -> Stems:
        separation = separator.separate(mixture, SAMPLE_RATE, len(stems), tracks=tracks)
        if tracks is None:
            estimated.append(separation.tracks)
        return separation.stems

    methods: dict[str, Callable[[], Stems]] = {
        "mixture": lambda: np.broadcast_to(mixture, stems.shape),
        "comb": lambda: separated(comb, None),
        "levels": lambda: separated(levels, None),
        "vocsep": lambda: separated(vocsep, None),
        "comb, F0 of stems": lambda: separated(comb, reference),
        "levels, F0 of stems": lambda: separated(levels, reference),
        "vocsep, F0 of stems": lambda: separated(vocsep, reference),
        "oracle magnitude": lambda: oracle_stems(stems, "ratio"),
        "oracle power": lambda: oracle_stems(stems, "power"),
    }
    for method, separate in methods.items():
        if method.endswith("F0 of stems") and reference is None:
            continue
        if options.method and not any(wanted == method for wanted in options.method):
            continue
        began = time.perf_counter()
        estimate = separate()
        result.rows.append(score(method, stems, estimate, time.perf_counter() - began))
    if reference is not None and estimated:
        scores = multipitch_scores(reference, estimated[-1])
        recall = voice_recall(reference, estimated[-1])
        result.f0 = {
            **asdict(scores),
            "recall_in_the_right_voice": float(np.nanmean(recall)),
            "voices": recall.tolist(),
        }
    return result


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


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--only", metavar="NAME", help="only recordings whose path contains this")
    parser.add_argument(
        "--start", type=float, default=0.0, metavar="S", help="leave out the first seconds of each"
    )
    parser.add_argument("--duration", type=float, metavar="S", help="only so many seconds of each")
    parser.add_argument(
        "--hall", type=float, metavar="S", help="in a simulated hall of this reverberation time (halls.py)"
    )
    parser.add_argument("--groups", action="store_true", help="also pairs, trios and sections")
    parser.add_argument(
        "--method", action="append", metavar="M", help="only this row of the table; repeatable"
    )
    parser.add_argument("--model", type=Path, help="model of vocsep (default: the shipped one)")
    parser.add_argument("--adapt", type=int, metavar="N", help="steps of adaptation (default: vocsep's)")
    parser.add_argument("--assign", choices=("notes", "viterbi", "heuristic"), default="notes")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser.parse_args()


def main() -> int:
    options = parse()
    results = []
    try:
        found = list(recordings(options.data, options.only, options.start, options.duration))
        for recording in [*found, *(groups(found) if options.groups else [])]:
            results.append(measure(recording, options))
            if not options.json:
                print(table(results[-1]), flush=True)
    except VocsepError as error:
        print(error, file=sys.stderr)
        return 1
    if not results:
        print(f"{options.data}: no folder with a folder stems/ in it", file=sys.stderr)
        return 1
    print(json.dumps([asdict(result) for result in results], indent=1) if options.json else summary(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
