"""How well each place near a voice's track explains what the other voices leave of its partials.

Partials of one voice, demodulated with the phase of its track as in `vocsep.pitch.two_combs`, are in a short
window

    y_k(t) = a_k exp(2 pi i k d t) + sum_u b_ku exp(i (m_u phi_u(t) - k phi(t))) + noise,

where d is how far the track is off, and m_u the number of another voice's partial that is nearest to this
one. The others' tracks are held, so their exponentials are projected out, with what they may have of the
candidate's own; least squares over a_k leaves a share r_k of the energy, and ``-sum_k log r_k`` is the log
likelihood of d (Y. Bresler and A. Macovski, IEEE Trans. ASSP 34(5), 1986; order by order, as in orthogonal
matching pursuit, Y. C. Pati, R. Rezaiifar and P. S. Krishnaprasad, Asilomar 1993). Where the other voice is
on the very same F0, this says where a second comb is.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d

from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

SPAN, STEP = 120.0, 5.0  # cents to either side of the track, and between places
HALF = 16  # samples of a demodulated partial on either side of a frame: a window of 64 ms
EVERY = 32  # samples between those of a demodulated partial
LEAD = HALF + 2  # of these before frame 0
PARTIALS, TOP = 14, 4_000.0  # looked at, and Hz below which they are
BANDWIDTH = 2.2  # periods of the voice in the window that keeps its other partials out
BESIDE = 0.9  # of F0: farther from a partial, others' partials are kept out by that window
FLOOR = 0.02  # share of a partial's energy that noise has at least
ALIKE = 0.02  # of an amplitude's energy: keeps two equal frequencies apart
BLOCK = 256  # frames looked at together


def grid() -> Array:
    """Offsets from the track, in cents."""
    return np.arange(-SPAN, SPAN + STEP / 2, STEP)


class Combs:
    """A recording in which combs are looked for.

    Args:
        audio: ``(samples,)`` mono at 16 kHz. frames: of the tracks.
    """

    def __init__(self, audio: NDArray[np.float32], frames: int) -> None:
        self.frames, self.count = frames, frames * HOP // EVERY + 2 * LEAD + 2
        self.sound = np.zeros(self.count * EVERY, np.float32)
        room = len(self.sound) - LEAD * EVERY
        self.sound[LEAD * EVERY : LEAD * EVERY + min(len(audio), room)] = audio[:room]
        window = torch.hann_window(2 * HALF + 3, periodic=False)[1:-1]
        self.root = (window / window.sum()).sqrt()

    def likelihood(
        self, frequency: Array, sung: NDArray[np.bool_], voice: int, wanted: NDArray[np.int64]
    ) -> Array:
        """Log likelihood of each place of the grid around a voice's track.

        Args:
            frequency: ``(voices, frames)`` Hz without gaps. sung: the same shape, where it is a track's.
            voice: whose. wanted: frames that are looked at.

        Returns:
            ``(wanted, places)`` nats, up to a constant of each frame.
        """
        cycles = np.stack([self._phase_of_samples(row) for row in frequency])
        phases = cycles[:, ::EVERY]
        own = torch.from_numpy(2 * math.pi * (cycles[voice] % 1))
        turn = torch.polar(torch.ones(len(own)), -own.float())
        kernel = _kernel(float(np.median(frequency[voice, wanted])))
        blocks = [wanted[begin : begin + BLOCK] for begin in range(0, len(wanted), BLOCK)]
        samples = [self._around(block) for block in blocks]
        total = [torch.zeros(len(block), len(grid())) for block in blocks]
        turned = torch.from_numpy(self.sound).to(torch.complex64)
        for number in range(1, PARTIALS + 1):
            turned = turned * turn
            parts = conv1d(torch.view_as_real(turned).T[:, None], kernel, None, EVERY, kernel.shape[-1] // 2)
            partial = torch.complex(*parts[:, 0, : self.count])
            for block, around, sums in zip(blocks, samples, total, strict=True):
                here = torch.from_numpy(around)
                beside = _beside(frequency, sung, phases, voice, number, block, around)
                hertz = torch.from_numpy(number * frequency[voice, block]).float()
                left = self._left(partial[here] * self.root, beside * self.root[:, None], hertz)
                sums -= (hertz < TOP)[:, None] * torch.log(left)
        return torch.cat(total).double().numpy()

    def _left(self, partial: Tensor, beside: Tensor, hertz: Tensor) -> Tensor:
        """Share of what the others leave that each place leaves, ``(frames, places)``.

        Args:
            partial: ``(frames, samples)``. beside: of other voices, ``(frames, samples, partials)``.
            hertz: of the partial, ``(frames,)``.
        """
        offset = hertz[:, None] * torch.from_numpy(np.exp2(grid() / 1200) - 1).float()
        time = torch.arange(-HALF, HALF + 1) * (EVERY / SAMPLE_RATE)
        size = self.root[:, None].expand(len(hertz), -1, offset.shape[1])
        waves = torch.polar(size, 2 * math.pi * offset[:, None] * time[:, None])
        seen = torch.cat((partial[..., None], waves), dim=2)
        matrix = beside.mH @ beside + ALIKE * torch.eye(beside.shape[2])
        shared = beside.mH @ seen
        solved = torch.cholesky_solve(shared, torch.linalg.cholesky(matrix))
        energy = partial.abs().square().sum(dim=1, keepdim=True)
        left = (energy - (shared[..., :1].conj() * solved[..., :1]).sum(dim=1).real).clamp_min(0)
        across = (waves.mH @ partial[..., None] - shared[..., 1:].mH @ solved[..., :1])[..., 0]
        free = 1 + ALIKE - (shared[..., 1:].conj() * solved[..., 1:]).sum(dim=1).real
        noise = FLOOR * energy + 1e-12
        return ((left - across.abs().square() / free).clamp_min(0) + noise) / (left + noise)

    def _around(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Samples of demodulated partials around frames, ``(frames, 2 HALF + 1)``."""
        return wanted[:, None] * (HOP // EVERY) + LEAD + np.arange(-HALF, HALF + 1)

    def _phase_of_samples(self, frequency: Array) -> Array:
        """Cycles at each sample of the recording."""
        at = (np.arange(len(self.sound)) - LEAD * EVERY) / HOP
        return np.asarray(np.cumsum(np.interp(at, np.arange(self.frames), frequency)) / SAMPLE_RATE)


def _kernel(frequency: float) -> Tensor:
    """What keeps the voice's other partials out, ``(1, 1, samples)``."""
    width = int(BANDWIDTH / frequency * SAMPLE_RATE) | 1
    window = torch.hann_window(width + 2, periodic=False)[1:-1]
    return (window / window.sum())[None, None]


def _beside(
    frequency: Array,
    sung: NDArray[np.bool_],
    phases: Array,
    voice: int,
    number: int,
    wanted: NDArray[np.int64],
    around: NDArray[np.int64],
) -> Tensor:
    """The other voices' partials that are nearest to one, as it is demodulated; 0 where there is none near.

    Args:
        frequency, sung, voice, wanted: as in `Combs.likelihood`. number: of the partial.
        phases: ``(voices, samples)`` cycles. around: ``(frames, 2 HALF + 1)`` samples of each window.

    Returns:
        ``(frames, 2 HALF + 1, voices - 1)``, complex.
    """
    others = np.delete(np.arange(len(frequency)), voice)
    own = frequency[voice, wanted]
    nearest = np.rint(number * own / frequency[np.ix_(others, wanted)])
    away = np.abs(nearest * frequency[np.ix_(others, wanted)] - number * own)
    there = sung[np.ix_(others, wanted)] & (nearest >= 1) & (away < BESIDE * own)
    cycles = nearest[..., None] * phases[others][:, around] - number * phases[voice, around]
    angle = torch.from_numpy(2 * math.pi * (cycles % 1)).float()
    waves = torch.polar(torch.ones(angle.shape), angle) * torch.from_numpy(there)[..., None]
    return waves.permute(1, 2, 0)
