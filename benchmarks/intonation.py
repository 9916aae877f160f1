"""How right the intonation report is: `python -m benchmarks.intonation [--choirs N] [--estimate]`.

Synthetic choirs sing chorales with a drift and with errors of every note that are known. Compared are the
drift and the mean of each note that the report finds, from the F0 as they were sung, and with ``--estimate``
from F0 estimated from the mixture. Notes are matched by time and number; which share was found is said, too.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from benchmarks.options import new_parser, run
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.choir import KnownChoir, chorale, sing_known
from vocsep.singers.score import random_progression
from vocsep.transcription.report import IntonationReport, intonation_report
from vocsep.transcription.tuning import tuning_of

CHORDS, BEAT = 32, 1.0  # of a piece; s
ERRORS = 8.0  # cents, standard deviation of the notes


def choir(seed: int) -> tuple[KnownChoir, float]:
    """A choir, and the drift that it was told to sing, in cents over the piece."""
    rng = np.random.default_rng(seed)
    score = chorale(random_progression(rng, CHORDS).tolist(), rng, BEAT)
    drift = float(rng.uniform(-60, 60))
    known = sing_known(
        score, rng, lambda part, note: drift * note.onset / score.seconds + float(rng.normal(0, ERRORS))
    )
    return known, drift


def drift_of_score(known: KnownChoir) -> float:
    """The drift of what the singers aimed at, by the same line through the notes."""
    notes = [note for part in known.sung.parts for note in part]
    middles, pitch, lengths = (
        np.array(values)
        for values in zip(*[(n.onset + n.duration / 2, n.pitch, n.duration) for n in notes], strict=True)
    )
    return tuning_of(middles, pitch, lengths).slope * known.score.seconds / 60


def note_errors(known: KnownChoir, report: IntonationReport) -> tuple[list[float], int]:
    """Cents between the mean found and the pitch aimed at, of notes found; how many notes there are."""
    errors, count = [], 0
    for voice, (written, sung) in enumerate(zip(known.score.parts, known.sung.parts, strict=True), start=1):
        found = [note for note in report.notes if note.voice == voice]
        for note, aimed in zip(written, sung, strict=True):
            count += 1
            near = [
                one for one in found if abs(one.onset - note.onset) < 0.1 and abs(one.pitch - aimed.pitch) < 1
            ]
            if near:
                errors.append(100 * (near[0].pitch - aimed.pitch))
    return errors, count


def benchmark(options: argparse.Namespace) -> None:
    """Print the table."""
    estimator = PitchEstimator() if options.estimate else None
    print("choir  F0         drift told  aimed at  reported  notes found  mean abs error  bias")
    for seed in range(options.choirs):
        known, drift = choir(seed)
        tracks = {"sung": F0Tracks(known.ensemble.f0)}
        if estimator is not None:
            tracks["estimated"] = estimator.estimate(known.ensemble.mixture, len(known.score.parts))
        for name, f0 in tracks.items():
            report = intonation_report(f0)
            errors, count = note_errors(known, report)
            reported = report.tuning.slope * known.score.seconds / 60
            print(
                f"{seed:5d}  {name:<10} {drift:9.1f} {drift_of_score(known):9.1f} {reported:9.1f}"
                f" {len(errors) / count:12.3f} {np.mean(np.abs(errors)):15.2f} {np.mean(errors):5.2f}",
                flush=True,
            )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("intonation", __doc__)
    parser.add_argument("--choirs", type=int, default=8)
    parser.add_argument("--estimate", action="store_true", help="also from F0 estimated from the mixture")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
