"""How well the voices of mixtures are heard: `python -m benchmarks.pitch DATA_DIR`.

For every recording with stems below DATA_DIR (see mixtures.py), for pairs and trios of the real quartets and
for the choir of two singers a part: multi-F0 precision, recall and F within 50 cents, the share of reference
frames in which the right voice has the right pitch, and SI-SDR of the untrained harmonic comb with these
tracks. Below each, for every voice how often it was exchanged, that is, had the pitch of which other voice
and not its own (share of its frames in the reference), and the stretches of more than 0.3 s in which two
voices were exchanged. Of sections, either singer of a part is right. Then a single voice against CREPE where
CREPE is sure, and how long a minute of a quartet takes, models loaded.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.mixtures import Recording
from benchmarks.options import (
    add_assignment,
    add_device,
    add_groups,
    add_recordings,
    found_recordings,
    new_parser,
    run,
)
from benchmarks.scoring import separated
from vocsep import Separator
from vocsep.errors import DependencyError
from vocsep.evaluation.exchanges import Exchange, exchange_shares, exchanges
from vocsep.evaluation.multi_f0 import MultipitchScores, multipitch_scores, voice_recall
from vocsep.evaluation.pitch_scores import pitch_scores
from vocsep.media.reading import read_audio, to_analysis
from vocsep.pitch.candidates import CANDIDATES
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.how_many import number_of_voices
from vocsep.pitch.intonation import cents_apart
from vocsep.pitch.settings import PitchSettings
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import SAMPLE_RATE

SURE = 0.8  # periodicity above which CREPE is believed
SELDOM = 0.005  # share of frames under which an exchange is not worth a word
MINUTE = 60 * SAMPLE_RATE  # samples


@dataclass(frozen=True)
class Known:
    """What needs the F0 of the stems.

    Attributes:
        scores: of all pitches.
        right_voice: share of reference frames in which the right voice has the right pitch.
        often: share of its frames in which each voice had the pitch of another one and not its own.
        shares: ``(voices, voices)``, the same with each other one; of two in unison both count.
        exchanged: where.
    """

    scores: MultipitchScores
    right_voice: float
    often: list[float]
    shares: NDArray[np.float64]
    exchanged: list[Exchange]


@dataclass(frozen=True)
class Row:
    """Scores of one recording; ``known`` is None without the F0 of its stems, ``comb`` in dB."""

    name: str
    voices: int
    counted: int
    known: Known | None
    comb: float


def nearest(references: tuple[F0Tracks, ...], estimate: F0Tracks) -> F0Tracks:
    """Of the singers of each part the one who is nearest to the estimate, frame by frame."""
    rows = np.stack([one.fitted(estimate.frames).frequencies for one in references])
    away = np.abs(cents_apart(rows, np.nan_to_num(estimate.frequencies, nan=1.0)))
    chosen = np.argmin(np.where(np.isfinite(away), away, np.inf), axis=0)
    return F0Tracks(np.take_along_axis(rows, chosen[None], axis=0)[0])


def known_of(truth: F0Tracks, tracks: F0Tracks) -> Known:
    """Everything that is said of tracks whose true F0 are known, row by row."""
    return Known(
        multipitch_scores(truth, tracks),
        float(np.nanmean(voice_recall(truth, tracks))),
        [voice.other_voice for voice in pitch_scores(truth, tracks).voices],
        exchange_shares(truth, tracks),
        exchanges(truth, tracks),
    )


def measure(recording: Recording, estimator: PitchEstimator, comb: Separator) -> Row:
    """Scores of the tracks that are estimated with the number of voices given."""
    voices = len(recording.stems)
    tracks = estimator.estimate(recording.mixture, voices)
    counted = number_of_voices(estimator.first_look(recording.mixture, CANDIDATES + 2)[0])
    known = None
    if recording.references is not None:
        known = known_of(nearest(recording.references, tracks), tracks)
    return Row(recording.name, voices, counted, known, separated(recording, comb, tracks).mean)


def table_line(row: Row) -> str:
    """The scores of a recording as a line of the table."""
    known = row.known
    figures = [float("nan")] * 4
    if known is not None:
        figures = [known.scores.precision, known.scores.recall, known.scores.f, known.right_voice]
    shown = "  ".join(f"{value:5.3f}" for value in figures[:3])
    return f"{row.name:<46} {row.voices:>6} {row.counted:>5}  {shown}  {figures[3]:11.3f}  {row.comb:8.2f} dB"


def exchange_lines(known: Known) -> list[str]:
    """For each voice that was exchanged how often and with whom, and then all stretches."""
    lines = []
    for voice, (often, shares) in enumerate(zip(known.often, known.shares, strict=True), start=1):
        with_whom = [
            f"{share:.1%} with {other}" for other, share in enumerate(shares, start=1) if share > SELDOM
        ]
        if often > SELDOM:
            whom = f" ({', '.join(with_whom)})" if with_whom else ""
            lines.append(f"  voice {voice} exchanged: {often:.1%}{whom}")
    for one in known.exchanged:
        (a, b), (there, back) = one.voices, one.shares
        has = f"{a} has the pitch of {b} in {there:.0%}, {b} that of {a} in {back:.0%}"
        lines.append(f"    {one.start:6.1f} - {one.end:6.1f} s  {a} <-> {b}  {has}")
    return lines


def alone(path: Path, estimator: PitchEstimator) -> str:
    """Our track of a single voice where CREPE is sure."""
    from vocsep.pitch.crepe import crepe_track

    audio = to_analysis(*read_audio(path))
    try:
        theirs, periodicity = crepe_track(audio)
    except DependencyError as error:
        return f"{path.name}: not measured ({error})"
    ours = estimator.estimate(audio, 1).fitted(len(theirs)).frequencies[0]
    sure = np.isfinite(theirs) & (periodicity > SURE)
    apart = np.abs(cents_apart(ours[sure], theirs[sure]))
    right = float(np.mean(apart <= 50))  # NaN, where we hear nobody, is not right
    return (
        f"{path.name}: within 50 cents of CREPE in {right:.1%} of {sure.sum()} frames where it is sure, "
        f"median error {np.nanmedian(apart[apart <= 50]):.1f} cents"
    )


def speed(quartet: Recording, estimator: PitchEstimator, loaded: float) -> str:
    """How long a minute takes."""
    begun = time.perf_counter()
    estimator.estimate(quartet.mixture[:MINUTE], len(quartet.stems))
    taken = time.perf_counter() - begun
    return f"60 s, {len(quartet.stems)} voices: {loaded + taken:.1f} s, {loaded:.1f} s of them loading"


def benchmark(options: argparse.Namespace) -> None:
    """Measure all recordings and print the table line by line."""
    begun = time.perf_counter()
    estimator = PitchEstimator(
        options.pitch_model, device=options.device, assign=options.assign, refine=options.refine
    )
    loaded = time.perf_counter() - begun
    comb = Separator(method="comb", device=options.device)
    found = found_recordings(options)
    print(f"{'':<46} voices  auto      P      R      F  right voice  comb SI-SDR")
    for recording in found:
        row = measure(recording, estimator, comb)
        print("\n".join([table_line(row), *(exchange_lines(row.known) if row.known else [])]), flush=True)
    for path in sorted(options.data.rglob("vocadito*.wav")):
        if options.only is None or options.only in str(path.relative_to(options.data)):
            print(alone(path, estimator))
    quartets = [one for one in found if len(one.stems) == 4 and one.stems.shape[1] >= MINUTE]
    if quartets:
        print(speed(quartets[0], estimator, loaded))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("pitch", __doc__)
    add_recordings(parser)
    add_groups(parser, default=True)
    add_assignment(parser)
    add_device(parser, default="cpu")
    parser.add_argument(
        "--refine", type=int, default=PitchSettings.refine, metavar="N", help="refinements of F0"
    )
    parser.add_argument("--pitch-model", type=Path, metavar="FILE", help="default: the shipped one")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
