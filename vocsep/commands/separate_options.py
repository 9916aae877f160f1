"""Options of ``vocsep separate``: what is written, and how voices are told apart."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import typer

from vocsep.commands.options import MODEL, OUTPUT, among
from vocsep.methods.registry import METHODS
from vocsep.separation.settings import SeparatorSettings


class Filter(str, Enum):
    partials = "partials"
    mask = "mask"


class Format(str, Enum):
    wav = "wav"
    w64 = "w64"
    flac = "flac"
    mp3 = "mp3"
    ogg = "ogg"


class BitDepth(str, Enum):
    sixteen = "16"
    twenty_four = "24"
    float_ = "float"

    @property
    def for_writer(self) -> Literal[16, 24, "float"]:
        depths: dict[str, Literal[16, 24, "float"]] = {"16": 16, "24": 24, "float": "float"}
        return depths[self.value]


Recordings = Annotated[
    list[str],
    typer.Argument(
        metavar="RECORDING",
        help="Audio files, or folders of them; also in a store, as s3://choirs/1998.",
        show_default=False,
    ),
]
StemFolder = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        rich_help_panel=OUTPUT,
        help="Where the stems go; several recordings get a subfolder each.",
    ),
]
Names = Annotated[
    str | None,
    typer.Option(
        "--names",
        metavar="A,B,...",
        rich_help_panel=OUTPUT,
        help="Names of the stems from the highest voice (by its median pitch) down, as "
        "[bold]soprano,alto,tenor,bass[/bold]; with --f0 those of its header. Default: voice_1, voice_2, "
        "..., or the header's.",
    ),
]
Synth = Annotated[
    bool,
    typer.Option("--synth", rich_help_panel=OUTPUT, help="Also write the synthesised voice of each stem."),
]
MinusOne = Annotated[
    bool,
    typer.Option(
        "--minus-one",
        rich_help_panel=OUTPUT,
        help="Also write the recording without each voice, to sing along.",
    ),
]
Practice = Annotated[
    bool,
    typer.Option(
        "--practice",
        rich_help_panel=OUTPUT,
        help="Also write mixes to practise with, for each voice: in front of the others, alone on the left, "
        "and the recording without it.",
    ),
]
Notes = Annotated[
    bool,
    typer.Option(
        "--notes",
        rich_help_panel=OUTPUT,
        help="Also write notes.mid, a track for each voice. Needs the extra vocsep\\[midi].",
    ),
]
Page = Annotated[
    bool,
    typer.Option(
        "--page",
        rich_help_panel=OUTPUT,
        help="Also write a page for the choir, <recording>.html: all voices, with mixer and pitches, in one "
        "file that any browser opens, without network.",
    ),
]
StemFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        rich_help_panel=OUTPUT,
        help="wav becomes RF64 beyond 4 GB. Default: as the recording.",
        show_default=False,
    ),
]
StemDepth = Annotated[
    BitDepth | None,
    typer.Option(
        "--bit-depth",
        rich_help_panel=OUTPUT,
        help="float adds up to the recording exactly. Default: as the recording.",
        show_default=False,
    ),
]
F0File = Annotated[
    Path | None,
    typer.Option(
        "--f0",
        metavar="CSV",
        rich_help_panel=MODEL,
        help="Use these pitches (time,voice_1,... or time,soprano,... in Hz, empty = silent) instead of "
        "estimating them; the columns may stand in any order. "
        "For several recordings: a folder with <recording>.csv for each.",
    ),
]
Postfilter = Annotated[
    bool,
    typer.Option(
        "--postfilter/--no-postfilter",
        rich_help_panel=MODEL,
        help="Correct the masks of the method source-filter by what the recording shows.",
    ),
]
ShareDoubt = Annotated[
    bool,
    typer.Option(
        "--share-doubt/--no-share-doubt",
        rich_help_panel=MODEL,
        help="Where three or more sing and it is not sure who sings what, give each stem its share of both. "
        "Without, each part is in one stem, if in the wrong one.",
    ),
]
FILTER = Filter(SeparatorSettings.filter)
FilterOption = Annotated[
    Filter,
    typer.Option(
        "--filter",
        rich_help_panel=MODEL,
        help="How the method source-filter makes stems. partials: fits the partials of all voices to the "
        "waveform at once. mask: the paper's soft masks alone, a little faster.",
    ),
]
MethodOption = Annotated[
    str,
    typer.Option(
        "--method",
        callback=among(METHODS),
        metavar="NAME",
        rich_help_panel=MODEL,
        help="source-filter: the paper's model, learned. levels: harmonics with levels fitted in closed "
        "form, nothing learned. comb: bare harmonics. nmf, source-filter-nmf: matrix factorisations. "
        "unet: supervised, needs its --model. oracle-...: masks of the true stems, the ceiling.",
    ),
]
TrueStems = Annotated[
    Path | None,
    typer.Option(
        "--stems",
        metavar="FOLDER",
        rich_help_panel=MODEL,
        help="The true stems, in the order of their names from the highest voice down; for the methods "
        "oracle-ratio, oracle-power and oracle-binary.",
        show_default=False,
    ),
]
Spatial = Annotated[
    bool,
    typer.Option(
        "--spatial/--no-spatial",
        rich_help_panel=MODEL,
        help="In a stereo recording, also tell voices apart by where they stand. Does nothing where the "
        "channels are alike.",
    ),
]
