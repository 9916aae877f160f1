"""Excerpts: what a training step hears, and which parts of a recording are learned and which held out.

An excerpt starts on a frame, so its F0 is a slice of the recording's F0 with nothing to interpolate: frame
``n`` of the excerpt is centred on its sample ``n * HOP``, as everywhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

QUIETEST = 1e-4  # an excerpt's power over its recording's mean power (-40 dB) below which it counts as silent
LEAST_VOICED = 0.1  # share of an excerpt's frames in which at least one voice sings


@dataclass(frozen=True)
class Excerpts:
    """A batch of mixtures with their F0.

    Attributes:
        mixture: ``(batch, samples)`` float32, each excerpt's peak is 1.
        f0: ``(batch, voices, frames)`` float32 in Hz, 0 = unvoiced, ``frames = frame_count(samples)``.
    """

    mixture: Tensor
    f0: Tensor

    def to(self, device: torch.device) -> "Excerpts":
        """The same batch on another device."""
        return Excerpts(self.mixture.to(device), self.f0.to(device))


@dataclass(frozen=True)
class Track:
    """A recording ready for analysis.

    Attributes:
        name: for people.
        audio: ``(samples,)`` float32 at `SAMPLE_RATE`; may be a memory map.
        f0: ``(voices, frames)`` float32 in Hz, 0 = unvoiced.
    """

    name: str
    audio: NDArray[np.float32]
    f0: NDArray[np.float32]


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


class ExcerptPool:
    """Random excerpts to learn from, and fixed ones, apart in time, to judge by.

    Recordings may have different numbers of voices; a batch has one. It is drawn in proportion to the usable
    time that has this number.

    Args:
        tracks: recordings.
        seconds: length of an excerpt.
        held_out: share of the usable time that is never learned from.
        most_held_out: excerpts held out at most, because judging costs time too.

    Attributes:
        apart: False where the recordings are too short to hold any out: then the same excerpts serve both.
    """

    def __init__(
        self, tracks: Sequence[Track], seconds: float, held_out: float = 0.1, most_held_out: int = 48
    ) -> None:
        self.tracks = tuple(tracks)
        self.frames = excerpt_frames(seconds)
        usable = [usable_starts(track, self.frames) for track in self.tracks]
        self.judged = _choose_held_out(usable, self.frames, held_out, most_held_out)
        learned = [
            _without(mask, self.frames, [start for i, start in self.judged if i == n])
            for n, mask in enumerate(usable)
        ]
        self.apart = any(mask.any() for mask in learned)
        starts = [np.flatnonzero(mask) for mask in (learned if self.apart else usable)]
        # voices -> (excerpts, 2) of recording and start frame
        self._by_voices: dict[int, NDArray[np.int64]] = {}
        for voices in sorted({track.f0.shape[0] for track in self.tracks}):
            rows = [
                np.stack([np.full(len(starts[n]), n), starts[n]], axis=1)
                for n, track in enumerate(self.tracks)
                if track.f0.shape[0] == voices and len(starts[n])
            ]
            if rows:
                self._by_voices[voices] = np.concatenate(rows)

    def __len__(self) -> int:
        """Number of different excerpts to learn from."""
        return sum(len(rows) for rows in self._by_voices.values())

    def batches(self, batch: int, generator: torch.Generator) -> Iterator[Excerpts]:
        """Random batches without end; the generator's state alone decides what comes next."""
        numbers = list(self._by_voices)
        share = torch.tensor([float(len(self._by_voices[voices])) for voices in numbers])
        while True:
            drawn = numbers[int(torch.multinomial(share, 1, generator=generator))]
            rows = self._by_voices[drawn]
            picked = torch.randint(len(rows), (batch,), generator=generator).tolist()
            yield self._cut([(int(rows[i, 0]), int(rows[i, 1])) for i in picked])

    def held_out(self, batch: int) -> list[Excerpts]:
        """The fixed excerpts to judge by, always the same, in batches of one number of voices each."""
        batches = []
        for voices in sorted({self.tracks[n].f0.shape[0] for n, _ in self.judged}):
            chosen = [(n, start) for n, start in self.judged if self.tracks[n].f0.shape[0] == voices]
            batches += [self._cut(chosen[i : i + batch]) for i in range(0, len(chosen), batch)]
        return batches

    def _cut(self, places: Sequence[tuple[int, int]]) -> Excerpts:
        samples = self.frames * HOP
        mixture = np.stack([self.tracks[n].audio[s * HOP : s * HOP + samples] for n, s in places])
        f0 = np.stack([self.tracks[n].f0[:, s : s + frame_count(samples)] for n, s in places])
        peak = np.abs(mixture).max(axis=1, keepdims=True)
        # Silent excerpts are never chosen; the bound only guards a division.
        return Excerpts(torch.from_numpy(mixture / np.maximum(peak, 1e-9)), torch.from_numpy(f0))


def _choose_held_out(
    usable: Sequence[NDArray[np.bool_]], frames: int, share: float, most: int
) -> list[tuple[int, int]]:
    """Evenly spread (recording, start) on a grid of excerpts: one at least, if there is any to choose."""
    slots = [(n, s) for n, mask in enumerate(usable) for s in range(0, len(mask), frames) if mask[s]]
    if not slots:  # usable excerpts, if any, lie between the points of the grid
        return [(n, int(np.flatnonzero(mask)[-1])) for n, mask in enumerate(usable) if mask.any()][:1]
    wanted = min(max(1, round(share * len(slots))), most, len(slots))
    return [slots[int((i + 0.5) * len(slots) / wanted)] for i in range(wanted)]


def _without(usable: NDArray[np.bool_], frames: int, held_out: Sequence[int]) -> NDArray[np.bool_]:
    """Starts whose excerpts touch none of those held out."""
    left: NDArray[np.bool_] = usable.copy()
    for start in held_out:
        left[max(0, start - frames + 1) : start + frames] = False
    return left
