"""Adaptation on the recording itself: source parameters are optimised until they fit the mixture.

The paper suggests to optimise on the test mixture. Here the network's estimate is the start, and what is
optimised are smooth corrections of each voice's filter, in dB on a few mel bands in each frame, and of its
noise gain; where a voice is offered several combs (`vocsep.source.unison`), also the share of each. The
voices' expected powers add, so no waveform is synthesised: the combs are computed once and a step costs a few
products.

The misfit is `vocsep.estimator.divergence`; penalties keep the corrections smooth in time and in frequency.
The room, which makes the powers of every voice decay instead of end, is learned along
(`vocsep.source.reverberation`).
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from vocsep.estimator.adam import ParameterGroup, held_then_falling, minimise
from vocsep.estimator.adapt_settings import AdaptSettings
from vocsep.estimator.divergence import magnitude_divergence
from vocsep.estimator.expected import LN10, expected_powers
from vocsep.estimator.features import upsampled
from vocsep.source.powers import mask_frequencies
from vocsep.source.reverberation import RoomFit
from vocsep.source.voice import SourceParameters, band_matrix, power_envelopes
from vocsep.spectra import MASK_FFT, hann

BETAS = (0.9, 0.9)  # of Adam


def compared_bins(settings: AdaptSettings) -> int:
    """How many bins of the spectrogram, from the lowest, are compared."""
    return int(settings.top / mask_frequencies()[1].item()) + 1


class _Corrections:
    """What is optimised and what it costs; the arguments are those of `adapt`.

    Attributes:
        shape: ``(voices, coarse frames, bands)`` of the filters, in decades of power.
        noise: ``(voices, coarse frames, 1)`` of the noise, in decades of power.
        choice: ``(choices, voices, coarse frames)`` of the logarithms of the shares.
    """

    def __init__(
        self,
        parameters: SourceParameters,
        combs: Tensor,
        first: Tensor,
        magnitudes: Tensor,
        settings: AdaptSettings,
    ) -> None:
        keep, stride, device = compared_bins(settings), settings.stride, combs.device
        self._given, self._settings, self._first = parameters, settings, first.to(device)
        self._frequencies = mask_frequencies(device)[:keep]
        with torch.no_grad():
            harmonic, noise = power_envelopes(parameters.frames_slice(0, None, stride), self._frequencies)
            energy = hann(MASK_FFT, combs).square().sum()
            voiced = (harmonic[0][:, :, None] * combs.permute(1, 3, 0, 2)).contiguous()
            unvoiced = (noise[0] * energy).contiguous()
            target = magnitudes[:keep, ::stride].T.contiguous()
            scale = target.mean().clamp_min(1e-9)  # weighs the penalties alike whatever the level
            self._voiced, self._unvoiced = voiced.div_(scale**2), unvoiced.div_(scale**2)
            self._target = target / scale
        self._bands = band_matrix(settings.bands, self._frequencies)
        self.shape = torch.zeros(*unvoiced.shape[:2], settings.bands, device=device, requires_grad=True)
        self.noise = torch.zeros(*unvoiced.shape[:2], 1, device=device, requires_grad=True)
        self.choice = torch.zeros(len(combs), *unvoiced.shape[:2], device=device, requires_grad=True)

    def loss(self, room: RoomFit | None) -> Tensor:
        """Misfit to the mixture's magnitudes, and the price of the corrections."""
        shares = self._shares().movedim(0, -1).contiguous()
        given = self._voiced, self._unvoiced, self._bands
        powers = expected_powers(self.shape, self.noise, shares, *given)
        if room is not None:
            powers = powers + room(powers, self._frequencies, self._settings.stride)
        return self._priced(magnitude_divergence(powers, self._target))

    def _priced(self, misfit: Tensor) -> Tensor:
        """The misfit with the prices of `AdaptSettings` added."""
        shape, noise, settings = self.shape, self.noise, self._settings
        rough = (shape[:, 1:] - shape[:, :-1]).abs().mean() if shape.shape[1] > 1 else shape.new_zeros(())
        bend = (shape[..., 2:] - 2 * shape[..., 1:-1] + shape[..., :-2]).square().mean()
        rough = rough + ((noise[:, 1:] - noise[:, :-1]).abs().mean() if noise.shape[1] > 1 else 0.0)
        loss = misfit + settings.smooth_time * rough + settings.smooth_frequency * bend
        return loss + settings.near * shape.square().mean() if settings.near else loss

    def _shares(self) -> Tensor:
        return torch.softmax(self._first + self.choice, dim=0)

    @torch.no_grad()
    def applied(self) -> SourceParameters:
        """The parameters as corrected, in all frames."""
        frames, stride = self._given.frames, self._settings.stride
        correction = 10 * upsampled(self.shape, frames, stride)[None]
        louder = torch.exp(0.5 * LN10 * upsampled(self.noise, frames, stride)[None, ..., 0])
        shares = upsampled(self._shares().movedim(0, -1), frames, stride)[None]
        return replace(self._given, correction=correction, gain=self._given.gain * louder, shares=shares)


def adapt(
    parameters: SourceParameters,
    combs: Tensor,
    first: Tensor,
    magnitudes: Tensor,
    settings: AdaptSettings,
    room: RoomFit | None = None,
    progress: Callable[[float], None] | None = None,
) -> SourceParameters:
    """Optimise corrections of filters, noise gains and the shares of several combs a voice on one excerpt.

    Args:
        parameters: the start, batch of 1.
        combs: ``(choices, voices, compared bins, coarse frames)`` power spectrograms of the harmonic
            excitations, every ``settings.stride``-th frame.
        first: ``(choices, 1, 1)`` logarithms of the shares to begin with.
        magnitudes: ``(bins, frames)`` magnitude spectrogram of the mixture, MASK_FFT / HOP.
        settings: of the optimisation.
        room: learned along, in place; None for a dry recording. It is left alone from half of the steps on
            where it turns out that there are no tails.
        progress: told the share done, 0 to 1.

    Returns:
        The parameters with ``correction``, ``gain`` and ``shares`` changed.

    Raises:
        ValueError: the parameters hold corrections already.
    """
    if parameters.correction is not None:
        raise ValueError("the parameters have been adapted before")
    corrections = _Corrections(parameters, combs, first, magnitudes, settings)
    learned = [corrections.shape, corrections.noise, corrections.choice]
    learned_room = room  # None once it is known that there is none

    def loss(step: int) -> Tensor:
        nonlocal learned_room
        if learned_room is not None and step == settings.steps // 2 and learned_room.found() is None:
            learned_room = None
        return corrections.loss(learned_room)

    group = ParameterGroup(learned + ([] if room is None else list(room.parameters())), settings.rate, BETAS)
    minimise(loss, [group], settings.steps, progress, held_then_falling(settings.held, settings.last))
    return corrections.applied()
