"""Options of ``vocsep edit``: which voice, and how it should sound."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from vocsep.commands.options import MODEL, OUTPUT

CHANGE = "What changes"


class Retune(str, Enum):
    equal = "equal"
    just = "just"


Source = Annotated[
    Path,
    typer.Argument(
        metavar="STEMS|RECORDING",
        help="A folder of stems that [bold]vocsep separate[/bold] wrote, or a recording to separate.",
        show_default=False,
    ),
]
Voice = Annotated[
    str,
    typer.Option("--voice", metavar="NAME", help="Which voice: its name, or its number.", show_default=False),
]
EditedFolder = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="FOLDER", rich_help_panel=OUTPUT, help="Where the voice and the mix go."
    ),
]
Transpose = Annotated[
    float,
    typer.Option(
        "--transpose", metavar="SEMITONES", rich_help_panel=CHANGE, help="Higher or lower, -12 to 12."
    ),
]
RetuneOption = Annotated[
    Retune | None,
    typer.Option(
        "--retune",
        rich_help_panel=CHANGE,
        help="Move every note to the choir's own equal temperament, or to just intonation with others.",
        show_default=False,
    ),
]
Share = Annotated[
    float,
    typer.Option("--share", metavar="0..1", rich_help_panel=CHANGE, help="How far --retune moves the notes."),
]
Vibrato = Annotated[
    float,
    typer.Option(
        "--vibrato", metavar="FACTOR", rich_help_panel=CHANGE, help="0 takes it away, 2 doubles it."
    ),
]
Formants = Annotated[
    float,
    typer.Option(
        "--formants",
        metavar="FACTOR",
        rich_help_panel=CHANGE,
        help="Above 1 a smaller singer, below a bigger one.",
    ),
]
Resynthesis = Annotated[
    bool,
    typer.Option(
        "--resynthesis",
        rich_help_panel=CHANGE,
        help="Let the source model sing the voice, instead of changing the recorded one.",
    ),
]
F0File = Annotated[
    Path | None,
    typer.Option(
        "--f0",
        metavar="CSV",
        rich_help_panel=MODEL,
        help="The pitches of the voices. Default: estimated from the stems.",
    ),
]
