"""Memory and time of `separate` over the length of the recording: both must be straight lines, or flat.

    python -m benchmarks.long DATA_DIR [--minutes 1 4 15 60] [--hours 10] [--plot long.svg] [-- OPTIONS]

A mixture of DATA_DIR is repeated to each of the lengths, in stereo at 48 kHz and 16 bits, and separated by a
process of its own, whose largest memory and processor time are listed. Lines through the figures say what
--hours would take. What follows ``--`` is given to `vocsep separate`, such as ``-n 2 --adapt 0``.

    python -m benchmarks.long --growth 10

says how much memory what grows with the length takes: the copy for analysis, and the tracks of four voices in
sections, as if their F0 were known. The rest is done piece by piece.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.options import add_recordings, before_words, found_recordings, new_parser, run
from vocsep.errors import VocsepError
from vocsep.media.analysis_file import give_back, new_copy, peak_of
from vocsep.pitch.alternatives import EstimatedTracks, alternatives_of
from vocsep.pitch.candidates import Candidates
from vocsep.pitch.sections import estimate_sections
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.remarks import track_warnings
from vocsep.spectra import SAMPLE_RATE, frame_count

RATE = 48_000  # Hz
Figures = list[tuple[float, float, float]]  # minutes, MB at most, s of processor time


def repeated(mixture: NDArray[np.float32], minutes: float, path: Path) -> None:
    """Write a mixture at 16 kHz, again and again, in stereo at 48 kHz."""
    sound = soxr.resample(mixture / (2 * np.abs(mixture).max()), SAMPLE_RATE, RATE)
    block, left = np.stack([sound, 0.8 * sound], axis=1), round(minutes * 60 * RATE)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16", format="RF64") as file:
        while left:
            file.write(block[:left])
            left -= min(left, len(block))


def measured(path: Path, output: Path, words: Sequence[str]) -> tuple[float, float]:
    """Largest memory in MB and processor time in s of a separation."""
    command = [sys.executable, "-m", "vocsep", "separate", str(path), "-o", str(output), "-q", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read() if process.stderr else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise VocsepError(said.strip() or f"separate failed with {process.returncode}")
    shutil.rmtree(output)
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def draw(figures: Figures, path: Path, words: Sequence[str]) -> None:
    """Both over the length, with their lines."""
    from matplotlib import pyplot

    minutes, memory, seconds = np.array(figures).T
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    grid = np.array([0.0, minutes.max()])
    for axes, values, name in ((left, memory, "largest memory, MB"), (right, seconds, "processor time, s")):
        axes.plot(minutes, values, "o", color="#1f5a92")
        axes.plot(grid, np.polyval(np.polyfit(minutes, values, 1), grid), color="#1f5a92", linewidth=1)
        axes.set(xlabel="length of the recording, min", ylabel=name, ylim=(0, 1.15 * values.max()))
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"vocsep separate {' '.join(words)}, stereo, 48 kHz", fontsize=10)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


class Known:
    """Four voices of constant F0."""

    def first_look(self, audio: NDArray[np.float32], most: int) -> tuple[Candidates, NDArray[np.uint8]]:
        raise NotImplementedError  # the number of voices is known

    def estimate_whole(
        self, audio: NDArray[np.float32], voices: int | None, told: Callable[[float], None]
    ) -> EstimatedTracks:
        peak_of(audio)
        f0 = np.repeat(np.array([[440.0], [330.0], [220.0], [110.0]]), frame_count(len(audio)), axis=1)
        return EstimatedTracks(f0, F0Tracks(1.01 * f0))


def growth(hours: float) -> None:
    """Print the largest memory with a copy and tracks of so many hours, and that before."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    audio = new_copy(round(hours * 3600 * SAMPLE_RATE))[:, 0]
    for begin in range(0, len(audio), 1 << 20):
        audio[begin : begin + (1 << 20)] = 0.1
        give_back(audio)
    tracks = estimate_sections(Known(), audio, 4, lambda share: None)
    tracks.voice_statistics()
    track_warnings(tracks)
    alternatives_of(tracks).slice(0, 1)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{hours:g} h: {largest:.0f} MB at most, {before:.0f} MB of them before")


def benchmark(options: argparse.Namespace) -> None:
    """Print the table and what the lines say."""
    if options.growth:
        growth(options.growth)
        return
    if options.data is None:
        raise VocsepError("DATA_DIR: is needed, but for --growth")
    mixture = max((recording.mixture for recording in found_recordings(options)), key=len)
    figures: Figures = []
    print(f"{'minutes':>8} {'memory':>9} {'processor':>10} {'a minute':>9}")
    with tempfile.TemporaryDirectory(prefix="vocsep-", dir=options.folder) as name:
        path = Path(name) / "long.wav"
        for minutes in sorted(options.minutes):
            repeated(mixture, minutes, path)
            memory, seconds = measured(path, Path(name) / "stems", options.words)
            figures.append((minutes, memory, seconds))
            print(f"{minutes:8g} {memory:6.0f} MB {seconds:8.1f} s {seconds / minutes:7.2f} s", flush=True)
    if len(figures) < 2:
        return
    lengths, *values = np.array(figures).T
    for what, unit, numbers in zip(("memory", "processor time"), ("MB", "s"), values, strict=True):
        slope, start = np.polyfit(lengths, numbers, 1)
        there = f"{start + slope * 60 * options.hours:.0f} {unit} for {options.hours:g} h"
        print(f"{what}: {start:.0f} {unit} + {slope:.2f} {unit} a minute, {there}")
    if options.plot:
        draw(figures, options.plot, options.words)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("long", __doc__)
    add_recordings(parser, optional=True)
    parser.add_argument("--growth", type=float, metavar="H", help="hours; measure what grows with them")
    lengths = [1.0, 4.0, 15.0, 60.0]
    parser.add_argument("--minutes", type=float, nargs="+", default=lengths, metavar="M", help="lengths")
    parser.add_argument("--hours", type=float, default=10.0, metavar="H", help="foretold (default: 10)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the figures")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="for what is written meanwhile")
    return run(benchmark, parser, before_words(parser, arguments))


if __name__ == "__main__":
    sys.exit(main())
