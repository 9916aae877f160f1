"""``vocsep fit``: learn from a folder of recordings, with stems of them or without."""

from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vocsep.commands import options
from vocsep.commands.inputs import read_names
from vocsep.commands.options import MODEL, OUTPUT, RUN, positive, within

if TYPE_CHECKING:
    from vocsep.fit.settings import FitSettings

MOST_STEPS = 100_000_000
STEMS = "Stems"


class Learned(str, Enum):
    """What learns."""

    source_filter = "source-filter"
    unet = "unet"


def fit(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Recordings of the choir, in this folder and below. A folder stems/ beside a recording "
            "holds single voices of it.",
            show_default=False,
        ),
    ],
    voices: options.Voices = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="The model file. Default: <folder name>.safetensors here.",
            show_default=False,
        ),
    ] = None,
    supervised: Annotated[
        bool, typer.Option("--supervised", rich_help_panel=STEMS, help="Learn from stems and nothing else.")
    ] = False,
    unsupervised: Annotated[
        bool,
        typer.Option("--unsupervised", rich_help_panel=STEMS, help="Learn from mixtures and ignore stems."),
    ] = False,
    names: Annotated[
        str | None,
        typer.Option(
            "--names",
            metavar="A,B,...",
            rich_help_panel=STEMS,
            help="Names of the voices, the highest first, as stems are called. "
            "Default: soprano,alto,tenor,bass.",
            show_default=False,
        ),
    ] = None,
    per_voice_decoders: Annotated[
        str | None,
        typer.Option(
            "--per-voice-decoders",
            metavar="A,B,...",
            rich_help_panel=STEMS,
            help="Voices, by name, that are learned apart from the others, each from its own stems.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        Learned | None,
        typer.Option(
            "--method",
            rich_help_panel=MODEL,
            help="source-filter (default): the paper's model. unet: the U-Net with F0 control that it is "
            "compared with; supervised, needs stems.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME",
            rich_help_panel=MODEL,
            help="comb (default; quick) or paper (the network of the paper, slow). For the U-Net: "
            "small (default) or published.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            callback=within(1, MOST_STEPS),
            metavar="N",
            help="Stop after this many optimisation steps.",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            metavar="M",
            callback=positive,
            help="Stop after this time of learning. Default: 20, unless --steps is given.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="YAML",
            rich_help_panel=RUN,
            help="File with any of the settings, as [bold]batch: 16[/bold]; options given here win.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=RUN, help="Go on where Ctrl-C stopped the same fit.")
    ] = False,
    device: Annotated[
        options.Device | None,
        typer.Option(
            "--device",
            rich_help_panel=RUN,
            help="Where to compute. Default: auto, a GPU if there is one.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            callback=within(0, options.LARGEST_SEED),
            metavar="N",
            rich_help_panel=RUN,
            help="Decides what is drawn at random. Default: 0.",
            show_default=False,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Learn from your own recordings; isolated voices are not needed, but they help.

    Ctrl-C saves what was learned and says how to go on.

    Example: [bold]vocsep fit ./my_choir_recordings -n 4 --minutes 30[/bold]
    """
    given = {
        "voices": voices,
        "supervision": _supervision(supervised, unsupervised),
        "names": read_names(names, voices),
        "per_voice_decoders": read_names(per_voice_decoders, None, "--per-voice-decoders"),
        "method": method.value if method else None,
        "preset": preset,
        "steps": steps,
        "minutes": minutes,
        "device": device.value if device else None,
        "seed": seed,
    }
    settings = _settings(config, {name: value for name, value in given.items() if value is not None})
    target = output or Path(f"{folder.resolve().name or 'model'}.safetensors")

    from vocsep.commands.fit_figures import show, tell
    from vocsep.commands.screen import Screen
    from vocsep.fit.fit import fit as learn

    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.progress(target.stem) as progress:
        result = learn(
            folder,
            target,
            settings,
            resume=resume,
            overwrite=overwrite,
            progress=lambda at: tell(progress, at),
        )
    show(screen, result)
    screen.document(result.to_dict())


def _supervision(supervised: bool, unsupervised: bool) -> str | None:
    if supervised and unsupervised:
        raise typer.BadParameter("--supervised and --unsupervised exclude each other")
    return "full" if supervised else "none" if unsupervised else None


def _settings(config: Path | None, given: dict[str, Any]) -> "FitSettings":
    """Settings of the file with those of the command line over them.

    Raises:
        SettingsError: an unknown name, or a value out of bounds.
    """
    from vocsep.fit.settings import FitSettings

    settings = FitSettings.from_yaml(config) if config else FitSettings()
    if "steps" in given and "minutes" not in given and settings.minutes == FitSettings().minutes:
        given = given | {"minutes": None}  # whoever counts steps does not want the clock to end it
    return replace(settings, **given)
