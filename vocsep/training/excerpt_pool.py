"""Which excerpts of recordings are learned, in random batches, and which are held out for validation."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.spectra import HOP, frame_count
from vocsep.training.excerpts import Excerpts, Offer, Track, excerpt_frames, usable_starts


class ExcerptPool:
    """Random excerpts to learn from, and fixed ones, apart in time, for validation.

    Recordings may have different numbers of voices, and stems of all, of some or of none of them; in a batch
    all excerpts offer the same. It is drawn in proportion to the usable time that offers this. Each kind of
    recording (mixture, song with stems, voice alone) has excerpts held out.

    Args:
        tracks: recordings.
        seconds: length of an excerpt.
        held_out: share of the usable time that is never learned from.
        most_held_out: excerpts held out at most, as validation costs time too (one of each kind at least).

    Attributes:
        places: recording and start frame of each excerpt that is held out.
        apart: False where the recordings of a kind are too short to hold any out: then the same excerpts
            serve both.
    """

    def __init__(
        self, tracks: Sequence[Track], seconds: float, held_out: float = 0.1, most_held_out: int = 48
    ) -> None:
        self.tracks = tuple(tracks)
        self.frames = excerpt_frames(seconds)
        usable = [usable_starts(track, self.frames) for track in self.tracks]
        self.places: list[tuple[int, int]] = []
        self.apart = True
        starts = [np.zeros(0, dtype=np.int64)] * len(self.tracks)
        in_all = sum(int(mask.sum()) for mask in usable)
        for kind in sorted({_kind(track) for track in self.tracks}):
            own = [
                mask if _kind(t) == kind else mask[:0] for t, mask in zip(self.tracks, usable, strict=True)
            ]
            share = sum(int(mask.sum()) for mask in own) / max(in_all, 1)
            chosen = _choose_held_out(own, self.frames, held_out, max(1, round(share * most_held_out)))
            learned = [
                _without(mask, self.frames, [start for i, start in chosen if i == n])
                for n, mask in enumerate(own)
            ]
            apart = any(mask.any() for mask in learned)
            for n, mask in enumerate(learned if apart else own):
                starts[n] = np.flatnonzero(mask) if len(mask) else starts[n]
            self.places += chosen
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
        """The fixed excerpts for validation, always the same, in batches that offer the same."""
        batches = []
        for offer in sorted({self.tracks[n].offers for n, _ in self.places}):
            chosen = [(n, start) for n, start in self.places if self.tracks[n].offers == offer]
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
