"""Excerpts: what a training step hears, and where in a recording one may start.

An excerpt starts on a frame, so its F0 is a slice of the recording's F0 with nothing to interpolate: frame
``n`` of the excerpt is centred on its sample ``n * HOP``, as everywhere.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.training.examples import rows_of

Supervision = Literal["none", "partly", "full"]  # stems ignored; used where at hand; nothing but stems

QUIETEST = 1e-4  # an excerpt's power over its recording's mean power (-40 dB) below which it counts as silent
LEAST_VOICED = 0.1  # share of an excerpt's frames in which at least one voice sings

Offer = tuple[int, tuple[bool, ...], tuple[str, ...]]  # voices, which stems are at hand, names


@dataclass(frozen=True)
class Excerpts:
    """A batch of mixtures with their F0, and with the stems that are at hand.

    Attributes:
        mixture: ``(batch, samples)`` float32, each excerpt's peak is 1.
        f0: ``(batch, voices, frames)`` float32 in Hz, 0 = unvoiced, ``frames = frame_count(samples)``.
        sources: ``(batch, voices, samples)`` float32 on the scale of the mixture, source j sings row j of the
            F0; zeros where the stem is not at hand. None where no stem is.
        given: ``(batch, voices)`` bool, which stems are at hand; None where ``sources`` is.
        names: of the voices, the same in the whole batch, None where a voice has none; None where no voice
            has one.
        recordings: ``(batch, voices)``, number of the recording that a voice is heard in; None: not known.
    """

    mixture: Tensor
    f0: Tensor
    sources: Tensor | None = None
    given: Tensor | None = None
    names: tuple[str | None, ...] | None = None
    recordings: Tensor | None = None

    def __len__(self) -> int:
        return len(self.mixture)

    @property
    def alone(self) -> bool:
        """Whether these are voices alone: the one stem is the mixture."""
        return self.sources is not None and self.f0.shape[1] == 1

    def to(self, device: torch.device) -> "Excerpts":
        """The same batch on another device."""
        sources = None if self.sources is None else self.sources.to(device)
        given = None if self.given is None else self.given.to(device)
        mixture, f0 = self.mixture.to(device), self.f0.to(device)
        return Excerpts(mixture, f0, sources, given, self.names, self.recordings)

    def share(self, rank: int, size: int) -> tuple["Excerpts", float]:
        """Excerpts for one of several processes, and the weight of their loss.

        Raises:
            SettingsError: there are fewer excerpts than processes.
        """
        own, weight = rows_of(len(self), rank, size)
        tensors = (self.sources, self.given, self.recordings)
        sources, given, recordings = (None if tensor is None else tensor[own] for tensor in tensors)
        return Excerpts(self.mixture[own], self.f0[own], sources, given, self.names, recordings), weight


@dataclass(frozen=True)
class Track:
    """A recording ready for analysis.

    Attributes:
        name: for people.
        audio: ``(samples,)`` float32 at `SAMPLE_RATE`, the mixture; may be a memory map.
        f0: ``(voices, frames)`` float32 in Hz, 0 = unvoiced.
        sources: for each voice its stem on the scale of ``audio``, ``(samples,)`` float32 (a shorter one is
            silent from there on; may be a memory map), or None; None where no stem is at hand.
        names: for each voice its name or None; None where no voice has one.
    """

    name: str
    audio: NDArray[np.float32]
    f0: NDArray[np.float32]
    sources: tuple[NDArray[np.float32] | None, ...] | None = None
    names: tuple[str | None, ...] | None = None

    @property
    def given(self) -> tuple[bool, ...]:
        """For each voice whether its stem is at hand; empty where none is."""
        return tuple(source is not None for source in self.sources or ())

    @property
    def offers(self) -> "Offer":
        """What an excerpt has to teach: all excerpts of a batch have the same."""
        names = tuple(name or "" for name in self.names or ())
        return self.f0.shape[0], self.given, names


def excerpt_frames(seconds: float) -> int:
    """Frames between the start and the end of an excerpt of about ``seconds``: at least one.

    >>> excerpt_frames(4.0)
    250
    """
    return max(1, round(seconds * SAMPLE_RATE / HOP))


def usable_starts(track: Track, frames: int) -> NDArray[np.bool_]:
    """Which frames may start an excerpt: it lies within the recording, is not silent, and is sung in.

    Args:
        track: the recording.
        frames: length of an excerpt, see `excerpt_frames`.

    Returns:
        ``(starts,)``, empty where the recording is shorter than an excerpt.
    """
    blocks = len(track.audio) // HOP
    if blocks < frames:
        return np.zeros(0, dtype=np.bool_)
    # Piece by piece, because the audio may be an hour long and only mapped into memory.
    pieces = range(0, blocks, 4096)
    power = np.concatenate([_block_power(track.audio[n * HOP : min(n + 4096, blocks) * HOP]) for n in pieces])
    voiced = np.asarray((track.f0[:, :blocks] > 0).any(axis=0), dtype=np.float64)
    loud = _moving_mean(power, frames) > max(QUIETEST * float(power.mean()), 1e-12)
    sung: NDArray[np.bool_] = _moving_mean(voiced, frames) >= LEAST_VOICED
    return loud & sung


def _block_power(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    power: NDArray[np.float64] = np.square(audio.reshape(-1, HOP), dtype=np.float64).mean(axis=1)
    return power


def _moving_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    summed = np.concatenate([np.zeros(1), np.cumsum(values)])
    means: NDArray[np.float64] = (summed[width:] - summed[:-width]) / width
    return means
