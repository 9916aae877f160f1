"""Options that several commands share. What is out of bounds is refused here, before any work."""

import math
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vocsep.transcription.score_guide import ScoreGuide

MOST_VOICES = 8
LARGEST_SEED = 2**32 - 1
MOST_REFINE = 10  # refinements; they settle after two or three
MOST_ADAPT = 10_000  # steps; a run of hours on any file

MODEL = "Models and pitches"
OUTPUT = "What is written"
RUN = "How it runs"


class Device(str, Enum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Assign(str, Enum):
    viterbi = "viterbi"
    heuristic = "heuristic"


def within(low: int, high: int) -> Callable[[int | None], int | None]:
    """A check that refuses whole numbers out of bounds and names value and bounds."""

    def check(value: int | None) -> int | None:
        if value is not None and not low <= value <= high:
            raise typer.BadParameter(f"{value} is not within {low} .. {high}")
        return value

    return check


def not_negative(value: float | None) -> float | None:
    """Refuse negative and non-finite times: ``min=0`` alone would let ``nan`` and ``inf`` pass."""
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise typer.BadParameter(f"{value:g} is not a time of 0 or more")
    return value


def positive(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(f"{value:g} is not more than 0")
    return value


def score_guide(score: Path | None, voices: int | None) -> "ScoreGuide | None":
    """What leads the voices along a score, if one is given.

    Raises:
        typer.BadParameter: it has another number of parts than ``voices``, or more than can be told apart.
        SettingsError, DependencyError: it cannot be read.
    """
    if score is None:
        return None
    from vocsep.transcription.score_guide import ScoreGuide
    from vocsep.transcription.score_reading import read_score

    guide = ScoreGuide(read_score(score))
    if voices is not None and voices != guide.voices:
        raise typer.BadParameter(f"--score {score}: has {guide.voices} parts, but -n is {voices}")
    if guide.voices > MOST_VOICES:
        raise typer.BadParameter(
            f"--score {score}: has {guide.voices} parts, at most {MOST_VOICES} are possible"
        )
    return guide


Voices = Annotated[
    int | None,
    typer.Option(
        "--voices",
        "-n",
        callback=within(1, MOST_VOICES),
        metavar="N",
        help=f"How many people (or parts) sing, 1 to {MOST_VOICES}. Default: decided from the recording.",
    ),
]
Start = Annotated[
    float,
    typer.Option("--start", metavar="S", callback=not_negative, help="Begin at this time, in seconds."),
]
Duration = Annotated[
    float | None,
    typer.Option(
        "--duration",
        metavar="S",
        callback=positive,
        help="Stop after this many seconds. Default: at the end.",
    ),
]
AssignOption = Annotated[
    Assign,
    typer.Option(
        "--assign",
        rich_help_panel=MODEL,
        help="How pitches become voices: best path through the whole file, or the paper's rule.",
    ),
]
Refine = Annotated[
    int,
    typer.Option(
        "--refine",
        callback=within(0, MOST_REFINE),
        metavar="N",
        rich_help_panel=MODEL,
        help="How often each voice is looked at again, once the tracks of all are known; 0 is fastest.",
    ),
]
Adapt = Annotated[
    int | None,
    typer.Option(
        "--adapt",
        callback=within(0, MOST_ADAPT),
        metavar="STEPS",
        rich_help_panel=MODEL,
        help="Optimisation steps on the recording itself: more is slower and can be better; 0 is fastest. "
        "Default: 100.",
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="FILE",
        rich_help_panel=MODEL,
        help="Model made by [bold]vocsep fit[/bold]. Default: the shipped one.",
    ),
]
PitchModel = Annotated[
    Path | None,
    typer.Option(
        "--pitch-model",
        metavar="FILE",
        rich_help_panel=MODEL,
        help="Pitch network made by [bold]vocsep train-pitch[/bold]. Default: the shipped one.",
    ),
]
RefinerModel = Annotated[
    Path | None,
    typer.Option(
        "--refiner-model",
        metavar="FILE",
        rich_help_panel=MODEL,
        help="F0 refinement made by [bold]vocsep train-refiner[/bold]. Default: the shipped one.",
    ),
]
PostfilterModel = Annotated[
    Path | None,
    typer.Option(
        "--postfilter-model",
        metavar="FILE",
        rich_help_panel=MODEL,
        help="Post-filter made by [bold]vocsep train-postfilter[/bold]. Default: the shipped one.",
    ),
]
Score = Annotated[
    Path | None,
    typer.Option(
        "--score",
        metavar="FILE",
        rich_help_panel=MODEL,
        help="The score (.mid, .musicxml, .mxl): voices follow their parts. What does not fit is said. "
        "MusicXML needs the extra vocsep\\[score], MIDI vocsep\\[midi].",
    ),
]
DeviceOption = Annotated[
    Device,
    typer.Option("--device", rich_help_panel=RUN, help="Where to compute; auto takes a GPU if there is one."),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed",
        callback=within(0, LARGEST_SEED),
        metavar="N",
        rich_help_panel=RUN,
        help="Same input, same seed, same output.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", "-y", rich_help_panel=RUN, help="Replace files that are already there.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", rich_help_panel=RUN, help="Print errors only.")]
Json = Annotated[
    bool,
    typer.Option(
        "--json", rich_help_panel=RUN, help="Print one JSON document to standard output and nothing else."
    ),
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
    typer.Option(
        "--singers",
        callback=within(1, 1_000_000),
        metavar="N",
        help="Synthetic quartets to sing and learn from.",
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers",
        callback=within(1, 256),
        metavar="N",
        rich_help_panel=RUN,
        help="Processes that sing at once.",
    ),
]
StartFrom = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Go on from this model instead of anew.", show_default=False),
]
Chorales = Annotated[
    bool | None,
    typer.Option(
        "--chorales/--no-chorales",
        help="Sing Bach's chorales, too (extra \\[score]). Default: where music21 is installed.",
        show_default=False,
    ),
]
