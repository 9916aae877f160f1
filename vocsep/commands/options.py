"""Options that several commands share. What is out of bounds is refused here, before any work."""

import math
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from vocsep.commands.silence import silence
from vocsep.estimator.adapt_settings import MOST_STEPS, AdaptSettings
from vocsep.pitch.settings import MOST_REFINE, MOST_VOICES
from vocsep.separation.settings import SeparatorSettings

LARGEST_SEED = 2**32 - 1

MODEL = "Models and pitches"
OUTPUT = "What is written"
RUN = "How it runs"


class Device(str, Enum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Assign(str, Enum):
    notes = "notes"
    viterbi = "viterbi"
    heuristic = "heuristic"


ASSIGN, DEVICE = Assign(SeparatorSettings.assign), Device(SeparatorSettings.device)


def within(low: int, high: int, why: str = "") -> Callable[[int | None], int | None]:
    """A check that refuses whole numbers out of bounds and names value, bounds and, if given, the reason."""

    def check(value: int | None) -> int | None:
        if value is not None and not low <= value <= high:
            raise typer.BadParameter(f"{value} is not within {low} .. {high}{why}")
        return value

    return check


def not_negative(value: float | None) -> float | None:
    """Refuse negative and non-finite times: ``min=0`` alone would let ``nan`` and ``inf`` pass."""
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise typer.BadParameter(f"{value:g} is not a time of 0 or more")
    return value


def seconds(text: str) -> float:
    """A time as people write it: seconds, ``minutes:seconds`` or ``hours:minutes:seconds``.

    >>> seconds("90"), seconds("0:30"), seconds("1:02:03.5")
    (90.0, 30.0, 3723.5)
    """
    *above, last = str(text).strip().split(":")
    try:
        if len(above) > 2 or not all(part.isdecimal() for part in above):
            raise ValueError
        rest = float(last)
        if above and not (last[:1].isdecimal() and rest < 60 and all(int(part) < 60 for part in above[1:])):
            raise ValueError
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time: seconds, 1:30 or 1:02:03") from None
    for part, factor in zip(reversed(above), (60, 3600), strict=False):
        rest += factor * int(part)
    return rest


def positive(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(f"{value:g} is not more than 0")
    return value


def whole_number(
    flag: str, low: int, high: int, told: str, panel: str | None = None, metavar: str = "N"
) -> Any:
    """The option of a whole number within bounds, and its help."""
    return typer.Option(flag, callback=within(low, high), metavar=metavar, rich_help_panel=panel, help=told)


def model_file(flag: str, what: str, command: str) -> Any:
    """The option of a model: what it is, and the command that makes such files."""
    told = f"{what} made by [bold]vocsep {command}[/bold]. Default: the shipped one."
    return typer.Option(flag, metavar="FILE", rich_help_panel=MODEL, help=told)


def among(names: Sequence[str]) -> Callable[[str], str]:
    """A check that refuses what is not one of the names."""

    def check(value: str) -> str:
        if value not in names:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(names)}")
        return value

    return check


Voices = Annotated[
    int | None,
    typer.Option(
        "--voices",
        "-n",
        callback=within(1, MOST_VOICES, ": hardly a partial of more voices lies apart"),
        metavar="N",
        help=f"How many people (or parts) sing, 1 to {MOST_VOICES}; of more, hardly a partial lies apart, "
        "and beyond 8 separation is rough. Default: decided from the recording.",
    ),
]
Start = Annotated[
    float,
    typer.Option(
        "--start",
        parser=seconds,
        metavar="TIME",
        callback=not_negative,
        help="Begin at this time: seconds, 1:30 or 1:02:03.",
    ),
]
Duration = Annotated[
    float | None,
    typer.Option(
        "--duration",
        parser=seconds,
        metavar="TIME",
        callback=positive,
        help="Stop after this time: seconds, 1:30 or 1:02:03. Default: at the end.",
    ),
]
AssignOption = Annotated[
    Assign,
    typer.Option(
        "--assign",
        rich_help_panel=MODEL,
        help="How pitches become voices: by notes, range and timbre; by height; or the paper's rule.",
    ),
]
Refine = Annotated[
    int,
    whole_number(
        "--refine",
        0,
        MOST_REFINE,
        "How often the pitch of each voice is refined, once the tracks of all are known; 0 is fastest.",
        MODEL,
    ),
]
Adapt = Annotated[
    int | None,
    whole_number(
        "--adapt",
        0,
        MOST_STEPS,
        "Optimisation steps on the recording itself: more is slower and can be better; 0 is fastest. "
        f"Default: {AdaptSettings.steps}.",
        MODEL,
        metavar="STEPS",
    ),
]
Model = Annotated[Path | None, model_file("--model", "Model", "fit")]
PitchModel = Annotated[Path | None, model_file("--pitch-model", "Pitch network", "train pitch")]
RefinerModel = Annotated[Path | None, model_file("--refiner-model", "F0 refinement", "train refiner")]
PostfilterModel = Annotated[Path | None, model_file("--postfilter-model", "Post-filter", "train postfilter")]
DeviceOption = Annotated[
    Device,
    typer.Option("--device", rich_help_panel=RUN, help="Where to compute; auto takes a GPU if there is one."),
]
Seed = Annotated[
    int,
    whole_number("--seed", 0, LARGEST_SEED, "Same input, same seed, same output.", RUN),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", "-y", rich_help_panel=RUN, help="Replace files that are already there.")
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        rich_help_panel=RUN,
        help="Refuse a recording that ends earlier than it says, instead of going on with what is there.",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", rich_help_panel=RUN, callback=silence, help="Print errors only."),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", rich_help_panel=RUN, help="Print one JSON document to standard output and nothing else."
    ),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", rich_help_panel=RUN, help="Go on where Ctrl-C stopped the same training."),
]
TrainedModel = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="FILE", help="The model file to write.", show_default=False),
]
Minutes = Annotated[
    float,
    typer.Option("--minutes", metavar="M", callback=positive, help="How long to learn, singing not counted."),
]
Singers = Annotated[
    int,
    whole_number("--singers", 1, 1_000_000, "Synthetic quartets to sing and learn from."),
]
Examples = Annotated[
    int,
    whole_number("--examples", 1, 1_000_000, "Mixtures of them to listen to, before learning."),
]
Workers = Annotated[
    int,
    whole_number("--workers", 1, 256, "Processes that sing at once.", RUN),
]
StartFrom = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Go on from this model instead of anew.", show_default=False),
]
Meetings = Annotated[
    float,
    typer.Option(
        "--meetings",
        min=0.0,
        max=1.0,
        metavar="SHARE",
        help="Share of the quartets whose voices cross, join in unison, and share a range.",
    ),
]
Chorales = Annotated[
    bool | None,
    typer.Option(
        "--chorales/--no-chorales",
        help="Sing Bach's chorales, too (extra \\[score]). Default: where music21 is installed.",
        show_default=False,
    ),
]
