"""Partials of voices as functions of time: their phases are known up to a constant from the F0.

Partial k of voice j is the real part of ``A(t) exp(i k phi_j(t))``, ``phi_j`` the running integral of the F0
and A an amplitude that changes slowly. In a frame, A is a line: ``A(t) = a + b u``, with u from -1 to 1
across the window. What follows from frames is overlapped and added with the weights ``w^2`` of the fit.

Products of neighbouring partials under a window change slowly, too, so all that the fit needs of them is
known from a phase every `STEP` samples; only the projections of the recording are computed at its full rate.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from vocsep.source.phases import cycles, held
from vocsep.source.waves import correlations, sounded
from vocsep.spectra import HOP, MASK_FFT, frame_count, hann

TOP = 4_000.0  # Hz, no partial above it
STRIDE = 2 * HOP  # samples between frames of the fit
STEP = 32  # samples between phases of a frame: products of partials 200 Hz apart are below 250 Hz
SEGMENTS = MASK_FFT // STRIDE  # of a window


class Partials:
    """All partials of all voices in a stretch of time.

    Args:
        f0: ``(voices, frames of HOP)`` Hz, 0 where unvoiced.
        samples: length of the stretch at 16 kHz.
        top: Hz, partials at and above it do not exist.

    Attributes:
        samples, top: as given.
        frames: of `STRIDE` samples, frame n centred on ``n * STRIDE``.
        frequency: ``(frames, voices, partials)`` Hz; partials of the lowest note, 0 beyond ``counts``.
        active: the same shape, whether a partial exists.
        around: ``(places, frames, voices)`` Hz, F0 in the middle three quarters of each frame's window.
        counts: of each voice, partials of its lowest note.
    """

    def __init__(self, f0: Tensor, samples: int, top: float = TOP) -> None:
        known = held(f0)
        self.samples, self.frames, self.top = samples, frame_count(samples, STRIDE), top
        padded = (self.frames + SEGMENTS - 1) * STRIDE
        angle = cycles(known, MASK_FFT // 2, padded).mul_(2 * math.pi).float()
        self._angle = angle
        every, beside = STRIDE // HOP, 3 * MASK_FFT // 8 // HOP
        last = every * (self.frames - 1) + 1
        near = pad(known, (beside, max(last - known.shape[1], 0) + beside), mode="replicate")
        self.around = near.T.unfold(0, last, 1)[: 2 * beside + 1, :, ::every].transpose(1, 2)
        pitch = self.around[beside].T
        numbers = torch.floor(top / pitch.clamp_min(1.0)).amax(dim=1) * (pitch.amax(dim=1) > 0)
        self.counts = [int(count) for count in numbers]
        harmonic = torch.arange(1, max(self.counts, default=0) + 1, device=f0.device)
        self.frequency = pitch.T[..., None] * harmonic
        self.active = (self.frequency > 0) & (self.frequency < top)
        # Partials that there are in some frame of those that a block of STRIDE samples lies in.
        of_frames = pad(self.active.sum(dim=2).T, (SEGMENTS - 1, SEGMENTS - 1))
        self._counts = of_frames.unfold(1, SEGMENTS, 1).amax(dim=2)
        square = hann(MASK_FFT, angle).square()
        place = torch.linspace(-1, 1, MASK_FFT + 1, device=f0.device)[:-1]
        self._weights = torch.stack((square, square * place))
        self._segments = self._weights.reshape(2, SEGMENTS, STRIDE)

    def project(self, signal: Tensor) -> Tensor:
        """Twice the sums of ``w^2 u^m x exp(-i k phi)``, m = 0 and 1, over each frame.

        Args:
            signal: x, ``(samples,)``.

        Returns:
            ``(frames, voices, partials, 2)``, complex.
        """
        length = self._angle.shape[1]
        doubled = 2 * pad(signal, (MASK_FFT // 2, length - MASK_FFT // 2 - self.samples))
        sums = signal.new_zeros((*self.frequency.shape, 2), dtype=torch.complex64)
        for voice, angle in enumerate(self._angle):
            blocks = angle.reshape(-1, STRIDE), doubled.reshape(-1, STRIDE)
            found = correlations(*blocks, self._segments.flatten(0, 1), self._counts[voice])
            parts = found.reshape(*found.shape[:2], 2, SEGMENTS)
            for g in range(SEGMENTS):
                sums[:, voice, : parts.shape[1]] += parts[g : g + self.frames, ..., g]
        return sums

    def angle(self, voice: int, before: int, count: int) -> Tensor:
        """phi of a voice from ``before`` samples (at most half a window) before sample 0 on, ``(count,)``
        radians."""
        first = MASK_FFT // 2 - before
        return self._angle[voice, first : first + count]

    def phases(self) -> Tensor:
        """Angle of each voice's first partial every `STEP` samples of each frame, ``(frames, voices,
        MASK_FFT // STEP)`` radians."""
        rows = self._angle[:, ::STEP].unfold(1, MASK_FFT // STEP, STRIDE // STEP)[:, : self.frames]
        return rows.transpose(0, 1)

    def moments(self) -> Tensor:
        """Weights ``w^2 u^m`` of products of partials at these places, m = 0, 1, 2: ``(3, MASK_FFT //
        STEP)``."""
        zeroth, first = self._weights[:, ::STEP] * STEP
        place = torch.linspace(-1, 1, MASK_FFT // STEP + 1, device=zeroth.device)[:-1]
        return torch.stack((zeroth, first, first * place))

    def sound(self, amplitudes: Tensor) -> Tensor:
        """Voices made of their partials.

        Args:
            amplitudes: a and b, ``(frames, voices, partials, 2)``, complex.

        Returns:
            ``(voices, samples)``.
        """
        scaled = amplitudes / (1.5 * SEGMENTS / 4)  # what windows w^2 add up to
        voices = []
        for voice, angle in enumerate(self._angle):
            counts = self._counts[voice]
            of_frames = pad(scaled[:, voice, : int(counts.max())], (0, 0, 0, 0, SEGMENTS - 1, SEGMENTS - 1))
            # Block n + g is segment g of frame n.
            blocks = of_frames.unfold(0, SEGMENTS, 1).flip(-1).flatten(2)
            sound = sounded(angle.reshape(-1, STRIDE), blocks, self._segments.flatten(0, 1), counts)
            voices.append(sound.flatten()[MASK_FFT // 2 : MASK_FFT // 2 + self.samples])
        return torch.stack(voices)
