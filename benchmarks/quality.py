"""How well recordings with known stems are separated: `python benchmarks/quality.py DATA_DIR`.

Every folder below DATA_DIR that has a folder ``stems/`` is one recording: the mono stems in the order of
their names are voices 1, 2, ... (highest first), their sum at 16 kHz is the mixture. Printed for each:
multi-F0 precision, recall and F (mir_eval, 50 cents) of the F0 estimated from the mixture; SI-SDR per
second of each voice (no mean removal, seconds more than 20 dB below the voice's mean energy left out) for
the mixture itself, the untrained comb, the comb with fitted levels, vocsep, these with the F0 of the stems,
and the oracle masks.

The F0 of the stems is ``f0_of_stems.csv``; where that lacks, CREPE on each stem if torchcrepe is installed.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vocsep import Separator
from vocsep.audio import find_audio, read_audio, to_analysis
from vocsep.errors import DependencyError, VocsepError
from vocsep.evaluate import mean_and_median, multipitch_scores, oracle_masks, si_sdr_per_second, voice_recall
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

Stems = NDArray[np.float32]  # (voices, samples) at 16 kHz


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


def recordings(data: Path, only: str | None) -> Iterator[Path]:
    """Folders with stems below ``data`` whose name contains ``only``."""
    for stems in sorted(data.rglob("stems")):
        name = str(stems.parent.relative_to(data)) if stems.parent != data else data.name
        if stems.is_dir() and (only is None or only in name):
            yield stems.parent


def load_stems(folder: Path, start: int, duration: float | None) -> Stems:
    """All stems as mono at 16 kHz, ``duration`` seconds from frame ``start`` on, padded to the longest."""
    stems = []
    for path in find_audio([folder / "stems"]):
        audio, rate = read_audio(path, start * HOP / SAMPLE_RATE, duration)
        stems.append(to_analysis(audio, rate))
    samples = max(map(len, stems))
    return np.stack([np.pad(stem, (0, samples - len(stem))) for stem in stems])


def reference_tracks(folder: Path, stems: Stems, start: int) -> F0Tracks | None:
    """F0 of the stems from frame ``start`` on: the folder's file, else CREPE, else None."""
    frames = frame_count(stems.shape[1])
    if (folder / "f0_of_stems.csv").is_file():
        tracks = F0Tracks.read_csv(folder / "f0_of_stems.csv", voices=len(stems))
        return tracks.slice(start, tracks.frames).fitted(frames)
    from vocsep.pitch.crepe import crepe_track

    try:
        rows = [voiced_frames(stem, *crepe_track(stem)) for stem in stems]
    except DependencyError:
        return None
    return F0Tracks(np.stack(rows)).fitted(frames)


def voiced_frames(
    stem: NDArray[np.float32], frequencies: NDArray[np.float64], periodicity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """CREPE's F0 where it is sure and the stem sounds (above -56 dB, as in f0_of_stems.csv), else NaN."""
    power = np.convolve(np.pad(stem.astype(np.float64) ** 2, HOP), np.ones(2 * HOP) / (2 * HOP), mode="valid")
    level = 10 * np.log10(power[::HOP][: len(frequencies)] + 1e-12)
    level = np.pad(level, (0, len(frequencies) - len(level)), constant_values=-120.0)
    return np.where((periodicity > 0.5) & (level > -56), frequencies, np.nan)


def score(method: str, stems: Stems, estimate: Stems, seconds: float) -> Row:
    scores = si_sdr_per_second(stems, estimate, SAMPLE_RATE)
    mean, median = mean_and_median(scores)
    return Row(method, mean, median, [mean_and_median(voice)[0] for voice in scores], seconds)


def measure(folder: Path, name: str, options: argparse.Namespace) -> Result:
    """All methods on one recording."""
    start = int(options.start * SAMPLE_RATE / HOP)  # a whole frame, so that audio and F0 begin together
    stems = load_stems(folder, start, options.duration)
    mixture = stems.sum(axis=0)
    result = Result(name, stems.shape[1] / SAMPLE_RATE)
    reference = reference_tracks(folder, stems, start)
    if reference is None:
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
        "oracle magnitude": lambda: oracle_masks(stems, 1),
        "oracle power": lambda: oracle_masks(stems, 2),
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
        "--method", action="append", metavar="M", help="only this row of the table; repeatable"
    )
    parser.add_argument("--model", type=Path, help="model of vocsep (default: the shipped one)")
    parser.add_argument("--adapt", type=int, metavar="N", help="steps of adaptation (default: vocsep's)")
    parser.add_argument("--assign", choices=("viterbi", "heuristic"), default="viterbi")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser.parse_args()


def main() -> int:
    options = parse()
    results = []
    try:
        for folder in recordings(options.data, options.only):
            name = folder.name if folder == options.data else str(folder.relative_to(options.data))
            results.append(measure(folder, name, options))
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
