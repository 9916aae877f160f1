"""``vocsep train``: make the networks again that vocsep ships, from synthetic singing."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vocsep.commands import options
from vocsep.errors import SettingsError
from vocsep.training.settings import DEFAULTS, TrainingSettings

if TYPE_CHECKING:
    from vocsep.training.schedule import Progress

PANEL = "For researchers"
PITCH, REFINER, VOICES, POSTFILTER = (DEFAULTS[name] for name in ("pitch", "refiner", "voices", "postfilter"))
# Option of `vocsep separate` that takes the model.
USED_BY = {
    "pitch": "--pitch-model",
    "refiner": "--refiner-model",
    "voices": "--model",
    "postfilter": "--postfilter-model",
}

app = typer.Typer(name="train")


@app.callback(invoke_without_command=True)
def train_command(context: typer.Context) -> None:
    """Make a network that vocsep ships again, from synthetic singing. Few people need this.

    Ctrl-C saves what was learned and says how to go on.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@app.command("pitch")
def pitch(
    output: options.TrainedModel,
    minutes: options.Minutes = PITCH.minutes,
    singers: options.Singers = PITCH.singers,
    start: options.StartFrom = PITCH.start,
    chorales: options.Chorales = PITCH.chorales,
    meetings: options.Meetings = PITCH.meetings,
    resume: options.Resume = False,
    workers: options.Workers = PITCH.workers,
    seed: options.Seed = PITCH.seed,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """The network that finds pitches."""
    chosen = TrainingSettings(minutes, singers, start=start, chorales=chorales, workers=workers, seed=seed)
    chosen = replace(chosen, meetings=meetings)
    _train("pitch", output, chosen, resume, overwrite, quiet)


@app.command("refiner")
def refiner(
    output: options.TrainedModel,
    minutes: options.Minutes = REFINER.minutes,
    singers: options.Singers = REFINER.singers,
    examples: options.Examples = REFINER.examples,
    pitch_model: options.PitchModel = REFINER.pitch_model,
    start: options.StartFrom = REFINER.start,
    chorales: options.Chorales = REFINER.chorales,
    meetings: options.Meetings = REFINER.meetings,
    resume: options.Resume = False,
    workers: options.Workers = REFINER.workers,
    seed: options.Seed = REFINER.seed,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """The network of the F0 refinement: it learns from what the first estimate gets wrong."""
    chosen = TrainingSettings(minutes, singers, examples, None, seed, workers, chorales, start, pitch_model)
    chosen = replace(chosen, meetings=meetings)
    _train("refiner", output, chosen, resume, overwrite, quiet)


@app.command("voices")
def voices(
    output: options.TrainedModel,
    minutes: options.Minutes = VOICES.minutes,
    singers: options.Singers = VOICES.singers,
    start: options.StartFrom = VOICES.start,
    resume: options.Resume = False,
    workers: options.Workers = VOICES.workers,
    seed: options.Seed = VOICES.seed,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """The estimator of the source models, unsupervised. [bold]vocsep fit[/bold] starts from its weights."""
    chosen = TrainingSettings(minutes, singers, start=start, workers=workers, seed=seed)
    _train("voices", output, chosen, resume, overwrite, quiet)


@app.command("postfilter")
def postfilter(
    output: options.TrainedModel,
    minutes: options.Minutes = POSTFILTER.minutes,
    singers: options.Singers = POSTFILTER.singers,
    examples: options.Examples = POSTFILTER.examples,
    pitch_model: options.PitchModel = POSTFILTER.pitch_model,
    model: options.Model = POSTFILTER.model,
    start: options.StartFrom = POSTFILTER.start,
    chorales: options.Chorales = POSTFILTER.chorales,
    resume: options.Resume = False,
    workers: options.Workers = POSTFILTER.workers,
    seed: options.Seed = POSTFILTER.seed,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """The network that corrects masks: it learns from what separation gets wrong (2.5 MB an example)."""
    chosen = TrainingSettings(
        minutes, singers, examples, None, seed, workers, chorales, start, pitch_model, model
    )
    _train("postfilter", output, chosen, resume, overwrite, quiet)


def _train(
    name: str, output: Path, settings: TrainingSettings, resume: bool, overwrite: bool, quiet: bool
) -> None:
    from vocsep.commands.fit_figures import figures
    from vocsep.commands.inputs import refuse_existing
    from vocsep.commands.screen import Screen

    refuse_existing([output], overwrite or resume)
    screen = Screen(quiet=quiet)
    from vocsep.training.train import train

    recipe = getattr(import_module(f"vocsep.training.{name}"), name.upper())
    with screen.progress(output.name) as progress:

        def tell(stage: str, share: float, at: "Progress | None") -> None:
            progress(stage, share, figures(at) if at is not None else "")

        result = train(recipe, output, settings, resume=resume, overwrite=overwrite, progress=tell)
    screen.line(
        f"{result.path}: {result.at.step} steps, best at {result.at.best_step}, "
        f"held-out loss {result.at.best:.3f}"
    )
    screen.line(f"use it:  vocsep separate my_recording.wav -n 4 {USED_BY[name]} {result.path}")


def renamed(name: str) -> Callable[[], Any]:
    """The command that ``vocsep train`` has replaced: it says so, whatever follows it."""

    def answer() -> None:
        raise SettingsError(f"train-{name}: is called 'vocsep train {name}' now")

    return answer
