"""What could be done with masks, and what it brings: `python benchmarks/masks.py DATA_DIR`.

One estimated of an excerpt of each recording (mixtures.py) by default settings, J given, everything else
estimated; then several ways from its expected powers to stems. Mean SI-SDR in dB:

====================== ================================================================================
``as it is``           powers' ratio on 2048/256 at 16 kHz, softer in rooms
``window of N``        the same masks read between their bins and frames for windows of N samples
``long bass``          windows of 4096 samples for the lowest voice, which gives the rest to the others
``twice``              masks once more, from the powers of the stems that the first ones made
``MISI, N rounds``     phases made consistent while the stems add up (D. Gunawan and D. Sen, "Iterative phase
                       estimation for the synthesis of separated sources", IEEE SPL 2010)
``onsets``             where a voice begins, what has no pitch above 2 kHz goes to it
``loudest``            each bin to one voice
====================== ================================================================================
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mixtures import recordings
from torch import Tensor

from vocsep import Separator
from vocsep.errors import VocsepError
from vocsep.evaluation.seconds import mean_and_median
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.filtering.masks import soft_masks
from vocsep.methods.protocol import SourceEstimate
from vocsep.pitch.alternatives import alternatives_of
from vocsep.source.powers import mask_frequencies
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, istft, stft

ONSET = 6  # frames, about 0.1 s, before a voice begins
HISS = 2_000.0  # Hz
ROUNDS = (1, 5)

Way = Callable[[Tensor, SourceEstimate, Tensor], Tensor]  # mixture, estimated, F0 -> (voices, samples)


def filtered(mixture: Tensor, masks: Tensor, size: int = MASK_FFT) -> Tensor:
    """Stems by masks ``(voices, bins, frames)`` of 2048/256, on windows of ``size`` samples every `HOP`."""
    spectrum = stft(mixture, size, HOP)
    if size != MASK_FFT:
        shape = (spectrum.shape[-2], masks.shape[-1])
        masks = torch.nn.functional.interpolate(masks[None], shape, mode="bilinear", align_corners=True)[0]
    return torch.stack([istft(spectrum * mask, mixture.shape[-1], size, HOP) for mask in masks])


def as_it_is(mixture: Tensor, estimated: SourceEstimate, f0: Tensor) -> Tensor:
    return filtered(mixture, estimated.masks)


def window_of(size: int) -> Way:
    return lambda mixture, estimated, f0: filtered(mixture, estimated.masks, size)


def long_bass(mixture: Tensor, estimated: SourceEstimate, f0: Tensor) -> Tensor:
    bass = filtered(mixture, estimated.masks[-1:], 2 * MASK_FFT)
    if len(f0) == 1:
        return bass
    others = estimated.masks[:-1]
    return torch.cat((filtered(mixture - bass[0], others / others.sum(dim=0).clamp_min(1e-9)), bass))


def twice(mixture: Tensor, estimated: SourceEstimate, f0: Tensor) -> Tensor:
    stems = filtered(mixture, estimated.masks)
    return filtered(mixture, soft_masks(stft(stems, MASK_FFT).abs().square()))


def misi(rounds: int) -> Way:
    def way(mixture: Tensor, estimated: SourceEstimate, f0: Tensor) -> Tensor:
        spectrum = stft(mixture, MASK_FFT)
        magnitudes = estimated.masks * spectrum.abs()
        stems = filtered(mixture, estimated.masks)
        for _ in range(rounds):
            phases = torch.angle(stft(stems, MASK_FFT))
            stems = istft(torch.polar(magnitudes, phases), mixture.shape[-1], MASK_FFT)
            stems = stems + (mixture - stems.sum(dim=0)) / len(stems)
        return stems

    return way


def onsets(mixture: Tensor, estimated: SourceEstimate, f0: Tensor) -> Tensor:
    """A consonant is heard before its note: where voices begin, the hiss of that moment is theirs alone."""
    sung = f0 > 0
    begins = torch.zeros_like(sung)
    for ago in range(1, ONSET + 1):
        begins[:, :-ago] |= sung[:, ago:] & ~sung[:, :-ago]
    any_begins = begins.any(dim=0)
    theirs = begins / begins.sum(dim=0).clamp_min(1)
    hiss = mask_frequencies() >= HISS
    masks = estimated.masks.clone()
    high = masks[:, hiss]
    masks[:, hiss] = torch.where(any_begins, theirs[:, None, :].expand_as(high), high)
    return filtered(mixture, masks)


def loudest(mixture: Tensor, estimated: SourceEstimate, f0: Tensor) -> Tensor:
    winner = estimated.masks.argmax(dim=0, keepdim=True)
    return filtered(mixture, torch.zeros_like(estimated.masks).scatter_(0, winner, 1.0))


WAYS: dict[str, Way] = {
    "as it is": as_it_is,
    **{f"window of {size}": window_of(size) for size in (1024, 4096)},
    "long bass": long_bass,
    "twice": twice,
    **{f"MISI, {rounds} rounds": misi(rounds) for rounds in ROUNDS},
    "onsets": onsets,
    "loudest": loudest,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--only", metavar="NAME", help="only recordings whose path contains this")
    parser.add_argument("--start", type=float, default=20.0, metavar="S", help="leave out the first seconds")
    parser.add_argument("--duration", type=float, default=30.0, metavar="S", help="so many seconds of each")
    options = parser.parse_args()
    separator = Separator(postfilter=False)
    rows: dict[str, list[float]] = {name: [] for name in WAYS}
    names = []
    try:
        for recording in recordings(options.data, options.only, options.start, options.duration):
            names.append(recording.name)
            tracks = separator.pitch.estimate(recording.mixture, len(recording.stems))
            mixture, f0 = torch.from_numpy(recording.mixture), tracks.as_input()
            estimated = separator.method.estimate(mixture, f0, alternative=alternatives_of(tracks).as_input())
            for name, way in WAYS.items():
                with torch.no_grad():
                    stems = way(mixture, estimated, f0).numpy()
                scores = si_sdr_per_second(recording.stems, stems, SAMPLE_RATE)
                rows[name].append(mean_and_median(scores)[0])
    except VocsepError as error:
        print(error, file=sys.stderr)
        return 1
    if not names:
        print(f"{options.data}: no folder with a folder stems/ in it", file=sys.stderr)
        return 1
    print("| way | " + " | ".join(names) + " | mean |\n" + "|---" * (len(names) + 2) + "|")
    for name, values in rows.items():
        cells = " | ".join(f"{value:.2f}" for value in [*values, float(np.mean(values))])
        print(f"| {name} | {cells} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
