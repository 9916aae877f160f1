"""Unison: a voice that several sing is wider than one comb.

The singers of a section are 10 to 50 cents apart and change notes one after the other, and what a track says
of one singer is a few cents off. So a voice is offered a choice of combs: its own, copies a little flat and
sharp, and one of an alternative pitch nearby (`vocsep.pitch.alternatives`). Each has a share of the voice's
energy in each frame; shares add up to one, begin with a narrow bell around the voice's own comb and are
learned from the recording together with the envelope, which all of them have in common
(`vocsep.estimator.adapt`):

    C_j(f, n) = sum_k share_kj(n) C_kj(f, n)

Measured on real singers, 104 s, everything estimated: two singers a part 4.28 -> 4.94 dB, single singers 6.72
-> 6.88 and 6.93 -> 7.11 dB; synthetic sections of three and four 3.08 -> 4.13 and 3.19 -> 4.19 dB. On 30 s of
the first: combs blurred by a fixed width 3.98 -> 4.26 dB, and single singers lose; these shares 4.72; shares
fitted to the isolated sections 5.5; both singers' true F0 6.5; oracle masks 9.5 dB.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from vocsep.memory import still_wanted
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.powers import comb_powers
from vocsep.source.voice import SourceParameters
from vocsep.spectra import MASK_FFT, framed, power_of_frames

OFFSETS = (-24.0, -10.0, 0.0, 10.0, 24.0)  # cents
BELL = 10.0  # cents, standard deviation of the shares to begin with
FAINT = 1e-4  # of a voice's power: combs with less are not heard
FRAMES = 64  # of a comb that are worked on together


def choices_of_f0(
    f0: Tensor, alternative: Tensor | None = None, offsets: tuple[float, ...] = OFFSETS
) -> Tensor:
    """The F0 of every comb that a voice is offered.

    Args:
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        alternative: the same, of another pitch near each voice; the last choice.
        offsets: cents, of the copies of ``f0``.

    Returns:
        ``(choices, voices, frames)`` Hz.
    """
    copies = [f0 * 2 ** (cents / 1200) for cents in offsets]
    return torch.stack(copies if alternative is None else [*copies, alternative])


def first_shares(choices: int, offsets: tuple[float, ...] = OFFSETS) -> Tensor:
    """Natural logarithms of the shares to begin with, up to a constant.

    An alternative is as likely as the voice's own F0. Where there is none its share is silence, by which a
    voice can become quiet from one frame to the next: measured, that is better than to take the share away
    (single singers +0.2 and -0.02 dB).

    Args:
        choices: how many of `choices_of_f0` there are.
        offsets: those they were made with.

    Returns:
        ``(choices, 1, 1)``, alike for all voices and frames.
    """
    bell = [-0.5 * (cents / BELL) ** 2 for cents in offsets]
    return torch.tensor(bell + [0.0] * (choices - len(bell)))[:, None, None]


def sung_choices(f0: Tensor, samples: int, known: Mapping[int, Tensor] | None = None) -> Tensor:
    """Harmonics of every choice, ``(choices, voices, frames) -> (choices, voices, samples)``.

    Args:
        f0: Hz, 0 where unvoiced.
        samples: of the chunk.
        known: choice -> ``(voices, samples)`` harmonics that are there already.
    """
    known = known or {}
    return torch.stack(
        [
            known[choice] if choice in known else harmonic_excitation(one, samples)
            for choice, one in enumerate(f0)
        ]
    )


def coarse_combs(excitation: Tensor, hop: int, bins: int) -> Tensor:
    """Power spectrograms of all choices, as many as `vocsep.estimator.adapt` compares.

    Args:
        excitation: ``(choices, voices, samples)`` of `sung_choices`.
        hop: samples between the spectrogram's frames, a multiple of HOP.
        bins: that are kept, from the lowest.

    Returns:
        ``(choices, voices, bins, frames)``.
    """
    found = []
    for one in excitation:
        still_wanted()
        found.append(comb_powers(one, hop)[..., :bins, :])
    return torch.stack(found)


def settled(parameters: SourceParameters, f0: Tensor) -> SourceParameters:
    """What combs that do not sound had of a voice is taken off its level; the others' shares add up to one.

    Args:
        parameters: with shares, batch of 1.
        f0: ``(choices, voices, frames)`` Hz, 0 where a comb does not sound.

    Returns:
        The parameters with ``alpha`` and ``shares`` changed, the powers of the voices the same.
    """
    if parameters.shares is None:
        return parameters
    sounding = parameters.shares * (f0 > 0).movedim(0, -1)
    total = sounding.sum(dim=-1)
    heard = total > 0
    shares = torch.where(
        heard.unsqueeze(-1), sounding / total.clamp_min(1e-20).unsqueeze(-1), parameters.shares
    )
    alpha = torch.where(heard, parameters.alpha * total.sqrt(), parameters.alpha)
    return replace(parameters, alpha=alpha, shares=shares)


def mixed_combs(parameters: SourceParameters, excitation: Tensor) -> Tensor:
    """One comb a voice: all its choices by their shares.

    Args:
        parameters: with shares, batch of 1.
        excitation: ``(choices, voices, samples)`` of `sung_choices`.

    Returns:
        ``(voices, bins, frames)``.

    Raises:
        ValueError: there are no shares, or of another number of choices.
    """
    if parameters.shares is None or parameters.shares.shape[-1] != len(excitation):
        raise ValueError(f"no shares of {len(excitation)} choices")
    shares, frames = parameters.shares[0], framed(excitation, MASK_FFT)
    mixed = excitation.new_zeros(*frames.shape[1:3], MASK_FFT // 2 + 1)
    # A few frames of a voice at a time stay in a processor's cache, and what is silent there costs nothing.
    step = FRAMES if excitation.device.type == "cpu" else frames.shape[2]
    firsts = range(0, frames.shape[2], step)
    loudest = torch.stack([shares[:, first : first + step].amax(dim=1) for first in firsts]).tolist()
    for part, first in enumerate(firsts):
        still_wanted()
        some = slice(first, first + step)
        for voice, of_choices in enumerate(loudest[part]):
            for choice, share in enumerate(of_choices):
                if share > FAINT:
                    powers = power_of_frames(frames[choice, voice, some])
                    mixed[voice, some].addcmul_(powers, shares[voice, some, choice, None])
    return mixed.transpose(1, 2)
