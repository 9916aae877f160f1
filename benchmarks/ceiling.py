"""The ceiling of fitted partials: `python -m benchmarks.ceiling DATA_DIR`.

What the partials of all voices, fitted to the waveform at once, reach with the F0 of the stems and their true
powers, beside the best power mask: with the trust in them that ships, and with all of them taken as they are.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.mixtures import Stems
from benchmarks.options import add_groups, add_recordings, found_recordings, new_parser, run
from benchmarks.scoring import score
from vocsep.filtering.joint import correction
from vocsep.filtering.masks import soft_masks
from vocsep.filtering.trust import SHIPPED, SIGNS, Trust
from vocsep.methods.oracle import oracle_stems
from vocsep.pitch.tracks import F0Tracks
from vocsep.source.powers import comb_powers
from vocsep.spectra import MASK_FFT, frame_count, istft, stft

SURE = Trust((0.0,) * SIGNS, 50.0)  # every fitted partial is taken as it is


def joint_ceiling(stems: Stems, reference: F0Tracks, trust: Trust = SHIPPED) -> Stems:
    """Separate a mixture by partials whose F0 and powers are known, and by the best power mask for the rest.

    Args:
        stems: ``(voices, samples)`` at 16 kHz, true ones.
        reference: their F0.
        trust: in fitted partials; `SURE` for all.

    Returns:
        ``(voices, samples)``.
    """
    voices = torch.from_numpy(stems)
    mixture, samples = voices.sum(dim=0), stems.shape[1]
    powers = comb_powers(voices)
    masks = soft_masks(powers)
    by_masks = istft(masks * stft(mixture, MASK_FFT), samples, MASK_FFT)
    found = correction(mixture, reference.fitted(frame_count(samples)).as_input(), powers, masks, trust)
    return np.asarray((by_masks if found is None else by_masks + found).numpy())


def benchmark(options: argparse.Namespace) -> None:
    """Print a row for each recording of which the F0 of the stems is known."""
    print("| mean SI-SDR in dB | best power mask | fitted partials, as trusted | all of them |")
    print("|---|---|---|---|")
    for one in found_recordings(options):
        if one.reference is None:
            continue
        ways = [oracle_stems(one.stems, "power")]
        ways += [joint_ceiling(one.stems, one.reference, trust) for trust in (SHIPPED, SURE)]
        means = [f"{score(one.stems, stems).mean:.2f}" for stems in ways]
        print(f"| {one.name} | {' | '.join(means)} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("ceiling", __doc__)
    add_recordings(parser)
    add_groups(parser)
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
