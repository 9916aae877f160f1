"""Oracle methods: masks made of the true stems, the ceiling of what any mask can reach.

    ratio   |S_j| / sum_k |S_k|          the shape of the paper's soft masks
    power   |S_j|^2 / sum_k |S_k|^2      the Wiener filter
    binary  1 for the loudest voice      each bin to one voice

on the STFT of all masks, 2048/256. E. Vincent, R. Gribonval and M. D. Plumbley, "Oracle estimators for the
benchmarking of source separation algorithms", Signal Processing 87, 2007.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.filtering.masks import soft_masks
from vocsep.methods.protocol import (
    Excerpt,
    Method,
    Progress,
    SeparationMethod,
    SourceEstimate,
    estimate_from_masks,
)
from vocsep.methods.references import ReferenceStems
from vocsep.methods.settings import MethodSettings
from vocsep.spectra import HOP, MASK_FFT, istft, stft

Kind = Literal["ratio", "power", "binary"]


@dataclass(frozen=True)
class OracleMasks(SeparationMethod):
    """The method that knows the stems; it needs no F0.

    Attributes:
        references: the stems.
        kind: ``ratio``, ``power`` or ``binary``.
    """

    references: ReferenceStems
    kind: Kind

    def estimate(self, excerpt: Excerpt, progress: Progress) -> SourceEstimate:
        """Masks of a chunk; F0 do not matter.

        Raises:
            AudioError: a stem cannot be read.
        """
        mixture = excerpt.mixture
        stems = self.references.read(excerpt.first, mixture.shape[-1]).to(mixture.device)
        powers = stft(stems, MASK_FFT, HOP).abs().square()
        return estimate_from_masks(mixture, oracle_shares(powers, self.kind), powers, MASK_FFT, HOP)


def oracle_shares(powers: Tensor, kind: Kind) -> Tensor:
    """Masks of true powers ``(voices, bins, frames)``, of the same shape; they add up to one.

    >>> oracle_shares(torch.tensor([[[9.0]], [[1.0]]]), "ratio").flatten()
    tensor([0.7500, 0.2500])
    """
    if kind == "binary":
        loudest = powers.argmax(dim=0, keepdim=True)
        return torch.zeros_like(powers).scatter_(0, loudest, 1.0)
    return soft_masks(powers, 1.0 if kind == "power" else 0.5)


def oracle_stems(stems: NDArray[np.floating], kind: Kind) -> NDArray[np.float32]:
    """What the masks make of the sum of whole recordings: the ceiling to measure others by.

    Args:
        stems: ``(voices, samples)`` at 16 kHz.
        kind: of masks.

    Returns:
        ``(voices, samples)``, which add up to the sum of the stems.
    """
    signals = torch.from_numpy(np.ascontiguousarray(stems, dtype=np.float32))
    spectra = stft(signals, MASK_FFT)
    mixture = spectra.sum(dim=0)
    masks = oracle_shares(spectra.abs().square(), kind)
    # One voice at a time: a whole song's complex spectra of all voices would be held twice.
    estimates = [istft(mask * mixture, signals.shape[-1], MASK_FFT).numpy() for mask in masks]
    return np.stack(estimates).astype(np.float32, copy=False)


def build(name: str, settings: MethodSettings) -> Method:
    """For `vocsep.methods.registry`: ``oracle-`` and a kind of masks; needs the stems.

    Raises:
        AudioError, SettingsError: see `ReferenceStems`.
    """
    if settings.stems is None:
        raise ValueError("an oracle without stems")
    references = ReferenceStems(settings.stems)
    kind: Kind = next(kind for kind in get_args(Kind) if name == f"oracle-{kind}")
    return Method(name, OracleMasks(references, kind), references=references)
