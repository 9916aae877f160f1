"""The post-filter: a network that corrects masks where the mixture shows more than was expected.

A few convolutions over frequency and time see each voice in the same way
(`vocsep.filtering.postfilter_features`), and what the voices have in common in the mean. The network's answer
is added to the logarithms of the masks, which are
then made to add up to one again: an untrained network changes nothing, and any number of voices will do.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from vocsep.estimator.network_settings import NetworkSettings
from vocsep.filtering.postfilter_features import BINS, CHANNELS, postfilter_features
from vocsep.memory import still_wanted
from vocsep.model import StoredModel, load_model, restored, shipped_model
from vocsep.precision import arithmetic, fast_convolutions
from vocsep.spectra import power

FOLD = 2  # neighbouring bins that become channels: half the work
CORRECTED = 384  # bins, up to 3 kHz, that are corrected: above, no stem gains .02 dB (measured)
TAPER = 64  # bins at the top in which the correction fades out
SLAB = 250  # frames that are worked on at once
LEAST = 1e-10  # of a mask
FOLLOWED = 0.5  # of an answer: the network has heard no real singer, and is too sure of them (measured)


@dataclass(frozen=True)
class PostfilterSettings(NetworkSettings):
    """Sizes: channels of the convolutions, and the steps apart (bins, frames) of what each of them sees."""

    channels: int = 16
    dilations: tuple[tuple[int, int], ...] = ((1, 1), (1, 2), (2, 1), (1, 4), (1, 1))

    def __post_init__(self) -> None:
        steps = tuple((int(bins), int(frames)) for bins, frames in self.dilations)  # lists, in a file
        object.__setattr__(self, "dilations", steps)

    @property
    def reach(self) -> int:
        """Frames to either side that an answer depends on."""
        return 2 + sum(frames for _, frames in self.dilations)


class PostfilterNetwork(nn.Module):
    """Views of all voices of a mixture -> what to add to the logarithm of each mask.

    Shape:
        ``(voices, CHANNELS, bins, frames) -> (voices, bins, frames)``, an even number of bins
    """

    def __init__(self, settings: PostfilterSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or PostfilterSettings()
        channels, dilations = self.settings.channels, self.settings.dilations
        self.enter = nn.Conv2d(CHANNELS * FOLD, channels, 3, padding=1)
        self.own = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=s, dilation=s) for s in dilations)
        self.common = nn.ModuleList(nn.Conv2d(channels, channels, 1, bias=False) for _ in dilations)
        self.leave = nn.Conv2d(channels, FOLD, 1)
        for start in (*self.common.parameters(), *self.leave.parameters()):
            nn.init.zeros_(start)

    def forward(self, view: Tensor) -> Tensor:
        voices, _, bins, frames = view.shape
        narrow = view.to(arithmetic(view.device.type))  # before it is put in another order: half to move
        folded = narrow.reshape(voices, -1, bins // FOLD, FOLD, frames).transpose(2, 3).flatten(1, 2)
        x = torch.relu_(self.enter(folded.contiguous(memory_format=torch.channels_last)))
        for own, common in zip(self.own, self.common, strict=True):
            still_wanted()
            seen = torch.relu_(own(x))
            x = (x + seen).add_(common(_sum(seen) / voices))
        answer: Tensor = self.leave(x).float()
        return answer.transpose(1, 2).reshape(voices, bins, frames)


def _sum(seen: Tensor) -> Tensor:
    """Over the voices, ``(voices, channels, bins, frames) -> (1, channels, bins, frames)``.

    As a product with ones it adds in single precision and rounds once, so the order of the voices does not
    matter; sums over the first dimension take several times as long.
    """
    last = seen.permute(0, 2, 3, 1)  # as it lies in memory
    total = seen.new_ones(1, len(seen)) @ last.flatten(1)
    return total.reshape(1, *last.shape[1:]).permute(0, 3, 1, 2)


def corrected(masks: Tensor, answer: Tensor) -> Tensor:
    """Masks ``(voices, bins, frames)`` with an answer, of the lowest bins, added to their logarithms; they
    add up to one, as before."""
    bins = answer.shape[1]
    fade = ((bins - torch.arange(bins, device=masks.device)) / TAPER).clamp_max(1.0)[:, None]
    low = torch.softmax(torch.log(masks[:, :bins].clamp_min(LEAST)) + fade * answer, dim=0)
    return torch.cat((low, masks[:, bins:]), dim=1)


def mean_power(spectrum: Tensor) -> Tensor:
    """Unit of levels in the views of a recording: power of its ``(bins, frames)`` STFT in the mean."""
    return power(spectrum[:BINS]).mean().clamp_min(1e-20)


@torch.no_grad()
def postfiltered(
    network: PostfilterNetwork, spectrum: Tensor, powers: Tensor, masks: Tensor, f0: Tensor
) -> Tensor:
    """Masks as the network corrects them up to `CORRECTED`, slab by slab of time, so that memory stays
    bounded.

    Args:
        spectrum, powers, masks, f0: as in `vocsep.filtering.postfilter_features.postfilter_features`.

    Returns:
        ``(voices, bins, frames)``, add up to one.
    """
    if len(masks) < 2:
        return masks
    mean = mean_power(spectrum)
    frames, reach = spectrum.shape[-1], network.settings.reach
    parts = []
    for first in range(0, frames, SLAB):
        still_wanted()
        last = min(first + SLAB, frames)
        seen = slice(max(first - reach, 0), min(last + reach, frames))
        given = spectrum[:, seen], powers[..., seen], masks[..., seen], f0[:, seen]
        view = postfilter_features(*given, mean, CORRECTED)
        with fast_convolutions(masks.device):
            answer = network(view)
        own = slice(first - seen.start, last - seen.start)
        parts.append(corrected(masks[..., first:last], FOLLOWED * answer[..., own]))
    return torch.cat(parts, dim=-1)


def restore_postfilter(stored: StoredModel) -> PostfilterNetwork:
    """A network from stored weights and settings.

    Raises:
        ModelError: settings or shapes do not fit this version's network.
    """
    return restored(lambda settings: PostfilterNetwork(PostfilterSettings(**settings)), stored)


def load_postfilter(path: Path | str | None = None) -> PostfilterNetwork:
    """The post-filter in that file, or the shipped one.

    Raises:
        ModelError: the file cannot be used.
    """
    stored = load_model(path or shipped_model("postfilter"), "postfilter")
    return restore_postfilter(stored)
