"""How well the voices of mixtures are heard: `python benchmarks/pitch.py DATA_DIR`.

For every recording with stems below DATA_DIR (see mixtures.py), for pairs and trios of the real quartets and
for the choir of two singers a part: multi-F0 precision, recall and F within 50 cents, the share of reference
frames in which the right voice has the right pitch, and SI-SDR of the untrained harmonic comb with these
tracks. Of sections, either singer of a part is right. Then a single voice against CREPE where CREPE is sure,
and how long a minute of a quartet takes, models loaded.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mixtures import Recording, groups, recordings

from vocsep import Separator
from vocsep.errors import DependencyError, VocsepError
from vocsep.evaluation.multi_f0 import multipitch_scores, voice_recall
from vocsep.evaluation.seconds import mean_and_median
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.media.reading import read_audio, to_analysis
from vocsep.pitch.estimate import DEFAULT_REFINE, MOST_VOICES, PitchEstimator, number_of_voices
from vocsep.pitch.intonation import cents_apart
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import SAMPLE_RATE

SURE = 0.8  # periodicity above which CREPE is believed


@dataclass(frozen=True)
class Row:
    """Scores of one recording; NaN = not known."""

    name: str
    voices: int
    counted: int
    precision: float
    recall: float
    f: float
    right_voice: float
    comb: float


def nearest(references: tuple[F0Tracks, ...], estimate: F0Tracks) -> F0Tracks:
    """Of the singers of each part the one who is nearest to the estimate, frame by frame."""
    rows = np.stack([one.fitted(estimate.frames).frequencies for one in references])
    away = np.abs(cents_apart(rows, np.nan_to_num(estimate.frequencies, nan=1.0)))
    chosen = np.argmin(np.where(np.isfinite(away), away, np.inf), axis=0)
    return F0Tracks(np.take_along_axis(rows, chosen[None], axis=0)[0])


def measure(recording: Recording, estimator: PitchEstimator, comb: Separator) -> Row:
    """Scores of the tracks that are estimated with the number of voices given."""
    voices = len(recording.stems)
    tracks = estimator.estimate(recording.mixture, voices)
    counted = number_of_voices(estimator.first_look(recording.mixture, MOST_VOICES)[0])
    estimate = comb.separate(recording.mixture, SAMPLE_RATE, voices, tracks=tracks).stems
    score = mean_and_median(si_sdr_per_second(recording.stems, estimate, SAMPLE_RATE))[0]
    if recording.references is None:
        return Row(recording.name, voices, counted, *[float("nan")] * 4, score)
    truth = nearest(recording.references, tracks)
    scores = multipitch_scores(truth, tracks)
    right = float(np.nanmean(voice_recall(truth, tracks)))
    return Row(recording.name, voices, counted, scores.precision, scores.recall, scores.f, right, score)


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


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--only", metavar="NAME", help="only recordings whose path contains this")
    parser.add_argument("--no-groups", action="store_true", help="no pairs, trios and sections")
    parser.add_argument("--assign", choices=("notes", "viterbi", "heuristic"), default="notes")
    parser.add_argument("--refine", type=int, default=DEFAULT_REFINE, metavar="N")
    parser.add_argument("--pitch-model", type=Path, metavar="FILE")
    options = parser.parse_args()
    try:
        begun = time.perf_counter()
        estimator = PitchEstimator(options.pitch_model, assign=options.assign, refine=options.refine)
        loaded = time.perf_counter() - begun
        comb = Separator(method="comb", device="cpu")
        found = list(recordings(options.data, options.only, 0.0, None))
        everything = found if options.no_groups else [*found, *groups(found)]
        print(f"{'':<46} voices  auto      P      R      F  right voice  comb SI-SDR")
        for recording in everything:
            row = measure(recording, estimator, comb)
            print(
                f"{row.name:<46} {row.voices:>6} {row.counted:>5}  {row.precision:5.3f}  {row.recall:5.3f}  "
                f"{row.f:5.3f}  {row.right_voice:11.3f}  {row.comb:8.2f} dB",
                flush=True,
            )
        for path in sorted(options.data.rglob("vocadito*.wav")):
            print(alone(path, estimator))
        quartets = [one for one in found if len(one.stems) == 4 and one.stems.shape[1] >= 60 * SAMPLE_RATE]
        if quartets:
            minute = quartets[0].mixture[: 60 * SAMPLE_RATE]
            begun = time.perf_counter()
            estimator.estimate(minute, 4)
            taken = time.perf_counter() - begun
            print(f"60 s, 4 voices: {loaded + taken:.1f} s, {loaded:.1f} s of them loading")
    except VocsepError as error:
        print(error, file=sys.stderr)
        return 1
    if not found:
        print(f"{options.data}: no folder with a folder stems/ in it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
