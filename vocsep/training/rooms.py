"""The rooms of a folder's recordings, learned along with the network that learns to explain them.

Without tails (`vocsep.source.reverberation`) a network that hears reverberant recordings must explain them by
noise and by envelopes that nobody sang. So each recording has a room of its own, four numbers, and the powers
that the voices are expected to have decay in it before they are compared with the recording. A recording
without tails is a room like the others: its level falls until nothing is left to hear.

An excerpt begins with the tails of what was sung before it, which nobody explains. To leave the first half
second out of the comparison changed neither the rooms that are found nor the separation (measured), so
everything is compared.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vocsep.source.powers import mask_frequencies
from vocsep.source.reverberation import RoomFit

ROOM_RATE = 0.05  # of Adam, in nepers of time and level; each recording is heard in some of the steps only
ROOM_BETAS = (
    0.9,
    0.9,
)  # as in `vocsep.estimator.adapt`: the first gradients, of rooms far off, are soon forgotten


class Rooms(nn.Module):
    """A `RoomFit` for each recording.

    Args:
        recordings: how many.
    """

    def __init__(self, recordings: int) -> None:
        super().__init__()
        self.of = nn.ModuleList(RoomFit() for _ in range(recordings))

    def forward(self, powers: Tensor, recordings: Sequence[int], stride: int, apart: bool = True) -> Tensor:
        """Voices as they are heard, with their tails; differentiable.

        Args:
            powers: ``(voices, frames, bins of MASK_FFT)``, expected of the voices without a room.
            recordings: for each voice the number of the recording in whose room it sings.
            stride: frames between those of ``powers``, see `vocsep.source.reverberation.tails`.
            apart: each voice by itself. Else those of one room together, which costs less: the tail of a sum
                is the sum of the tails.

        Returns:
            ``(voices, frames, bins)``, or ``(rooms, frames, bins)`` with the same sum.
        """
        rooms = list(recordings)
        if not apart:
            rooms = sorted(set(recordings))
            own = torch.tensor([[float(number == room) for number in recordings] for room in rooms])
            powers = (own.to(powers) @ powers.flatten(1)).view(-1, *powers.shape[1:])
        frequencies = mask_frequencies(powers.device)
        heard = [
            sung + self.of[room](sung, frequencies, stride) for sung, room in zip(powers, rooms, strict=True)
        ]
        return torch.stack(heard)
