"""How good an edited voice is: `python -m benchmarks.editing [--voices N] [--separated]`.

Synthetic singers sing a part, and the same part transposed, which an edit of the first should sound like. For
PSOLA, for PSOLA whose formants move along (as if the sound were played faster), and for the source model are
printed: F0 against what was asked for, measured by the phase of the fundamental; level against the original;
and the distance to what the singer would have sung (root mean square of 40 mel bands in dB, voiced frames).
``--separated``: the stems are separated from the quartet first, with the true F0.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from heterodyne import cents_from

from benchmarks.options import new_parser, run
from vocsep import Separator
from vocsep.editing.psola import resung
from vocsep.editing.resynthesis import resynthesised
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.choir import chorale, steady_singer
from vocsep.singers.performance import CONTROL, perform
from vocsep.singers.score import random_progression
from vocsep.singers.voice import sing
from vocsep.source.voice import band_matrix
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, stft

Audio = NDArray[np.float64]

STEPS = (-5, -2, 3, 7)  # semitones
FLOOR = 1e-6  # of the strongest band, below which nothing is compared


def parts(seed: int) -> tuple[list[Audio], list[Audio], list[list[Audio]]]:
    """Stems and F0 of a quartet, and each stem transposed by `STEPS`."""
    rng = np.random.default_rng(seed)
    score = chorale(random_progression(rng, 10).tolist(), rng)
    knots = round(score.seconds * SAMPLE_RATE) // HOP * HOP // CONTROL + 1
    stems, tracks, moved = [], [], []
    for number, notes in enumerate(score.parts):
        singer = steady_singer(rng, float(np.median([note.pitch for note in notes])))
        sung = perform(notes, singer, knots, np.random.default_rng(number))
        audio, f0 = sing(sung, singer, np.random.default_rng(number))
        stems.append(audio.astype(np.float64))
        tracks.append(np.where(f0 > 0, f0, np.nan).astype(np.float64))
        others = (replace(sung, f0=sung.f0 * 2 ** (step / 12)) for step in STEPS)
        moved.append(
            [sing(one, singer, np.random.default_rng(number))[0].astype(np.float64) for one in others]
        )
    return stems, tracks, moved


def bands_of(audio: Audio) -> Audio:
    """dB of 40 mel bands, ``(frames, bands)``."""
    power = stft(torch.from_numpy(audio), MASK_FFT).abs().square().numpy()
    weights = band_matrix(40, torch.linspace(0, SAMPLE_RATE / 2, MASK_FFT // 2 + 1)).numpy()
    mel = power.T @ weights.T
    return np.asarray(10 * np.log10(np.maximum(mel, FLOOR * mel.max())))


def distance(audio: Audio, truth: Audio, voiced: NDArray[np.bool_]) -> float:
    apart = (bands_of(audio) - bands_of(truth))[: len(voiced)][voiced]
    return float(np.sqrt(np.mean((apart - np.median(apart)) ** 2)))


def benchmark(options: argparse.Namespace) -> None:
    """Print the table."""
    separator = Separator()
    stems, tracks, moved = parts(0)
    if options.separated:
        mixture = np.sum(stems, axis=0).astype(np.float32)
        stems = list(
            separator.separate(mixture, SAMPLE_RATE, tracks=F0Tracks(np.stack(tracks))).stems.astype(float)
        )
    print("voice  semitones  method          F0 error median, 90 % (cents)  level (dB)  distance (dB)")
    for voice in range(min(options.voices, len(stems))):
        stem, f0 = stems[voice][:, None], tracks[voice]
        for step, truth in zip(STEPS, moved[voice], strict=True):
            ratio = 2 ** (step / 12)
            made = {
                "psola": resung(stem, SAMPLE_RATE, f0, ratio * f0),
                "formants along": resung(stem, SAMPLE_RATE, f0, ratio * f0, ratio),
                "source model": resynthesised(separator, stem, SAMPLE_RATE, f0, ratio * f0, 1.0),
            }
            for name, audio in made.items():
                wrong = np.abs(cents_from(audio[:, 0], SAMPLE_RATE, ratio * f0))
                level = 10 * np.log10(np.mean(audio**2) / np.mean(stem**2))
                figures = f"{np.median(wrong):12.2f} {np.percentile(wrong, 90):12.2f} {level:16.2f}"
                away = distance(audio[:, 0], truth, np.isfinite(f0))
                print(f"{voice + 1:5d}  {step:9d}  {name:<15} {figures} {away:12.1f}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("editing", __doc__)
    parser.add_argument("--voices", type=int, default=4, help="of the quartet, from the highest")
    parser.add_argument("--separated", action="store_true")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
