"""How far fitted partials can be trusted is learned on synthetic singing: `vocsep.filtering.trust`.

Stems are linear in the trust in each partial, so the effect of every partial on every stem is computed once
for an example; a step of learning weighs these effects and asks how much smaller errors have become. (The
effects are those on what is heard, after overlap-add: masks make spectrograms that no sound has, and without
that the fit looks better than it is.)
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vocsep.filtering.joint import fit
from vocsep.filtering.masks import soft_masks
from vocsep.filtering.partials import STRIDE
from vocsep.filtering.postfilter import PostfilterNetwork, postfiltered
from vocsep.filtering.trust import BINS, SIGNS, Trust
from vocsep.spectra import MASK_FFT, SAMPLE_RATE, istft, stft
from vocsep.training.postfilter_examples import PostfilterExample

SECOND = SAMPLE_RATE // STRIDE  # frames in which an error is judged as a whole
QUIET = 0.01  # of a voice's mean energy: quieter seconds are not judged
CAP = 1e-3  # of a voice's energy (-30 dB): there is little to gain below
RATE = 0.06  # of Adam
EXAMPLES = 2  # in a step


@dataclass(frozen=True)
class Effects:
    """What fitted partials do to the stems of an example.

    Attributes:
        signs: ``(frames, voices, partials, SIGNS)``.
        nearest: ``(frames, voices, bins)``, partial of the voice that lies nearest, from 0.
        effect: ``(voices, voices, bins, frames)`` complex: of the partials of the first on the stem of the
            second.
        masked: ``(voices, bins, frames)`` stems without them.
        stems: the same shape, true ones.
    """

    signs: Tensor
    nearest: Tensor
    effect: Tensor
    masked: Tensor
    stems: Tensor

    def better(self, trust: Tensor) -> Tensor:
        """By how many dB the error of each voice and second falls, ``(seconds that count,)``.

        Args:
            trust: ``(frames, voices, partials)``.
        """
        weight = trust.gather(2, self.nearest).permute(1, 2, 0)
        changed = self.masked + (weight[:, None] * self.effect).sum(dim=0)
        own = _seconds(self.stems.abs().square())
        counted = own > QUIET * own.mean(dim=1, keepdim=True)
        return (self._error(self.masked, own) - self._error(changed, own))[counted]

    def _error(self, found: Tensor, own: Tensor) -> Tensor:
        """Of stems, in relation to the voice's energy ``own``: ``(voices, seconds)`` in dB."""
        error = _seconds((found - self.stems).abs().square())
        level = own + QUIET * own.sum(dim=0) + own.mean() * 1e-9 + 1e-20
        return 10 * torch.log10(error / level + CAP)


def _seconds(energy: Tensor) -> Tensor:
    """``(voices, bins, frames) -> (voices, seconds)``; a rest of less than a second is left out."""
    length = min(SECOND, energy.shape[-1])
    return energy.sum(dim=1).unfold(-1, length, length).sum(dim=-1)


@torch.no_grad()
def effects_of(example: PostfilterExample, postfilter: PostfilterNetwork) -> Effects | None:
    """Fit the partials of an example as a recording's would be; None where there are none."""
    mixture, f0 = torch.from_numpy(example.mixture), torch.from_numpy(example.f0)
    powers = 10 ** (torch.from_numpy(example.powers).float() / 10)
    above = MASK_FFT // 2 + 1 - powers.shape[1]
    powers = torch.cat((powers, powers[:, -1:].expand(-1, above, -1)), dim=1)
    masks = soft_masks(powers, example.exponent)
    masks = postfiltered(postfilter, stft(mixture, MASK_FFT), powers, masks, f0)
    fitted = fit(mixture, f0, powers, masks)
    if fitted is None:
        return None
    samples = mixture.shape[-1]

    def spectrum(signals: Tensor) -> Tensor:
        return stft(signals, MASK_FFT, STRIDE)[..., :BINS, :]

    def filtered(signal: Tensor) -> Tensor:
        return istft(masks * stft(signal, MASK_FFT), samples, MASK_FFT)

    effect = []
    for voice, partials in enumerate(fitted.partials.sound(fitted.amplitudes)):
        change = -filtered(partials)
        change[voice] += partials
        effect.append(spectrum(change))
    f0 = fitted.partials.frequency[..., :1].clamp_min(1.0)
    bins = torch.arange(BINS) * (SAMPLE_RATE / MASK_FFT)
    nearest = (bins / f0).round().long().clamp(1, fitted.signs.shape[2]) - 1
    stems = spectrum(torch.from_numpy(example.stems).float())
    return Effects(fitted.signs, nearest, torch.stack(effect), spectrum(filtered(mixture)), stems)


def learn_trust(examples: list[Effects], epochs: int = 8, seed: int = 1) -> Trust:
    """The logistic function that makes errors smallest.

    Args:
        examples: effects of partials.
        epochs: how often each is seen.
        seed: of their order.
    """
    with torch.enable_grad():
        seen = torch.cat([example.signs.flatten(0, 2)[::97] for example in examples])
        mean, spread = seen.mean(dim=0), seen.std(dim=0).clamp_min(0.05)
        weights = torch.zeros(SIGNS, requires_grad=True)
        constant = torch.tensor(0.5, requires_grad=True)
        steps = max(epochs * len(examples) // EXAMPLES, 1)
        optimiser = torch.optim.Adam([weights, constant], lr=RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        generator = torch.Generator().manual_seed(seed)
        waiting: list[int] = []
        for _ in range(steps):
            optimiser.zero_grad()
            for _ in range(EXAMPLES):
                waiting = waiting or torch.randperm(len(examples), generator=generator).tolist()
                example = examples[waiting.pop()]
                trust = torch.sigmoid((example.signs - mean) / spread @ weights + constant)
                (-example.better(trust).mean()).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    found = weights.detach() / spread
    return Trust(tuple(found.tolist()), float(constant.detach() - found @ mean))
