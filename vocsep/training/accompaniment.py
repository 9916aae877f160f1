"""Voices alone, sung over mixtures: what a voice alone cannot teach by itself is to be heard among others.

A voice alone is easy to explain, whatever the network makes of it in company. Laid over an excerpt of a
mixture it is one voice of a larger mixture, and one whose stem is at hand.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from vocsep.training.excerpts import Excerpts

LEVELS = (-14.0, -2.0)  # dB, root mean square of the voice over that of the mixture


def accompanied(
    batches: Iterator[Excerpts], mixtures: Iterator[Excerpts], generator: torch.Generator
) -> Iterator[Excerpts]:
    """The batches, but that voices alone are sung over a batch of mixtures.

    Args:
        batches: of all kinds, without end.
        mixtures: as long and as many as the others in a batch, several voices each, without end.
        generator: of the levels; its state alone decides what comes next, if both iterators draw from it too.
    """
    for excerpts in batches:
        if excerpts.alone:
            level = torch.empty(len(excerpts.mixture)).uniform_(*LEVELS, generator=generator)
            yield sung_over(excerpts, next(mixtures), level)
        else:
            yield excerpts


def sung_over(alone: Excerpts, mixtures: Excerpts, level: Tensor) -> Excerpts:
    """Voices alone as the first voice of mixtures.

    Args:
        alone: a batch of voices alone.
        mixtures: as many excerpts, of the same length.
        level: ``(batch,)`` in dB, root mean square of the voice over that of the mixture.

    Returns:
        The sums, peak 1, of one voice more than the mixtures.
    """
    voice, mixture = alone.mixture, mixtures.mixture
    loudness = mixture.square().mean(1).sqrt() / voice.square().mean(1).sqrt().clamp_min(1e-9)
    voice = voice * (loudness * 10 ** (level / 20))[:, None]
    together = voice + mixture
    peak = together.abs().amax(1, keepdim=True).clamp_min(1e-9)
    batch, others = mixtures.f0.shape[:2]
    sources, given = mixtures.sources, mixtures.given
    if sources is None or given is None:
        sources = mixture.new_zeros(batch, others, mixture.shape[1])
        given = torch.zeros(batch, others, dtype=torch.bool)
    recordings = None
    if alone.recordings is not None and mixtures.recordings is not None:
        recordings = torch.cat([alone.recordings, mixtures.recordings], 1)
    names = (*(alone.names or (None,)), *(mixtures.names or (None,) * others))
    return Excerpts(
        together / peak,
        torch.cat([alone.f0, mixtures.f0], 1),
        torch.cat([voice[:, None], sources], 1) / peak[..., None],
        torch.cat([torch.ones(batch, 1, dtype=torch.bool), given], 1),
        names if any(names) else None,
        recordings,
    )
