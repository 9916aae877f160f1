"""``vocsep train-voices``: make the shipped estimator again, from synthetic mixtures."""

from pathlib import Path
from typing import Annotated

import typer

from vocsep.commands import options
from vocsep.commands.options import RUN, positive, within


def train_voices(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The model file to write.", show_default=False),
    ],
    minutes: Annotated[
        float,
        typer.Option(
            "--minutes", metavar="M", callback=positive, help="How long to learn, singing not counted."
        ),
    ] = 25.0,
    singers: Annotated[
        int,
        typer.Option(
            "--singers",
            callback=within(1, 1_000_000),
            metavar="N",
            help="Synthetic quartets to sing and learn from.",
        ),
    ] = 900,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            callback=within(1, 256),
            metavar="N",
            rich_help_panel=RUN,
            help="Processes that sing at once.",
        ),
    ] = 2,
    seed: options.Seed = 1,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Train the estimator on mixtures of synthetic singers, unsupervised. `fit` starts from its weights."""
    from vocsep.commands.inputs import refuse_existing
    from vocsep.commands.screen import Screen

    refuse_existing([output], overwrite)
    screen = Screen(quiet=quiet)
    from vocsep.schedule import Progress
    from vocsep.voices_training import train_voices as train

    with screen.progress(output.name) as progress:
        progress("singing", 0.0)

        def learned(at: Progress) -> None:
            progress("learning", at.share_done, f"loss {at.loss:.3f}, best held out {at.best:.3f}")

        trainer = train(output, minutes=minutes, seed=seed, songs=singers, workers=workers, progress=learned)
    screen.line(f"{output}: {trainer.at.step} steps, held-out loss {trainer.at.best:.3f}")
    screen.line(f"use it:  vocsep separate my_recording.wav -n 4 --model {output}")
