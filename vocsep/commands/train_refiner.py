"""``vocsep train-refiner``: make the network of the F0 refinement again, from synthetic singing."""

from typing import Annotated

import typer

from vocsep.commands import options


def train_refiner(
    output: options.TrainedModel,
    minutes: options.Minutes = 40.0,
    singers: options.Singers = 1600,
    examples: Annotated[
        int,
        typer.Option(
            "--examples",
            callback=options.within(1, 1_000_000),
            metavar="N",
            help="Mixtures of them to listen to, before learning.",
        ),
    ] = 2000,
    pitch_model: options.PitchModel = None,
    start: options.StartFrom = None,
    chorales: options.Chorales = None,
    meetings: options.Meetings = 0.0,
    workers: options.Workers = 2,
    seed: options.Seed = 1,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Train the F0 refinement on what the first one gets wrong. Few people need this: one is shipped."""
    from vocsep.commands.inputs import refuse_existing
    from vocsep.commands.screen import Screen

    refuse_existing([output], overwrite)
    screen = Screen(quiet=quiet)
    from vocsep.training.refiner import train_refiner as train

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
            start=start,
            chorales=chorales,
            meetings=meetings,
            progress=lambda stage, at: progress(stage, at.share),
        )
    screen.line(f"{written}: trained for {minutes:g} minutes on {examples} mixtures")
    screen.line(f"use it:  vocsep separate my_recording.wav -n 4 --refiner-model {written}")
