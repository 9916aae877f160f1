"""What a score is worth: `python -m benchmarks.score DATA_DIR [--only NAME] [--separate]
[--passage START SECONDS]`.

For every recording with stems below DATA_DIR (see ``mixtures``): a score is transcribed from the F0 of the
stems, its tempo distorted by up to 20 %, two bars left out of it, and its second part written a fifth too
high. Voices are followed with and without it; printed are the share of the reference's frames in which the
right voice has the right pitch, precision, recall and F of all pitches, what the score's fit says, and with
``--separate`` SI-SDR of the stems with these tracks and with the true ones, in a ``--passage`` of the
recording if only that is to be separated. Where there is no
``f0_of_stems.csv``, each stem's F0 is estimated from the stem alone.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.mixtures import Recording
from benchmarks.options import add_recordings, found_recordings, new_parser, run
from vocsep import Separator
from vocsep.evaluation.pitch_scores import RIGHT, pitch_scores
from vocsep.evaluation.seconds import mean_and_median
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.pitch.alternatives import surely_sung
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.transcription.notes import notes_of_voice
from vocsep.transcription.score_guide import ScoreGuide
from vocsep.transcription.score_reading import WrittenNote, WrittenScore, one_line

BAR = 2.4  # s
LEFT_OUT = 0.4  # of the recording: where two bars are left out
FIFTH, MOVED = 7, 1  # semitones; the part that is written too high
AUDIBLE = -56.0  # dB, a stem below it is taken for silent


def distorted_score(tracks: F0Tracks) -> WrittenScore:
    """A score that fits as badly as scores do."""
    grid = np.arange(0.0, tracks.seconds + 1, 0.5)
    tempo = 1 + 0.2 * np.sin(2 * np.pi * grid / 17 + 1) * np.cos(2 * np.pi * grid / 41)
    warped = np.concatenate([[0.0], np.cumsum(tempo[:-1] * 0.5)])
    cut, gap = tracks.seconds * LEFT_OUT, 2 * BAR
    parts = []
    for voice, row in enumerate(tracks.frequencies):
        notes = []
        for note in notes_of_voice(row):
            if cut <= note.onset < cut + gap:
                continue
            later = gap if note.onset >= cut else 0.0
            end = note.offset if later else min(note.offset, cut)
            onset, offset = np.interp([note.onset - later, end - later], grid, warped)
            if offset - onset > 0.05:
                pitch = round(note.pitch) + (FIFTH if voice == MOVED else 0)
                notes.append(WrittenNote(float(onset), float(offset - onset), float(pitch)))
        parts.append(one_line(notes))
    names = tuple(f"part {number}" for number in range(1, len(parts) + 1))
    return WrittenScore(names, tuple(parts), tuple(np.arange(0.0, warped[-1], BAR).tolist()))


def reference_of(recording: Recording, estimator: PitchEstimator) -> F0Tracks:
    """F0 of the stems: the folder's, or estimated from each stem by itself where it is heard."""
    if recording.reference is not None:
        return recording.reference
    rows = []
    for stem in recording.stems:
        row = surely_sung(estimator.estimate(stem, 1)).frequencies[0]
        power = np.convolve(np.pad(stem.astype(np.float64) ** 2, HOP), np.ones(2 * HOP) / (2 * HOP), "valid")
        level = 10 * np.log10(power[::HOP][: len(row)] + 1e-12)
        rows.append(np.where(np.pad(level, (0, len(row) - len(level))) > AUDIBLE, row, np.nan))
    return F0Tracks(np.stack(rows))


def show_pitch(name: str, truth: F0Tracks, found: F0Tracks) -> None:
    scores = pitch_scores(truth, found)
    frames = np.array([voice.frames for voice in scores.voices])
    right = np.array([voice.raw_pitch_accuracy for voice in scores.voices])
    all_voices = scores.multipitch[RIGHT]
    print(
        f"  {name:<14} right voice {np.sum(frames * right) / frames.sum():.3f} {right.round(3)}"
        f"  P {all_voices.precision:.3f} R {all_voices.recall:.3f} F {all_voices.f:.3f}",
        flush=True,
    )


def show_separation(name: str, stems: NDArray[np.float32], tracks: F0Tracks, separator: Separator) -> None:
    mixture = np.asarray(stems.sum(axis=0), dtype=np.float32)
    found = separator.separate(mixture, SAMPLE_RATE, tracks=tracks).stems
    scores = [
        np.ravel(si_sdr_per_second(stem, one, SAMPLE_RATE)) for stem, one in zip(stems, found, strict=True)
    ]
    mean, median = mean_and_median(np.concatenate(scores))
    print(f"  {name:<14} SI-SDR mean {mean:.2f} median {median:.2f} dB", flush=True)


def benchmark(options: argparse.Namespace) -> None:
    """Print the table."""
    estimator = PitchEstimator()
    separator = Separator() if options.separate else None
    for recording in found_recordings(options):
        print(recording.name, flush=True)
        truth = reference_of(recording, estimator)
        guide = ScoreGuide(distorted_score(truth))
        tracks = {
            "without score": estimator.estimate(recording.mixture, truth.voices),
            "with score": estimator.estimate(recording.mixture, guide=guide),
        }
        for line in guide.found:
            print(f"  {line}")
        for name, found in tracks.items():
            show_pitch(name, truth, found)
        first, count = passage(options, truth.frames)
        stems = recording.stems[:, first * HOP : (first + count - 1) * HOP]
        for name, found in {"true F0": truth, **tracks}.items() if separator else ():
            part = F0Tracks(found.frequencies[:, first : first + count])
            show_separation(name, stems, part, separator)


def passage(options: argparse.Namespace, frames: int) -> tuple[int, int]:
    """First frame of what is separated, and how many there are."""
    if options.passage is None:
        return 0, frames
    start, seconds = (round(value * SAMPLE_RATE / HOP) for value in options.passage)
    first = max(start - round(options.start * SAMPLE_RATE / HOP), 0)
    return first, min(seconds, frames - first)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("score", __doc__)
    add_recordings(parser)
    parser.add_argument("--separate", action="store_true")
    parser.add_argument("--passage", type=float, nargs=2, metavar=("START", "SECONDS"))
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
