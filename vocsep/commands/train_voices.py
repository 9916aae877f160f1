"""``vocsep train-voices``: make the shipped estimator again, from synthetic mixtures."""

from vocsep.commands import options


def train_voices(
    output: options.TrainedModel,
    minutes: options.Minutes = 25.0,
    singers: options.Singers = 900,
    workers: options.Workers = 2,
    seed: options.Seed = 1,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Train the estimator on mixtures of synthetic singers, unsupervised. `fit` starts from its weights."""
    from vocsep.commands.inputs import refuse_existing
    from vocsep.commands.screen import Screen

    refuse_existing([output], overwrite)
    screen = Screen(quiet=quiet)
    from vocsep.training.schedule import Progress
    from vocsep.training.voices import train_voices as train

    with screen.progress(output.name) as progress:
        progress("singing", 0.0)

        def learned(at: Progress) -> None:
            progress("learning", at.share_done, f"loss {at.loss:.3f}, best held out {at.best:.3f}")

        trainer = train(output, minutes=minutes, seed=seed, songs=singers, workers=workers, progress=learned)
    screen.line(f"{output}: {trainer.at.step} steps, held-out loss {trainer.at.best:.3f}")
    screen.line(f"use it:  vocsep separate my_recording.wav -n 4 --model {output}")
