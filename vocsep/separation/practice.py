"""Mixes to practise with, made from the stems: one's own part in front, one's own part on the left, or not at
all.

With s_j the stem of voice j and x the sum of all stems, the recording:

- ``<name>_practice``: s_j + g (x - s_j), the others g = -10 dB;
- ``<name>_left``: s_j in the left channel and x - s_j in the right one, both in mono;
- ``<name>_minus``: x - s_j, which ``--minus-one`` writes too.

Each is as loud as the stems, but for one gain that is common to all mixes of a kind, where one of them would
clip.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vocsep.media.reading import AudioSource, open_audio
from vocsep.media.writing import StemWriter
from vocsep.separation.further import Written

Audio = NDArray[np.float32]

OTHERS_DB = -10.0  # of the others, behind one's own part
BLOCK = 1 << 16  # samples mixed at a time


@dataclass(frozen=True)
class PracticeMixes:
    """Three mixes for each voice.

    Attributes:
        minus: also write ``<name>_minus``; not where ``--minus-one`` does it.
        others_db: level of the others behind one's own part, in dB.
    """

    minus: bool = True
    others_db: float = OTHERS_DB

    def targets(self, stems: Sequence[Path]) -> list[Path]:
        kinds = ["practice", "left", *(["minus"] if self.minus else [])]
        return [path for kind in kinds for path in _named(stems, kind)]

    def write(self, written: Written) -> list[Path]:
        """Write all mixes; none is there before all of its kind are complete.

        Args:
            written: the stems to mix.

        Raises:
            AudioError: a stem cannot be read, or a mix not written.
        """
        stems = list(written.stems)
        depth: Literal[16, 24] = 24 if written.bit_depth in (24, "float") else 16
        format = stems[0].suffix.lstrip(".")
        share = 10 ** (self.others_db / 20)
        with ExitStack() as stack:
            sources = [stack.enter_context(open_audio(stem)) for stem in stems]
            rate, channels = sources[0].info.sample_rate, sources[0].info.channels

            def writer(kind: str, channels: int) -> StemWriter:
                paths = _named(stems, kind)
                # Integers even where the stems are float: only they are kept from clipping.
                return stack.enter_context(
                    StemWriter(paths, rate, channels, format, depth, written.overwrite, written.comment)
                )

            practice, left = writer("practice", channels), writer("left", 2)
            minus = writer("minus", channels) if self.minus else None
            for voices in _blocks(sources):
                others = voices.sum(axis=0) - voices
                practice.write(list(voices + share * others))
                sides = np.stack([voices.mean(axis=2), others.mean(axis=2)], axis=2)
                left.write(list(sides))
                if minus is not None:
                    minus.write(list(others))
        return self.targets(stems)


def _named(stems: Sequence[Path], kind: str) -> list[Path]:
    return [stem.with_name(f"{stem.stem}_{kind}{stem.suffix}") for stem in stems]


def _blocks(sources: Sequence[AudioSource]) -> Iterator[Audio]:
    """All stems block by block, ``(voices, samples, channels)``."""
    samples = min(source.info.samples for source in sources)
    for first in range(0, samples, BLOCK):
        yield np.stack([source.read(first, min(BLOCK, samples - first)) for source in sources])
