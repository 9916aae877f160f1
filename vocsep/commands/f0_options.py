"""Options of ``vocsep f0``: what is written, and by which method pitches are found."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from vocsep.commands.options import MODEL, OUTPUT


class Method(str, Enum):
    salience = "salience"
    crepe = "crepe"


class Format(str, Enum):
    csv = "csv"
    mirex = "mirex"
    json = "json"
    midi = "midi"
    musicxml = "musicxml"
    svl = "svl"
    tony = "tony"
    pitchtier = "pitchtier"
    audacity = "audacity"
    jams = "jams"


Recordings = Annotated[
    list[str],
    typer.Argument(
        metavar="RECORDING",
        help="An audio file; or several, and folders of them, also in a store, as s3://choirs/1998.",
        show_default=False,
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        rich_help_panel=OUTPUT,
        help="Write the pitches: time,voice_1,... in Hz, empty = silent. "
        "[bold]vocsep separate --f0[/bold] reads this, after your corrections too. "
        "Of several recordings a folder, which gets a file for each.",
    ),
]
OutputFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        rich_help_panel=OUTPUT,
        help="Of that file: csv, mirex, json; notes as midi, musicxml, jams; for each voice svl, tony, "
        "pitchtier, audacity. Default: by its ending. json without -o is printed.",
        show_default=False,
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot", metavar="FILE", rich_help_panel=OUTPUT, help="Write the picture as .png, .svg or .pdf."
    ),
]
Names = Annotated[
    str | None,
    typer.Option(
        "--names",
        metavar="A,B,...",
        rich_help_panel=OUTPUT,
        help="Names of the voices from the highest (by its median pitch) down, in table and file.",
    ),
]
MethodOption = Annotated[
    Method,
    typer.Option(
        "--method", rich_help_panel=MODEL, help="crepe: for a single voice, needs the extra vocsep\\[crepe]."
    ),
]
