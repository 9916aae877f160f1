"""Decoders of their own for named parts, over an encoder that all voices share.

A *part* is a voice known by name (soprano, alto, ...). What the encoder makes of the mixture is the same for
all; a part with a decoder of its own reads it with that one, every other voice with the shared one. After
C. Doire and O. Okubadejo, "Interleaved multitask learning for audio source separation with independent
databases" (2019): decoders that are independent of each other can be learned one at a time, each when its
target is at hand.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vocsep.estimator.settings import EstimatorSettings

SHARED = -1  # the decoder of every voice that has none of its own

Decode = Callable[[int, list[int]], tuple[Tensor, Tensor]]


def decoders_of_voices(
    settings: EstimatorSettings, voices: int, names: Sequence[str | None] | None = None
) -> list[int]:
    """Which decoder reads each voice: its number in ``settings.decoders``, or `SHARED`.

    Args:
        settings: of the estimator.
        voices: in the recording, the highest first.
        names: of these voices, None where one has none. Without names a recording of as many voices as
            ``settings.names`` has those; voices of any other number have none.

    >>> settings = EstimatorSettings(names=("soprano", "alto"), decoders=("alto",))
    >>> decoders_of_voices(settings, 2), decoders_of_voices(settings, 3)
    ([-1, 0], [-1, -1, -1])
    >>> decoders_of_voices(settings, 1, ["Alto"])
    [0]
    """
    if names is None:
        names = settings.names if len(settings.names) == voices else [None] * voices
    numbers = {name.casefold(): number for number, name in enumerate(settings.decoders)}
    return [SHARED if name is None else numbers.get(name.casefold(), SHARED) for name in names]


def decode_voices(decoders: Sequence[int], decode: Decode) -> tuple[Tensor, Tensor]:
    """Raw parameters of every voice, each by its own decoder.

    Args:
        decoders: of each voice, from `decoders_of_voices`.
        decode: gives frame_raw ``(batch, some, ...)`` and noise_raw ``(batch, some, L)`` of some voices (rows
            counted from 0) by one decoder.

    Returns:
        frame_raw and noise_raw of all voices in their order, ``(batch, voices, ...)``.
    """
    rows = {which: [j for j, own in enumerate(decoders) if own == which] for which in sorted(set(decoders))}
    if len(rows) == 1:
        return decode(decoders[0], list(range(len(decoders))))
    parts = [decode(which, voices) for which, voices in rows.items()]
    places = torch.tensor([voice for voices in rows.values() for voice in voices]).argsort()
    frame_raw, noise_raw = (torch.cat(tensors, 1) for tensors in zip(*parts, strict=True))
    places = places.to(frame_raw.device)
    return frame_raw[:, places], noise_raw[:, places]
