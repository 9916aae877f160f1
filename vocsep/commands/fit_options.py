"""The options of ``vocsep fit``; defaults that they tell are those of `vocsep.fit.settings.FitSettings`."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from vocsep.commands import options
from vocsep.commands.options import MODEL, OUTPUT, RUN, positive, within
from vocsep.fit.settings import NETWORKS, QUARTET, FitSettings

MOST_STEPS = 100_000_000
STEMS = "Stems"
DEFAULT = FitSettings()


class Learned(str, Enum):
    """What learns."""

    source_filter = "source-filter"
    unet = "unet"


Folder = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER",
        help="Recordings of the choir, in this folder and below. A folder stems/ beside a recording "
        "holds single voices of it.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        rich_help_panel=OUTPUT,
        help="The model file. Default: <folder name>.safetensors here.",
        show_default=False,
    ),
]
Supervised = Annotated[
    bool, typer.Option("--supervised", rich_help_panel=STEMS, help="Learn from stems and nothing else.")
]
Unsupervised = Annotated[
    bool,
    typer.Option("--unsupervised", rich_help_panel=STEMS, help="Learn from mixtures and ignore stems."),
]
Names = Annotated[
    str | None,
    typer.Option(
        "--names",
        metavar="A,B,...",
        rich_help_panel=STEMS,
        help=f"Names of the voices, the highest first, as stems are called. Default: {','.join(QUARTET)}.",
        show_default=False,
    ),
]
PerVoiceDecoders = Annotated[
    str | None,
    typer.Option(
        "--per-voice-decoders",
        metavar="A,B,...",
        rich_help_panel=STEMS,
        help="Voices, by name, that are learned apart from the others, each from its own stems.",
        show_default=False,
    ),
]
Method = Annotated[
    Learned | None,
    typer.Option(
        "--method",
        rich_help_panel=MODEL,
        help="source-filter: the paper's model. unet: the U-Net with F0 control that it is compared with; "
        f"supervised, needs stems. Default: {DEFAULT.method}.",
        show_default=False,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        rich_help_panel=MODEL,
        help="comb (quick) or paper (the network of the paper, slow); for the U-Net small or published. "
        f"Default: {NETWORKS['source-filter']}, of the U-Net {NETWORKS['unet']}.",
        show_default=False,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps",
        callback=within(1, MOST_STEPS),
        metavar="N",
        help="Stop after this many optimisation steps.",
        show_default=False,
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes",
        metavar="M",
        callback=positive,
        help=f"Stop after this time of learning. Default: {DEFAULT.minutes:g}, unless --steps is given.",
        show_default=False,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="YAML",
        rich_help_panel=RUN,
        help="File with any of the settings, as [bold]batch: 16[/bold]; options given here win.",
    ),
]
Device = Annotated[
    options.Device | None,
    typer.Option(
        "--device",
        rich_help_panel=RUN,
        help=f"Where to compute; auto takes a GPU if there is one. Default: {DEFAULT.device}.",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        callback=within(0, options.LARGEST_SEED),
        metavar="N",
        rich_help_panel=RUN,
        help=f"Decides what is drawn at random. Default: {DEFAULT.seed}.",
        show_default=False,
    ),
]
