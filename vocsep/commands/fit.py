"""``vocsep fit``: learn from a folder of recordings, and nothing but these recordings."""

import math
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vocsep.commands import options
from vocsep.commands.options import MODEL, OUTPUT, RUN, positive, within

if TYPE_CHECKING:
    from vocsep.commands.screen import ProgressCallback, Screen
    from vocsep.fit import FitProgress, FitResult
    from vocsep.fit_settings import FitSettings

MOST_STEPS = 100_000_000
STAGES = {"recordings": "finding pitches", "training": "learning"}
ENDED = {
    "steps": "all steps done",
    "time": "the time is up",
    "no improvement": "it got no better any more",
}


def fit(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Recordings of the choir, in this folder and below.", show_default=False
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
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME",
            rich_help_panel=MODEL,
            help="comb (default; quick) or paper (the network of the paper, slow).",
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
    """Learn from your own recordings; no isolated voices are needed. Ctrl-C saves and says how to go on.

    Example: [bold]vocsep fit ./my_choir_recordings -n 4 --minutes 30[/bold]
    """
    given = {
        "voices": voices,
        "preset": preset,
        "steps": steps,
        "minutes": minutes,
        "device": device.value if device else None,
        "seed": seed,
    }
    settings = _settings(config, {name: value for name, value in given.items() if value is not None})
    target = output or Path(f"{folder.resolve().name or 'model'}.safetensors")

    from vocsep.commands.screen import Screen
    from vocsep.fit import fit as learn

    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.progress(target.stem) as progress:
        result = learn(
            folder,
            target,
            settings,
            resume=resume,
            overwrite=overwrite,
            progress=lambda at: _tell(progress, at),
        )
    _show(screen, result)
    screen.document(result.to_dict())


def _settings(config: Path | None, given: dict[str, Any]) -> "FitSettings":
    """Settings of the file with those of the command line over them.

    Raises:
        SettingsError: an unknown name, or a value out of bounds.
    """
    from vocsep.fit_settings import FitSettings

    settings = FitSettings.from_yaml(config) if config else FitSettings()
    if "steps" in given and "minutes" not in given and settings.minutes == FitSettings().minutes:
        given = given | {"minutes": None}  # whoever counts steps does not want the clock to end it
    return replace(settings, **given)


def _tell(progress: "ProgressCallback", at: "FitProgress") -> None:
    stage = STAGES.get(at.stage, at.stage)
    if at.training is None:
        progress(stage, at.share_done, at.text)
        return
    now = at.training
    figures = []
    if math.isfinite(now.loss):
        figures.append(f"loss {now.loss:.3f}")
    if math.isfinite(now.best):
        figures.append(f"best {now.best:.3f}")
    if now.seconds_left is not None:
        figures.append(f"{_time(now.seconds_left)} left")
    progress(stage, at.share_done, ", ".join(figures))


def _time(seconds: float) -> str:
    from vocsep.report import clock

    return clock(seconds)


def _show(screen: "Screen", result: "FitResult") -> None:
    for line in result.passed_over:
        screen.warn(f"not used: {line}")
    for warning in result.warnings:
        screen.warn(warning)
    counts = " and ".join(
        f"{recordings} with {voices} voice{'s' if voices > 1 else ''}"
        for voices, recordings in result.voices.items()
    )
    screen.line(f"{result.path}", style="bold")
    screen.line(f"learned from      {counts}, {_time(result.recorded_seconds)} in all")
    screen.line(
        f"held-out loss     {result.start_loss:.3f} ({result.started_from}) -> {result.best_loss:.3f}"
    )
    screen.line(
        f"steps             {result.steps} in {_time(result.seconds)}, best at {result.best_step}; "
        f"ended because {ENDED.get(result.ended, result.ended)}"
    )
    voices = max(result.voices, key=lambda count: result.voices[count], default=4)
    command = [
        "vocsep",
        "separate",
        "my_recording.wav",
        "-n",
        str(voices),
        "--model",
        str(result.path),
        "-o",
        "stems/",
    ]
    screen.line(f"use it            {shlex.join(command)}")
