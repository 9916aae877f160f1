"""Training examples: what a batch is, how examples are drawn, and how they are made ahead of their step.

Examples that are made by a program are derived from the seed and the number of the step, so a run that is
taken up again sees what an uninterrupted one would have seen, and no state of a random generator need be
kept. The same holds for several processes that each draw their own steps.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from vocsep.errors import SettingsError
from vocsep.singers.repertoire import Repertoire

HELD_OUT = 0.05  # of the quartets, which are sung for validation alone
TRAINING, VALIDATION = 0, 1  # follow the seed: steps and validation never draw alike

Own = TypeVar("Own")
Drawer = TypeVar("Drawer", bound="Sampler")
SomeBatch = TypeVar("SomeBatch", bound="Batch")


class Batch(Protocol):
    """A batch of training examples: how many, and the same on another device."""

    def __len__(self) -> int: ...

    def to(self: Own, device: torch.device) -> Own: ...

    def share(self: Own, rank: int, size: int) -> tuple[Own, float]:
        """What one of several processes learns, and the weight of its loss: the mean of the weighted losses
        of all is the loss of the whole batch."""


Draw = Callable[[int], SomeBatch]  # number of a step, from 0 -> what it learns from


@dataclass(frozen=True)
class Examples:
    """A batch of tensors.

    Attributes:
        groups: of examples. Those of a group have the same shape and go through the network together: its
            input, then what the loss needs.
    """

    groups: tuple[tuple[Tensor, ...], ...]

    def __len__(self) -> int:
        return len(self.groups)

    def to(self, device: torch.device) -> "Examples":
        """The same batch on another device."""
        return Examples(tuple(tuple(tensor.to(device) for tensor in group) for group in self.groups))

    def share(self, rank: int, size: int) -> tuple["Examples", float]:
        """Some of the groups, or, of a single one, some of its examples.

        Raises:
            SettingsError: there are fewer than processes.
        """
        if len(self.groups) > 1:
            own, weight = rows_of(len(self.groups), rank, size)
            return Examples(self.groups[own]), weight
        own, weight = rows_of(len(self.groups[0][0]), rank, size)
        return Examples((tuple(tensor[own] for tensor in self.groups[0]),)), weight


def rows_of(count: int, rank: int, size: int) -> tuple[slice, float]:
    """Which of ``count`` rows process ``rank`` of ``size`` learns, and the weight of its mean loss.

    Raises:
        SettingsError: there are more processes than rows.

    >>> rows_of(5, 0, 2), rows_of(5, 1, 2)
    ((slice(0, 2, None), 0.8), (slice(2, 5, None), 1.2))
    """
    if count < size:
        raise SettingsError(f"batch: {count} examples cannot be shared by {size} processes")
    own = slice(rank * count // size, (rank + 1) * count // size)
    return own, (own.stop - own.start) * size / count


class Sampler:
    """Something that draws examples at random.

    Attributes:
        rng: what it draws with.
    """

    def __init__(self, seed: int | Sequence[int]) -> None:
        self.seed = seed
        self.rng = np.random.default_rng(seed)

    def at(self: Own, *number: int) -> Own:
        """The same, but what it draws depends on its seed and this number alone, e.g. that of a step."""
        own = copy.copy(self)
        assert isinstance(own, Sampler)
        seed = (own.seed,) if isinstance(own.seed, int) else tuple(own.seed)
        own.rng = np.random.default_rng((*seed, *number))
        return own


@contextmanager
def prefetched(draw: Draw[SomeBatch]) -> Iterator[Draw[SomeBatch]]:
    """The same examples, but while a step learns those of the next are made in a thread beside.

    Args:
        draw: depends on the number of the step alone.
    """
    ahead: dict[int, Future[SomeBatch]] = {}
    with ThreadPoolExecutor(1) as helper:

        def prepared(step: int) -> SomeBatch:
            wanted = ahead.pop(step, None) or helper.submit(draw, step)
            ahead.clear()
            ahead[step + 1] = helper.submit(draw, step + 1)
            return wanted.result()

        yield prepared


def held_out(songs: Repertoire, share: float = HELD_OUT) -> tuple[Repertoire, Repertoire]:
    """A repertoire to learn from, and one for validation: the last quartets, at least one.

    A single quartet serves both.
    """
    if songs.songs < 2:
        return songs, songs
    first = songs.songs - max(1, round(share * songs.songs))

    def part(rows: slice) -> Repertoire:
        return replace(songs, audio=songs.audio[rows], f0=songs.f0[rows], level=songs.level[rows])

    return part(slice(None, first)), part(slice(first, None))


def held_out_count(examples: int, share: float = HELD_OUT) -> int:
    """How many examples are made for validation beside so many to learn from.

    >>> held_out_count(2000), held_out_count(10)
    (100, 1)
    """
    return max(1, round(share * examples))


def samplers(
    songs: Repertoire, examples: int, seed: int, make: Callable[[Repertoire, tuple[int, int], int], Drawer]
) -> tuple[Drawer, Drawer]:
    """What draws examples to learn from, and what draws those for validation, of quartets of their own.

    Args:
        songs: all quartets.
        examples: to be made to learn from; those for validation come on top.
        seed: of both.
        make: makes so many examples of a repertoire by a seed, and a sampler of them.
    """
    learned, kept = held_out(songs)
    training, validation = (seed, TRAINING), (seed, VALIDATION)
    return make(learned, training, examples), make(kept, validation, held_out_count(examples))
