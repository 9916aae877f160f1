"""Tables of separation scores for the terminal: voices, songs and methods, and which methods differ."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table
from rich.text import Text

from vocsep.commands.tables import NEVER, new_table, voice_label
from vocsep.evaluation.scores import METRICS
from vocsep.evaluation.seconds import Summary, summarise
from vocsep.evaluation.significance import LEVEL, Comparison, p_matrix, p_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vocsep.evaluation.scores import MethodScores

SUMMARY = ("mean", "median", "quartiles", "seconds")
SHORT = {"spectral_snr": "spectral\nSNR", "spectral_snr_synth": "synth.\nspectral\nSNR"}


def voices_table(method: "MethodScores", metric: str) -> Table:
    """Mean, median, quartiles and number of seconds of one metric, for each voice and for all."""
    table = _summary_table("voice")
    for number, voice in enumerate(method.voices, start=1):
        table.add_row(voice_label(number, voice), *_cells(summarise(method.pooled(metric, voice))))
    table.add_section()
    table.add_row("   all", *_cells(summarise(method.pooled(metric))), style="bold")
    return table


def other_scores_table(method: "MethodScores", shown: str) -> Table | None:
    """Means of all other metrics that there are, for each voice and for all; None where there are none."""
    metrics = [metric for metric in METRICS if metric != shown and np.isfinite(method.pooled(metric)).any()]
    if not metrics:
        return None
    table = new_table()
    table.add_column("voice", no_wrap=True)
    for metric in metrics:
        table.add_column(SHORT.get(metric, METRICS[metric]), justify="right", no_wrap=True)

    def means(voice: str | None) -> list[str]:
        return [_number(summarise(method.pooled(metric, voice)).mean) for metric in metrics]

    for number, voice in enumerate(method.voices, start=1):
        table.add_row(voice_label(number, voice), *means(voice))
    table.add_section()
    table.add_row("   all", *means(None), style="bold")
    return table


def songs_table(method: "MethodScores", metric: str) -> Table:
    """All voices of each song together."""
    table = _summary_table("song")
    for song in method.songs:
        scores = method.pooled(metric, song=song.song)
        table.add_row(Text(song.song), *_cells(summarise(scores)))
    return table


def methods_table(scores: "dict[str, NDArray[np.float64]]") -> Table:
    """All songs and voices of each method together."""
    table = _summary_table("method")
    for name, values in scores.items():
        table.add_row(Text(name), *_cells(summarise(values)))
    return table


def p_table(comparisons: Sequence[Comparison], names: Sequence[str]) -> Table:
    """p-values of all pairs of methods, bold below the level of 5 %."""
    table = new_table()
    table.add_column("p", no_wrap=True)
    for name in names:
        table.add_column(Text(name), justify="right", overflow="fold")
    for name, row in zip(names, p_matrix(comparisons, names), strict=True):
        cells = [Text(p_text(p), style="bold" if p < LEVEL else "") for p in row]
        table.add_row(Text(name), *cells)
    return table


def _summary_table(head: str) -> Table:
    table = new_table()
    table.add_column(head, no_wrap=True)
    for column in SUMMARY:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _cells(summary: Summary) -> tuple[str, str, str, str]:
    quartiles = NEVER
    if summary.seconds:
        quartiles = f"{_number(summary.first_quartile)} to {_number(summary.third_quartile)}"
    return _number(summary.mean), _number(summary.median), quartiles, str(summary.seconds)


def _number(decibels: float) -> str:
    return NEVER if math.isnan(decibels) else f"{round(decibels, 1) + 0.0:.1f}"  # no -0.0
