"""Phase of a voice: the running integral of its F0."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from vocsep.spectra import HOP, SAMPLE_RATE


def held(f0: Tensor) -> Tensor:
    """F0 ``(voices, frames)`` where unvoiced frames have that of the nearest voiced one; 0 where all are
    unvoiced.

    >>> held(torch.tensor([[0.0, 100.0, 0.0, 0.0, 200.0], [0.0, 0.0, 0.0, 0.0, 0.0]])).int().tolist()
    [[100, 100, 100, 200, 200], [0, 0, 0, 0, 0]]
    """
    frames = torch.arange(f0.shape[1], device=f0.device)
    nearest = torch.empty_like(f0)
    for row, out in zip(f0, nearest, strict=True):
        voiced = row.nonzero()[:, 0]
        if not len(voiced):
            out.zero_()
            continue
        after = torch.searchsorted(voiced, frames)
        low = voiced[(after - 1).clamp_min(0)]
        high = voiced[after.clamp_max(len(voiced) - 1)]
        out.copy_(row[torch.where((frames - low).abs() <= (high - frames).abs(), low, high)])
    return nearest


def cycles(f0: Tensor, before: int, samples: int) -> Tensor:
    """Phase in cycles, wrapped, of an F0 that is linear between frames and held beyond the ends.

    Args:
        f0: ``(voices, frames)`` Hz, without gaps.
        before: samples before sample 0. samples: how many there are in all.

    Returns:
        ``(voices, samples)``, float64 within -0.5 .. 0.5.
    """
    here = f0.double()
    there = torch.cat((here[:, 1:], here[:, -1:]), dim=1)
    within = torch.arange(HOP, dtype=torch.float64, device=f0.device)
    # The integral of a line: exact, whatever the F0 does from frame to frame.
    rows = here[..., None] * within + (there - here)[..., None] * (within.square() / (2 * HOP))
    ends = ((here + there) * (HOP / 2 / SAMPLE_RATE)).cumsum(dim=1)
    rows = rows / SAMPLE_RATE + pad(ends[:, :-1], (1, 0))[..., None]
    phase = rows.flatten(1)
    lead = torch.arange(-before, 0, dtype=torch.float64, device=f0.device)
    behind = max(samples - before - phase.shape[1], 0)
    trail = torch.arange(behind, dtype=torch.float64, device=f0.device)
    parts = (
        here[:, :1] * lead / SAMPLE_RATE,
        phase,
        ends[:, -1:] + here[:, -1:] * trail / SAMPLE_RATE,
    )
    whole = torch.cat(parts, dim=1)[:, :samples]
    return whole - whole.round()
