"""Tables for the terminal: voices, stems, the demo's figures, scores of pitches."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from vocsep.player.colours import voice_style

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vocsep.evaluation.multi_f0 import MultipitchScores
    from vocsep.evaluation.pitch_scores import VoiceScores
    from vocsep.pitch.intonation import VoiceStatistics

NEVER = "-"


def new_table() -> Table:
    """Empty, in the style of all tables."""
    return Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")


def voice_label(voice: int, name: str | None = None) -> Text:
    """The voice's name with a dash in its colour of the plots."""
    return Text.assemble(("━━ ", voice_style(voice)), name or f"voice {voice}")


def _range(statistics: "VoiceStatistics") -> str:
    from vocsep.pitch.intonation import note_name

    if statistics.lowest_hz is None or statistics.highest_hz is None:
        return NEVER
    return f"{note_name(statistics.lowest_hz)} to {note_name(statistics.highest_hz)}"


def _median(statistics: "VoiceStatistics") -> str:
    if statistics.median_hz is None:
        return NEVER
    return f"{statistics.median_note} ({statistics.median_hz:.1f} Hz)"


def _cents(value: float | None, sign: str = "+") -> str:
    return NEVER if value is None else f"{round(value):{sign}d} cents"


def voice_table(statistics: Sequence["VoiceStatistics"], names: Sequence[str] = ()) -> Table:
    """Range, median note, share of voiced time and intonation of each voice, by name if it has one."""
    table = new_table()
    for column in ("voice", "range", "median"):
        table.add_column(column, no_wrap=True)
    for column in ("sings", "off A = 440", "spread"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in statistics:
        table.add_row(
            voice_label(one.voice, names[one.voice - 1] if names else None),
            _range(one),
            _median(one),
            f"{one.voiced_share:.0%}",
            _cents(one.deviation_cents),
            _cents(one.spread_cents, ""),
        )
    return table


def stem_table(
    statistics: Sequence["VoiceStatistics"], stems: Sequence[Path], confidence: "NDArray[np.float32]"
) -> Table:
    """What was written for each voice, what that voice sings, and how much of it is surely its own.

    Where nobody has a pitch (oracle methods do not look for any), nothing is said of who sings how much.
    """
    pitched = any(one.voiced_share for one in statistics)
    table = new_table()
    table.add_column("voice", no_wrap=True)
    table.add_column("range", no_wrap=True)
    table.add_column("sings", justify="right", no_wrap=True)
    table.add_column("sure", justify="right", no_wrap=True)
    table.add_column("file", overflow="fold")
    for one, stem, seconds in zip(statistics, stems, confidence, strict=True):
        known = [float(share) for share in seconds if not math.isnan(share)]
        sure = f"{sum(known) / len(known):.0%}" if known else NEVER
        name = stem.stem if not stem.stem.startswith("voice_") else None
        sings = f"{one.voiced_share:.0%}" if pitched else NEVER
        table.add_row(voice_label(one.voice, name), _range(one), sings, sure, Text(str(stem)))
    return table


def demo_table(before: Sequence[float], after: Sequence[float]) -> Table:
    """SI-SDR in dB of the mixture and of each stem, against what the synthetic singer really sang."""
    table = new_table()
    table.add_column("voice", no_wrap=True)
    for column in ("in the mixture", "separated", "gained"):
        table.add_column(column, justify="right", no_wrap=True)
    for voice, (first, last) in enumerate(zip(before, after, strict=True), start=1):
        table.add_row(voice_label(voice), f"{first:.1f} dB", f"{last:.1f} dB", f"{last - first:+.1f} dB")
    if before:
        first, last = sum(before) / len(before), sum(after) / len(after)
        table.add_section()
        table.add_row("   mean", f"{first:.1f} dB", f"{last:.1f} dB", f"{last - first:+.1f} dB", style="bold")
    return table


def multipitch_table(scores: Mapping[float, "MultipitchScores"]) -> Table:
    """Multi-F0 scores within some bounds in cents, whichever voice a pitch is given to."""
    table = new_table()
    table.add_column("all voices", no_wrap=True)
    for column in ("precision", "recall", "F", "accuracy"):
        table.add_column(column, justify="right", no_wrap=True)
    for cents, one in scores.items():
        shares = (one.precision, one.recall, one.f, one.accuracy)
        table.add_row(f"within {cents:g} cents", *map(_percent, shares))
    return table


def voice_scores_table(scores: Sequence["VoiceScores"]) -> Table:
    """Scores of each voice of the reference against the row of the estimate that it is compared with."""
    table = new_table()
    table.add_column("voice", no_wrap=True)
    heads = (
        "compared\nwith",
        "pitch\nright",
        "voicing\nrecall",
        "false\nalarm",
        "median\nerror",
        "other\nvoice",
        "octave\nerror",
    )
    for column in heads:
        table.add_column(column, justify="right", no_wrap=True)
    for one in scores:
        error = one.median_error_cents
        table.add_row(
            voice_label(one.voice),
            NEVER if one.estimate is None else f"row {one.estimate}",
            _percent(one.raw_pitch_accuracy),
            _percent(one.voicing_recall),
            _percent(one.voicing_false_alarm),
            NEVER if math.isnan(error) else f"{error:.1f} cents",
            _percent(one.other_voice),
            _percent(one.octave_errors),
        )
    return table


def _percent(share: float) -> str:
    return NEVER if math.isnan(share) else f"{share:.1%}"
