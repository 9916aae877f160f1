"""What could be done with masks, and what it brings: `python -m benchmarks.masks DATA_DIR`.

One estimate of the sources of an excerpt of each recording (mixtures.py) by default settings without the
post-filter, J given; then several ways from its expected powers to stems. Mean SI-SDR in dB:

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
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.mixtures import Recording
from benchmarks.options import add_device, add_recordings, found_recordings, new_parser, run
from benchmarks.scoring import score
from vocsep import Separator
from vocsep.filtering.masks import soft_masks
from vocsep.methods.protocol import SourceEstimate
from vocsep.pitch.alternatives import alternatives_of
from vocsep.source.powers import mask_frequencies
from vocsep.spectra import HOP, MASK_FFT, istft, stft

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
    hiss = mask_frequencies().to(f0.device) >= HISS
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


def measure(recording: Recording, separator: Separator) -> dict[str, float]:
    """Mean SI-SDR in dB of each way."""
    tracks = separator.pitch.estimate(recording.mixture, len(recording.stems))
    device = separator.device
    mixture, f0 = torch.from_numpy(recording.mixture).to(device), tracks.as_input().to(device)
    alternative = alternatives_of(tracks).as_input().to(device)
    estimated = separator.method.estimate(mixture, f0, alternative=alternative)
    with torch.no_grad():
        stems = {name: way(mixture, estimated, f0).cpu().numpy() for name, way in WAYS.items()}
    return {name: score(recording.stems, estimate).mean for name, estimate in stems.items()}


def benchmark(options: argparse.Namespace) -> None:
    """Measure all ways on all recordings and print the table."""
    separator = Separator(postfilter=False, device=options.device)
    results = {one.name: measure(one, separator) for one in found_recordings(options)}
    print("| way | " + " | ".join(results) + " | mean |\n" + "|---" * (len(results) + 2) + "|")
    for name in WAYS:
        values = [result[name] for result in results.values()]
        cells = " | ".join(f"{value:.2f}" for value in [*values, float(np.mean(values))])
        print(f"| {name} | {cells} |")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("masks", __doc__)
    add_recordings(parser, start=20.0, duration=30.0)
    add_device(parser)
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
