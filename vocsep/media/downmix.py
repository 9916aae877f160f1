"""One channel for analysis out of several, in which nobody who can be heard is silent.

The mean of the channels is that, unless a voice has opposite signs in them: then it cancels. Where the
    spectra show
that this happens, channels are added with phases a quarter turn apart, after the matrix of surround sound: in
``y = L + j R`` a voice in phase and one in opposite phase are both 3 dB above a voice in one channel alone,
as |1 + j| = |1 - j|. In a real signal the j is a Hilbert transform.
"""

import numpy as np
from numpy.typing import NDArray

WINDOW = 4096  # samples whose spectra are compared
EVERY = 4  # of the windows are enough, one in so many
CANCELLED = 0.01  # of a bin's energy: where the mean of the channels keeps less, the bin has cancelled
TAPS = 511  # of the Hilbert transformer: right to 0.1 dB from 50 Hz on at 16 kHz

Channels = NDArray[np.float32]  # (samples, channels)


class Cancellation:
    """Adds up, block after block, how much of a recording its mean channel would lose."""

    def __init__(self) -> None:
        self._lost = self._energy = 0.0
        self._channels = 1
        self._waiting: list[Channels] = []

    def hear(self, block: Channels) -> None:
        """Take a block ``(samples, channels)`` into account; blocks may be of any length."""
        self._channels = block.shape[1]
        if self._channels < 2:
            return
        self._waiting.append(block)
        if sum(map(len, self._waiting)) < EVERY * WINDOW:
            return
        waiting = np.concatenate(self._waiting)
        windows = len(waiting) // (EVERY * WINDOW)
        used = windows * EVERY * WINDOW
        self._compare(waiting[:used].reshape(windows, EVERY, WINDOW, -1)[:, 0])
        self._waiting = [waiting[used:].copy()]

    @property
    def matters(self) -> bool:
        """Whether a voice may be missing from the mean: after the last block.

        Of C channels that have nothing in common the energy of their mean, over its largest value, is
        distributed as Beta(1, C - 1), so chance alone finds 1 - (1 - x)^(C - 1) of the energy below x. Twice
        that is no chance.
        """
        rest = np.concatenate(self._waiting)[:WINDOW] if self._waiting else np.zeros((0, 1), np.float32)
        if len(rest) > 1 and not self._energy:  # a recording shorter than a window
            self._compare(rest[None])
        by_chance = 1 - (1 - CANCELLED) ** (self._channels - 1)
        return self._lost > 2 * by_chance * self._energy

    def _compare(self, frames: NDArray[np.float32]) -> None:
        """Frames ``(windows, samples, channels)``."""
        taper = np.hanning(frames.shape[1] + 2)[1:-1, None].astype(np.float32)
        spectra = np.fft.rfft(frames * taper, axis=1)
        every = np.mean(np.abs(spectra) ** 2, axis=2)
        together = np.abs(spectra.mean(axis=2)) ** 2
        self._lost += float(every[together < CANCELLED * every].sum())
        self._energy += float(every.sum())


def turned(channels: Channels) -> NDArray[np.float32]:
    """Channels ``(samples, channels)`` added with phases spread over half a turn: ``(samples,)``.

    Channel c of C has a phase of 180 c / C degrees, so two channels are a quarter turn apart.
    """
    from scipy.signal import oaconvolve  # loads for a third of a second, and few recordings need it

    angles = np.pi * np.arange(channels.shape[1]) / channels.shape[1]
    straight = channels @ np.cos(angles).astype(np.float32)
    sideways = channels @ np.sin(angles).astype(np.float32)
    mixed = straight + oaconvolve(sideways, hilbert_fir(TAPS), mode="same")
    return np.asarray(mixed / channels.shape[1], np.float32)


def hilbert_fir(taps: int) -> NDArray[np.float32]:
    """A Hilbert transformer of an odd number of taps, centred: a half-band filter moved by a quarter of
    the rate (A. V. Oppenheim and R. W. Schafer, "Discrete-Time Signal Processing", section 12.4)."""
    from scipy.signal import firwin

    moved = 2 * firwin(taps, 0.5) * np.sin(0.5 * np.pi * (np.arange(taps) - taps // 2))
    return np.asarray(moved, np.float32)
