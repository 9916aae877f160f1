"""Excerpts: what a training step hears, and which parts of a recording are learned and which held out.

An excerpt starts on a frame, so its F0 is a slice of the recording's F0 with nothing to interpolate: frame
``n`` of the excerpt is centred on its sample ``n * HOP``, as everywhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

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


class ExcerptPool:
    """Random excerpts to learn from, and fixed ones, apart in time, to judge by.

    Recordings may have different numbers of voices, and stems of all, of some or of none of them; in a batch
    all excerpts offer the same. It is drawn in proportion to the usable time that offers this. Each kind of
    recording (mixture, song with stems, voice alone) has excerpts held out.

    Args:
        tracks: recordings.
        seconds: length of an excerpt.
        held_out: share of the usable time that is never learned from.
        most_held_out: excerpts held out at most, because judging costs time too (one of each kind at least).

    Attributes:
        apart: False where the recordings of a kind are too short to hold any out: then the same excerpts
            serve both.
    """

    def __init__(
        self, tracks: Sequence[Track], seconds: float, held_out: float = 0.1, most_held_out: int = 48
    ) -> None:
        self.tracks = tuple(tracks)
        self.frames = excerpt_frames(seconds)
        usable = [usable_starts(track, self.frames) for track in self.tracks]
        self.judged: list[tuple[int, int]] = []
        self.apart = True
        starts = [np.zeros(0, dtype=np.int64)] * len(self.tracks)
        in_all = sum(int(mask.sum()) for mask in usable)
        for kind in sorted({_kind(track) for track in self.tracks}):
            own = [
                mask if _kind(t) == kind else mask[:0] for t, mask in zip(self.tracks, usable, strict=True)
            ]
            share = sum(int(mask.sum()) for mask in own) / max(in_all, 1)
            judged = _choose_held_out(own, self.frames, held_out, max(1, round(share * most_held_out)))
            learned = [
                _without(mask, self.frames, [start for i, start in judged if i == n])
                for n, mask in enumerate(own)
            ]
            apart = any(mask.any() for mask in learned)
            for n, mask in enumerate(learned if apart else own):
                starts[n] = np.flatnonzero(mask) if len(mask) else starts[n]
            self.judged += judged
            self.apart &= apart
        # what is offered -> (excerpts, 2) of recording and start frame
        self._by_offer: dict[Offer, NDArray[np.int64]] = {}
        for offer in sorted({track.offers for track in self.tracks}):
            rows = [
                np.stack([np.full(len(starts[n]), n), starts[n]], axis=1)
                for n, track in enumerate(self.tracks)
                if track.offers == offer and len(starts[n])
            ]
            if rows:
                self._by_offer[offer] = np.concatenate(rows)

    def __len__(self) -> int:
        """Number of different excerpts to learn from."""
        return sum(len(rows) for rows in self._by_offer.values())

    def batches(self, batch: int, generator: torch.Generator, voices: int = 1) -> Iterator[Excerpts]:
        """Random batches without end, none if there is nothing that at least so many ``voices`` sing; the
        generator's state alone decides what comes next.
        """
        offers = [offer for offer in self._by_offer if offer[0] >= voices]
        share = torch.tensor([float(len(self._by_offer[offer])) for offer in offers])
        while offers:
            rows = self._by_offer[offers[int(torch.multinomial(share, 1, generator=generator))]]
            picked = torch.randint(len(rows), (batch,), generator=generator).tolist()
            yield self._cut([(int(rows[i, 0]), int(rows[i, 1])) for i in picked])

    def held_out(self, batch: int) -> list[Excerpts]:
        """The fixed excerpts to judge by, always the same, in batches that offer the same."""
        batches = []
        for offer in sorted({self.tracks[n].offers for n, _ in self.judged}):
            chosen = [(n, start) for n, start in self.judged if self.tracks[n].offers == offer]
            batches += [self._cut(chosen[i : i + batch]) for i in range(0, len(chosen), batch)]
        return batches

    def _cut(self, places: Sequence[tuple[int, int]]) -> Excerpts:
        samples = self.frames * HOP
        mixture = np.stack([self.tracks[n].audio[s * HOP : s * HOP + samples] for n, s in places])
        f0 = np.stack([self.tracks[n].f0[:, s : s + frame_count(samples)] for n, s in places])
        # Silent excerpts are never chosen; the bound only guards a division.
        peak = np.maximum(np.abs(mixture).max(axis=1, keepdims=True), 1e-9)
        numbers = torch.tensor([n for n, _ in places])[:, None].expand(f0.shape[:2])
        excerpts = Excerpts(torch.from_numpy(mixture / peak), torch.from_numpy(f0), recordings=numbers)
        first = self.tracks[places[0][0]]
        if first.sources is None:
            return replace(excerpts, names=first.names)
        sources = np.zeros((*f0.shape[:2], samples), dtype=np.float32)
        for row, (n, s) in enumerate(places):
            for voice, stem in enumerate(self.tracks[n].sources or ()):
                if stem is not None:
                    part = stem[s * HOP : s * HOP + samples]
                    sources[row, voice, : len(part)] = part / peak[row]
        given = torch.tensor(first.given).expand(len(places), -1)
        return replace(excerpts, sources=torch.from_numpy(sources), given=given, names=first.names)


def _kind(track: Track) -> int:
    """0 for a mixture, 1 for a song with stems, 2 for a voice alone."""
    return 0 if track.sources is None else 2 if track.f0.shape[0] == 1 else 1


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
