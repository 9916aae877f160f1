"""The room of a recording without adaptation: voices stay what the network says, and only tails are sought.

Adaptation finds the room along with everything else (`vocsep.estimator.adapt`). Without it the four numbers
of a room are found by themselves, by the same divergence from the mixture's magnitudes, in a fraction of the
time. Envelopes that were not adapted miss a little everywhere, which looks like faint tails, so tails count
only where they are loud.
"""

import math

import torch
from torch import Tensor

from vocsep.estimator.adam import ParameterGroup, minimise
from vocsep.estimator.divergence import magnitude_divergence
from vocsep.source.powers import mask_frequencies
from vocsep.source.reverberation import Reverberation, RoomFit

STEPS = 30
RATE, BETAS = 0.15, (0.9, 0.9)  # of Adam; the rate in nepers
START = 0.4  # level: in a hall; from a faint one the way is longer
LEAST_LEVEL = 0.2  # real singers without a room were taken for 0.06 to 0.15, in halls for 0.45 to 1
STRIDE = 4  # frames between those that are compared
EVERY = 3  # bins between those that are compared: neighbours within a window's main lobe tell the same
SILENT = 1e-9  # mean magnitude
TOP = 5_000.0  # Hz, what lies above is not compared


def find_room(powers: Tensor, magnitudes: Tensor) -> Reverberation | None:
    """The room in which voices best explain a mixture.

    Args:
        powers: ``(voices, bins of MASK_FFT, frames)`` expected of the voices without a room; their level as a
            whole is sought along.
        magnitudes: ``(bins, frames)`` of the mixture, on the same grid.

    Returns:
        None where there is none to speak of.
    """
    frequencies = mask_frequencies(powers.device)
    keep = slice(0, int(TOP / frequencies[1]) + 1, EVERY)
    frequencies = frequencies[keep]
    with torch.no_grad():
        target = magnitudes[keep, ::STRIDE].T
        sung = powers[:, keep, ::STRIDE].sum(dim=0).T
        level, expected = target.mean(), sung.sqrt().mean()
        if min(level, expected) < SILENT:
            return None
        target, sung = (target / level).contiguous(), (sung / expected**2).contiguous()
    with torch.enable_grad():
        room = RoomFit(START).to(powers.device)
        gain = torch.tensor(-math.log1p(START), device=powers.device, requires_grad=True)  # nepers of power

        def misfit(step: int) -> Tensor:
            direct = sung * gain.exp()
            return magnitude_divergence(direct + room(direct, frequencies, STRIDE), target)

        minimise(misfit, [ParameterGroup([*room.parameters(), gain], RATE, BETAS)], STEPS)
    found = room.found()
    return found if found is not None and found.level >= LEAST_LEVEL else None
