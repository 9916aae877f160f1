"""``vocsep train-postfilter``: make the network that corrects the masks again, from synthetic singing."""

from typing import Annotated

import typer

from vocsep.commands import options


def train_postfilter(
    output: options.TrainedModel,
    minutes: options.Minutes = 60.0,
    singers: options.Singers = 400,
    examples: Annotated[
        int,
        typer.Option(
            "--examples",
            callback=options.within(1, 1_000_000),
            metavar="N",
            help="Mixtures of them to separate, before learning (about 2.5 MB of memory each).",
        ),
    ] = 1500,
    pitch_model: options.PitchModel = None,
    model: options.Model = None,
    start: options.StartFrom = None,
    chorales: options.Chorales = None,
    workers: options.Workers = 2,
    seed: options.Seed = 1,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Train the post-filter on what separation gets wrong. Few people need this: one is shipped."""
    from vocsep.commands.inputs import refuse_existing
    from vocsep.commands.screen import Screen

    refuse_existing([output], overwrite)
    screen = Screen(quiet=quiet)
    from vocsep.training.postfilter import train_postfilter as train

    with screen.progress(output.name) as progress:
        progress("singing", 0.0)
        written = train(
            output,
            minutes=minutes,
            seed=seed,
            singers=singers,
            examples=examples,
            workers=workers,
            pitch_model=pitch_model,
            model=model,
            start=start,
            chorales=chorales,
            progress=lambda stage, at: progress(stage, at.share),
        )
    screen.line(f"{written}: trained for {minutes:g} minutes on {examples} mixtures")
    screen.line(f"use it:  vocsep separate my_recording.wav -n 4 --postfilter-model {written}")
