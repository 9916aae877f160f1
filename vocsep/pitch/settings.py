"""How pitches are found. Nothing heavy is imported here: the command line reads bounds and defaults."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Assignment = Literal["notes", "viterbi", "heuristic"]

MOST_VOICES = 12  # no training mixture had more than 8; beyond 12 hardly a partial is a voice's own
MOST_REFINE = 10  # refinements; they settle after two or three


@dataclass(frozen=True)
class PitchSettings:
    """What F0 estimation is built from.

    Attributes:
        model: weights of the salience network; None for the shipped ones.
        refiner: weights of the F0 refinement; None for the shipped ones.
        assign: how F0 values become voices, an `Assignment`: by notes, range and timbre; the best path in
            order of height; or the paper's rule.
        refine: how many times each track is refined once the tracks of all are known; 0 = never.
    """

    model: Path | str | None = None
    refiner: Path | str | None = None
    assign: str = "notes"
    refine: int = 1
