"""Which estimate belongs to which reference: by name, by order, or as fits best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vocsep.errors import AudioError
from vocsep.evaluation.folders import SongStems
from vocsep.evaluation.seconds import mean_and_median
from vocsep.media.names import folded
from vocsep.spectra import SAMPLE_RATE

SYNTH, MINUS = "_synth", "_minus"  # what `vocsep separate` adds to a stem's name

Match = Literal["auto", "name", "best", "order"]
# Score of (reference, estimate, rate) for each second.
PerSecond = Callable[[NDArray[np.float32], NDArray[np.float32], int], NDArray[np.float64]]


@dataclass(frozen=True)
class EstimateFiles:
    """One method's files of one song, by name of the voice, and how voices are matched (never ``auto``).

    Where there are stems and synthesised voices (`synths`), both have the same names; one may be empty.
    """

    stems: dict[str, Path]
    synths: dict[str, Path]
    matching: Match

    @property
    def voices(self) -> list[str]:
        return list(self.stems or self.synths)


def plan_matching(song: SongStems, references: SongStems, match: Match) -> EstimateFiles:
    """Tell separated stems from synthesised voices, and decide how to match them.

    What `--minus-one` wrote is passed over. A name that a reference has too is a stem, whatever its ending.

    Args:
        song: the method's files.
        references: those of the references.
        match: ``auto`` becomes ``name`` where the names agree, else ``best``.

    Raises:
        AudioError: another number of estimates than references, or ``name`` is asked for and names differ.
    """
    wanted = {folded(name) for name in references.stems}
    stems, synths = {}, {}
    for name, path in song.stems.items():
        if folded(name) in wanted or not folded(name).endswith((SYNTH, MINUS)):
            stems[name] = path
        elif folded(name).endswith(SYNTH):
            synths[name[: -len(SYNTH)]] = path
    where = next(iter(song.stems.values())).parent
    given, sung = ", ".join(stems or synths), ", ".join(references.stems)
    if stems and synths and stems.keys() != synths.keys():
        odd = ", ".join(sorted(stems.keys() ^ synths.keys()))
        raise AudioError(f"{where}: stems and synthesised voices are not of the same names ({odd})")
    if len(stems or synths) != len(wanted):
        raise AudioError(
            f"{where}: {len(stems or synths)} estimates ({given}) for {len(wanted)} references ({sung}), "
            "as many are needed"
        )
    agree = {folded(name) for name in stems or synths} == wanted
    if match == "name" and not agree:
        raise AudioError(
            f"{where}: the names {given} are not those of the references, {sung}; --match best needs no names"
        )
    if match == "auto":
        match = "name" if agree else "best"
    return EstimateFiles(stems, synths, match)


def by_name(references: Sequence[str], estimates: Sequence[str]) -> list[int]:
    """Index of the estimate that has each reference's name, upper and lower case alike."""
    places = {folded(name): index for index, name in enumerate(estimates)}
    return [places[folded(name)] for name in references]


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
        [[mean_and_median(per_second(s, e, SAMPLE_RATE))[0] for e in estimates] for s in references]
    )
    # A trifle for what is in its own place, so that equally good estimates stay where they are.
    scores += 1e-9 * np.eye(len(scores))
    return [int(column) for column in linear_sum_assignment(scores, maximize=True)[1]]
