"""``vocsep train-pitch``: make the pitch network again, from synthetic singing."""

from vocsep.commands import options


def train_pitch(
    output: options.TrainedModel,
    minutes: options.Minutes = 60.0,
    singers: options.Singers = 1600,
    start: options.StartFrom = None,
    chorales: options.Chorales = None,
    meetings: options.Meetings = 0.0,
    workers: options.Workers = 2,
    seed: options.Seed = 1,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Train the network that finds pitches on synthetic singing. Few people need this: one is shipped."""
    from vocsep.commands.inputs import refuse_existing
    from vocsep.commands.screen import Screen

    refuse_existing([output], overwrite)
    screen = Screen(quiet=quiet)
    from vocsep.training.pitch import train_pitch as train
    from vocsep.training.pitch_learning import TrainingProgress

    with screen.progress(output.name) as progress:
        progress("singing", 0.0)

        def learned(at: TrainingProgress) -> None:
            progress("learning", at.share)

        written = train(
            output,
            minutes=minutes,
            seed=seed,
            singers=singers,
            workers=workers,
            start=start,
            chorales=chorales,
            meetings=meetings,
            progress=learned,
        )
    screen.line(f"{written}: trained for {minutes:g} minutes on {singers} synthetic quartets")
    screen.line(f"use it:  vocsep separate my_recording.wav -n 4 --pitch-model {written}")
