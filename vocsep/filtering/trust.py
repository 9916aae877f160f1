"""How far the amplitude of a partial that was fitted to the waveform can be trusted.

The fit of all partials at once (`vocsep.filtering.regression`) knows its own uncertainty only if its model
holds: one singer a voice, the right F0, no room. Where it does not hold, something is left over near the
partial, and the fitted amplitude differs from what the mask lets through. A logistic function of eleven such
signs says with which weight, 0 to 1, a fitted partial replaces the masked one; 0 is the mask.

The weights were learned on synthetic singing only, 40 mixtures of 8 s: solo voices and sections, dry and in
rooms, with the pitches that vocsep finds in the mixtures. `vocsep.training.trust` is how, written anew since;
the weights below come from the script before it. Real recordings turned out to deserve more
trust (`BOLDER`: mean of four excerpts +0.58 dB without, +0.77 with, +0.80 with 2; of a pair, a hall, a unison
and others where little is gained or lost +0.10, +0.02, -0.13).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from vocsep.filtering.partials import TOP, Partials
from vocsep.spectra import MASK_FFT, SAMPLE_RATE

LEAST = 1e-9  # of the mean power of the stretch: levels below that count as that
BINS = int(TOP * MASK_FFT / SAMPLE_RATE) + 24  # of spectrograms, from the lowest, that partials see
SIGNS = 11
BOLDER = 1.0  # added to the constant: synthetic rooms and choirs are harder to fit than real quartets


@dataclass(frozen=True)
class Trust:
    """The logistic function: weight of each of `SIGNS`, and a constant."""

    weights: tuple[float, ...]
    constant: float

    def __call__(self, signs: Tensor) -> Tensor:
        """``(..., SIGNS) -> (...)``, 0 to 1."""
        return torch.sigmoid(signs @ torch.tensor(self.weights, device=signs.device) + self.constant)


SHIPPED = Trust(
    (-0.651, -0.7199, -1.267, -2.2427, 0.2938, -0.268, -0.3531, 0.1852, 0.2332, -0.2225, 1.5749),
    -7.1668 + BOLDER,
)


def at_partials(spectrogram: Tensor, partials: Partials, beside: int = 0) -> Tensor:
    """Largest value within ``beside`` bins of each partial.

    Args:
        spectrogram: ``(bins, frames of STRIDE)``, or ``(voices, bins, frames)``: then a voice's partials see
            the voice's own.
        partials: where to look.
        beside: bins.

    Returns:
        ``(frames, voices, partials)``.
    """
    rows = spectrogram if spectrogram.dim() == 3 else spectrogram[None]
    rows = rows.permute(2, 0, 1).expand(-1, partials.frequency.shape[1], -1)
    bins = (partials.frequency * (MASK_FFT / SAMPLE_RATE)).round().long()
    bins = bins.clamp(beside, rows.shape[2] - 1 - beside)
    found = rows.gather(2, bins - beside)
    for away in range(1 - beside, beside + 1):
        found = torch.maximum(found, rows.gather(2, bins + away))
    return found


def around(spectrogram: Tensor, bins: int, frames: int) -> Tensor:
    """Mean of a spectrogram ``(bins, frames)`` over so many bins and frames to either side."""
    return _mean_beside(_mean_beside(spectrogram.mT, bins).mT, frames)


def _mean_beside(values: Tensor, reach: int) -> Tensor:
    """Mean over so many of the last dimension to either side, as far as there are some.

    Sums of 1, 2, 4, ... neighbours are made of each other; torch's pooling adds them one by one.
    """
    count = values.shape[-1]
    sums, size, taken = pad(values, (reach, reach)), 1, 0
    total = torch.zeros_like(values)
    while size <= 2 * reach + 1:
        if (2 * reach + 1) & size:
            total = total + sums[..., taken : taken + count]
            taken += size
        sums, size = sums[..., :-size] + sums[..., size:], 2 * size
    place = torch.arange(count, device=values.device)
    return total / (1 + (place + reach).clamp_max(count - 1) - (place - reach).clamp_min(0))


def signs(
    partials: Partials,
    fitted: Tensor,
    masked: Tensor,
    expected: Tensor,
    masks: Tensor,
    heard: Tensor,
    left: Tensor,
) -> Tensor:
    """What speaks for and against each partial.

    Args:
        partials: N frames, J voices, K partials.
        fitted: ``(N, J, K, 2)`` complex amplitudes a and b.
        masked, expected: ``(N, J, K)`` power of each partial as the masks have it, and as the source model.
        masks: ``(J, bins, N)``.
        heard, left: ``(bins, N)`` power spectrograms of the mixture and of what the partials leave.

    Returns:
        ``(N, J, K, SIGNS)``. Of these, decimal logarithms: the share that is left within 3 bins, within 16
        bins and a sixth of a second, of the voice in the whole stretch, and of everything; the mask; the
        fitted and the expected power over the masked one. Then the number of the partial over 10, its
        frequency over TOP, and again logarithms: b over a, as powers, and 1 + how far the partial moves
        within the window, in units of 10 Hz.
    """
    least = LEAST * heard.mean().clamp_min(1e-20)
    small = least / (MASK_FFT / 4) ** 2

    def share(bins: int, frames: int) -> Tensor:
        part, whole = (at_partials(around(one, bins, frames), partials) for one in (left, heard))
        return ((part + least) / (whole + least)).clamp(1e-3, 3.0)

    near, wide = share(3, 1), share(16, 5)
    power = masked * partials.active
    of_voice = ((power * near).sum(dim=(0, 2)) + small) / (power.sum(dim=(0, 2)) + small)
    of_all = (left.mean() / heard.mean().clamp_min(1e-20)).clamp(1e-3, 3.0)
    constant, slope = fitted.abs().square().unbind(dim=-1)
    number = torch.arange(1, partials.frequency.shape[2] + 1, device=heard.device)
    middle = len(partials.around) // 2
    moving = (partials.around - partials.around[middle]).abs().amax(dim=0)[..., None] * number
    every = (
        near.log10(),
        wide.log10(),
        of_voice.clamp(1e-3, 3.0).log10()[:, None],
        of_all.log10(),
        at_partials(masks, partials).clamp(1e-3, 1.0).log10(),
        ((constant + small) / (masked + small)).log10().clamp(-2, 1),
        ((expected + small) / (masked + small)).log10().clamp(-2, 2),
        number / 10,
        partials.frequency / TOP,
        ((slope + small) / (constant + small)).log10().clamp(-3, 1),
        (1 + moving / 10).log10(),
    )
    return torch.stack([sign.expand_as(masked) for sign in every], dim=-1)
