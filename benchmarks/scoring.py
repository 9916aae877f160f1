"""From stems to a score: SI-SDR of each second in which a voice sounds, and means of it in dB."""

from dataclasses import dataclass

from benchmarks.mixtures import Recording, Stems
from vocsep import Separator
from vocsep.evaluation.matching import best_permutation
from vocsep.evaluation.seconds import mean_and_median
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import SAMPLE_RATE


@dataclass(frozen=True)
class Score:
    """SI-SDR in dB of the seconds of all voices, no mean removal; seconds that are more than 20 dB below the
    voice's mean energy are left out.

    Attributes:
        mean, median: over the seconds of all voices.
        voices: the mean of each voice, from the highest.
    """

    mean: float
    median: float
    voices: list[float]


def score(stems: Stems, estimate: Stems) -> Score:
    """Score estimated stems against the true ones, both ``(voices, samples)`` at 16 kHz.

    Two singers of one range have no order that anybody could know, so the stems of a duet are matched as fits
    best.
    """
    if len(stems) == 2:
        estimate = estimate[best_permutation(stems, estimate, si_sdr_per_second)]
    seconds = si_sdr_per_second(stems, estimate, SAMPLE_RATE)
    mean, median = mean_and_median(seconds)
    return Score(mean, median, [mean_and_median(voice)[0] for voice in seconds])


def separated(recording: Recording, separator: Separator, tracks: F0Tracks | None = None) -> Score:
    """Separate the mixture of a recording, whose number of voices is told, and score the stems."""
    voices = len(recording.stems)
    return score(
        recording.stems, separator.separate(recording.mixture, SAMPLE_RATE, voices, tracks=tracks).stems
    )
