"""The network that tells two singers apart, and what it says of all the ways to give stretches to them.

Each stretch of two tracks (`vocsep.pitch.duet_stretches`) gets a sign s_i, +1 if the first voice is on the
first track. A small network makes of each track's levels and moves a place e in a space of singers; d_i is
the difference between both places, or, where one sings alone, twice the distance from the middle of both
singers. With precisions l_i that the network says as well, and singers that are normal in that space,

    d_i = s_i mu + noise,  variance 1 / l_i,     mu ~ N(0, I),

the singers are integrated out (as in probabilistic linear discriminant analysis, S. Ioffe, ECCV 2006):

    log p(s | d) = h' diag(1 + sum_i l_i)^-1 h / 2 + sum_i k_i s_i s_(i-1) / 2 + const,
    h = sum_i s_i l_i d_i.

k_i are log odds that voices keep their tracks where stretch i begins: another network g looks at the signs
that a track goes on as another one (`vocsep.pitch.duet_links`), and g of staying less g of changing is k_i.
Several such networks are asked, and what they say is averaged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vocsep.estimator.network_settings import NetworkSettings
from vocsep.model import StoredModel, restored
from vocsep.pitch.duet_links import LINKS
from vocsep.pitch.duet_stretches import BANDS, LEVELS, MOVES, SCALES, DuetStretches
from vocsep.pitch.stretches import SHORTEST

TRACK = 2 * LEVELS + MOVES + 2
STRETCH = BANDS + 5
LOUDEST, UNLIKE, MANY, HEARD = 30.0, 25.0, 4.0, 0.3  # dB from the middle, between tracks; windows
LOWEST, WIDEST, OUTSIDE = 62.0, 12.0, 6.0  # MIDI; semitones between tracks, and from the middle


@dataclass(frozen=True)
class DuetSettings(NetworkSettings):
    """Sizes: members of the ensemble, dimensions of the space of singers, and hidden units of what looks at
    tracks, at places, and at how sure a stretch is."""

    network = "duets"
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "members": (1, 32),
        "singers": (1, 64),
        "tracks": (1, 512),
        "places": (1, 512),
        "sure": (1, 512),
    }
    members: int = 1
    singers: int = 6
    tracks: int = 32
    places: int = 24
    sure: int = 16

    def __post_init__(self) -> None:
        self.check_bounds()


@dataclass(frozen=True)
class DuetView:
    """What the network sees of a duet, all ``(stretches, ...)``.

    Attributes:
        tracks: ``(stretches, 2, TRACK)``. between: ``(stretches, BANDS)``. stretch: ``(stretches, STRETCH)``.
        height: ``(stretches,)``, the interval, or the distance from the middle of both of one alone.
        frames: in which both sing. both: 1 where both sing, else 0. alone: 1 where only the first sings, -1
            the second, else 0.
        links: ``(stretches, 2, 2, LINKS)``.
    """

    tracks: Tensor
    between: Tensor
    stretch: Tensor
    height: Tensor
    frames: Tensor
    both: Tensor
    alone: Tensor
    links: Tensor


def duet_view(stretches: DuetStretches, links: NDArray[np.float64]) -> DuetView:
    """Levels from the middle of both voices, everything scaled to about 1."""
    frames, windows, pitch = stretches.frames, stretches.windows, stretches.pitch
    both, one = stretches.both, stretches.one
    shared = windows.min(axis=1)
    middle = (stretches.levels.mean(axis=1) * shared).sum(axis=0) / np.maximum(shared.sum(axis=0), 1e-9)
    away = (stretches.levels - middle).clip(-LOUDEST, LOUDEST) / 10
    sings = frames >= SHORTEST
    moves = stretches.moves.copy()
    scales = len(SCALES)
    moves[..., :scales] = np.where(sings[..., None], (moves[..., :scales] + 4.8) / 1.2, 0.0)
    moves[..., scales:] *= 2
    tracks = (
        np.where(windows > HEARD, away, 0.0),
        np.minimum(windows / MANY, 1.0),
        np.where(sings, pitch - LOWEST, 0.0)[..., None] / 12,
        moves,
        np.log1p(frames)[..., None] / 3,
    )
    between = np.where(stretches.shared > HEARD, stretches.difference.clip(-UNLIKE, UNLIKE), 0.0) / 10
    interval = pitch[:, 0] - pitch[:, 1]
    stretch = (
        np.stack((both, one, np.log1p(frames.min(axis=1)) / 3, np.log1p(frames.max(axis=1)) / 3), axis=1),
        np.minimum(stretches.shared / MANY, 1.0),
        (np.abs(interval).clip(0, WIDEST) / 6 * both)[:, None],
    )
    alone = np.where(frames.argmax(axis=1) == 0, 1.0, -1.0) * one
    usual = float((pitch * frames).sum()) / max(float(frames.sum()), 1.0)
    singing = np.where(alone < 0, pitch[:, 1], pitch[:, 0])
    height = both * interval.clip(-WIDEST, WIDEST) + 2 * alone * (singing - usual).clip(-OUTSIDE, OUTSIDE)
    columns = (
        np.concatenate(tracks, axis=-1),
        between * both[:, None],
        np.concatenate(stretch, axis=1),
        height / 6,
        frames.min(axis=1) * both,
        both,
        alone,
        links,
    )
    return DuetView(*(torch.from_numpy(np.asarray(column, dtype=np.float32)) for column in columns))


class DuetNetwork(nn.Module):
    """A view of a duet -> agreement of each two stretches, and log odds that voices keep their tracks.

    Shape:
        -> ``(stretches, stretches)`` and ``(stretches,)``
    """

    def __init__(self, settings: DuetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or DuetSettings()
        sizes = self.settings
        self.plain = nn.Linear(TRACK, sizes.singers, bias=False)
        self.seen = nn.Dropout(0.3)
        self.singer = nn.Sequential(
            nn.Linear(TRACK, sizes.tracks),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(sizes.tracks, sizes.tracks),
            nn.ReLU(),
            nn.Linear(sizes.tracks, sizes.singers),
        )
        self.between = nn.Linear(BANDS, sizes.singers, bias=False)
        precision = nn.Linear(sizes.sure, sizes.singers + 1)
        nn.init.constant_(precision.bias, -1.0)
        self.sure = nn.Sequential(nn.Linear(STRETCH, sizes.sure), nn.ReLU(), precision)
        self.straight = nn.Linear(LINKS, 1, bias=False)
        self.follows = nn.Sequential(
            nn.Dropout(0.1),
            nn.Linear(LINKS, sizes.places),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(sizes.places, 16),
            nn.ReLU(),
            nn.Linear(16, 1),
        )
        self.stays = nn.Parameter(torch.zeros(()))

    def forward(self, view: DuetView) -> tuple[Tensor, Tensor]:
        seen = self.seen(view.tracks)
        singer = self.plain(seen) + self.singer(seen)
        middle = (singer.mean(dim=1) * view.frames[:, None]).sum(dim=0) / view.frames.sum().clamp_min(1.0)
        two = (singer[:, 0] - singer[:, 1] + self.between(view.between)) * view.both[:, None]
        alone = torch.where((view.alone > 0)[:, None], singer[:, 0], singer[:, 1]) - middle
        difference = torch.cat((two + 2 * view.alone[:, None] * alone, view.height[:, None]), dim=1)
        counts = (view.both + view.alone.abs())[:, None]
        precision = nn.functional.softplus(self.sure(view.stretch)) * counts
        natural = precision * difference
        alike = (natural / (1 + precision.sum(dim=0))) @ natural.T
        goes_on = (self.straight(view.links) + self.follows(view.links))[..., 0]
        keep = goes_on[:, 0, 0] + goes_on[:, 1, 1] - goes_on[:, 0, 1] - goes_on[:, 1, 0] + self.stays
        return alike, keep


class DuetEnsemble(nn.Module):
    """Networks that were trained alike from other random weights; what they say in the mean.

    One of them is as often wrong as another, but about other duets (L. K. Hansen and P. Salamon, "Neural
    network ensembles", IEEE Trans. PAMI 12(10), 1990).

    Args:
        settings: of all of them, and how many there are.

    Shape:
        as of `DuetNetwork`.
    """

    def __init__(self, settings: DuetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or DuetSettings()
        self.members = nn.ModuleList(DuetNetwork(self.settings) for _ in range(self.settings.members))

    def forward(self, view: DuetView) -> tuple[Tensor, Tensor]:
        said = [member(view) for member in self.members]
        alike, keep = (torch.stack(one).mean(dim=0) for one in zip(*said, strict=True))
        return alike, keep


def restore_duets(stored: StoredModel) -> DuetEnsemble:
    """Networks from stored weights and settings.

    Raises:
        ModelError: settings or shapes do not fit this version's network.
    """
    return restored(lambda settings: DuetEnsemble(DuetSettings.from_dict(settings)), stored)
