"""Which estimate belongs to which reference: by name, by order, or as fits best."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vocsep.errors import AudioError
from vocsep.spectra import SAMPLE_RATE

Match = Literal["auto", "name", "best", "order"]
PerSecond = Callable[[NDArray[np.float32], NDArray[np.float32], int], NDArray[np.float64]]


def choose_matching(references: Sequence[str], estimates: Sequence[str], match: Match, where: str) -> Match:
    """How voices are to be matched; ``auto`` becomes ``name`` where the names agree, else ``best``.

    Raises:
        AudioError: the numbers of voices differ, or ``name`` is asked for and the names differ.
    """
    if len(references) != len(estimates):
        raise AudioError(
            f"{where}: {len(estimates)} estimates ({', '.join(estimates)}) for {len(references)} "
            f"references ({', '.join(references)}); as many are needed"
        )
    agree = _folded(references) == _folded(estimates)
    if match == "name" and not agree:
        raise AudioError(
            f"{where}: the names {', '.join(estimates)} are not those of the references "
            f"({', '.join(references)}); --match best does not look at names"
        )
    if match == "auto":
        return "name" if agree else "best"
    return match


def by_name(references: Sequence[str], estimates: Sequence[str]) -> list[int]:
    """Index of the estimate that has each reference's name, upper and lower case alike."""
    places = {name.casefold(): index for index, name in enumerate(estimates)}
    return [places[name.casefold()] for name in references]


def best_permutation(
    references: NDArray[np.float32], estimates: NDArray[np.float32], per_second: PerSecond
) -> list[int]:
    """Index of the estimate for each reference, so that the sum of mean scores is largest.

    Args:
        references: ``(voices, samples)`` at 16 kHz.
        estimates: ``(voices, samples)``.
        per_second: score of (reference, estimate, rate) in dB for each second, as `si_sdr_per_second`.
    """
    scores = np.array(
        [[np.nanmean(per_second(s, e, SAMPLE_RATE)) for e in estimates] for s in references], dtype=np.float64
    )
    # A trifle for what is in its own place, so that equally good estimates stay where they are.
    scores += 1e-9 * np.eye(len(scores))
    return [int(column) for column in linear_sum_assignment(scores, maximize=True)[1]]


def _folded(names: Sequence[str]) -> list[str]:
    return sorted(name.casefold() for name in names)
