"""How many voices sing, and what to say where that is in doubt."""

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.candidates import Candidates
from vocsep.pitch.instruments import CHORD, STRUCK, struck_share

CLEAR, LIKELY = 0.7, 0.5  # salience of candidates that count as voices: of up to three, of four or more
SECOND, THIRD, FURTHER = 0.27, 0.37, 0.28  # of the sung frames, in which so many voices must sound


def number_of_voices(candidates: Candidates) -> int:
    """How many voices sing at once: the largest number that sounds in a good part of the sung frames.

    Up to three voices count where they are heard clearly: a lone voice's partials make weak candidates. From
    four on, where voices cover each other, the likely ones count.
    """
    clear, likely = (_shares(candidates, salience) for salience in (CLEAR, LIKELY))
    if len(clear) < 2 or clear[1] < SECOND:
        return 1
    if len(clear) < 3 or clear[2] < THIRD:
        return 2
    further = [
        voices
        for voices, (sure, maybe) in enumerate(zip(clear, likely, strict=True), start=1)
        if sure >= THIRD or maybe >= FURTHER
    ]
    return max(3, *further)


def _shares(candidates: Candidates, salience: float) -> list[float]:
    """For 1, 2, ... voices: in what share of the frames that have any candidate above ``salience`` so many
    are.
    """
    sung = (candidates.salience > salience).sum(axis=1)
    active = sung[sung > 0]
    counts = range(1, candidates.count + 1)
    return [float(np.mean(active >= voices)) if len(active) else 0.0 for voices in counts]


def doubts(audio: NDArray[np.float32], candidates: Candidates, asked: int | None, heard: int) -> list[str]:
    """What a listener should know of the number of voices.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        candidates: of all frames.
        asked: how many voices were asked for; None: ``heard`` are taken.
        heard: what `number_of_voices` says.
    """
    remarks = []
    if heard >= CHORD and struck_share(audio, candidates) > STRUCK:
        counted = "" if asked else f": the number of voices, {heard}, counts them too, -n gives the right one"
        remarks.append(f"instruments seem to sound along; they cannot be told from voices{counted}")
    elif asked is not None and asked > 2 and heard <= asked // 2:
        remarks.append(f"{asked} voices are asked for; there seem to be fewer: {heard} at once")
    return remarks
