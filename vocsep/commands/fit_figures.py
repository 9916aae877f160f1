"""What ``vocsep fit`` and ``vocsep train`` say while they learn, and what a fit says when it is done."""

import math
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vocsep.commands.screen import ProgressCallback, Screen
    from vocsep.fit.result import FitProgress, FitResult
    from vocsep.fit.song_reader import Taken
    from vocsep.training.schedule import Progress

STAGES = {"recordings": "finding pitches", "training": "learning"}
ENDED = {
    "steps": "all steps done",
    "time": "the time is up",
    "no improvement": "it got no better any more",
}
CALLED = {"mixture": "mixtures", "sources": "stems"}


def tell(progress: "ProgressCallback", at: "FitProgress") -> None:
    """Where a fit stands, in one line."""
    stage = STAGES.get(at.stage, at.stage)
    if at.training is None:
        progress(stage, at.share_done, at.text)
        return
    progress(stage, at.share_done, figures(at.training))


def figures(at: "Progress") -> str:
    """Losses of a training and the time that is left."""
    known = []
    if math.isfinite(at.loss):
        known.append(f"loss {at.loss:.3f}")
    if math.isfinite(at.best):
        known.append(f"best {at.best:.3f}")
    if at.seconds_left is not None:
        known.append(f"{_time(at.seconds_left)} left")
    return ", ".join(known)


def _time(seconds: float) -> str:
    from vocsep.pictures.pitch import clock

    return clock(seconds)


def show(screen: "Screen", result: "FitResult") -> None:
    """What a fit learned from, what it reached and how to use it."""
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
    for line in with_stems(result.taken):
        screen.line(f"{'with stems':18s}{line}")
    screen.line(
        f"held-out loss     {result.start_loss:.3f} ({result.started_from}) -> {result.best_loss:.3f}"
    )
    if "sources" in result.best_losses:
        for kind, loss in result.best_losses.items():
            screen.line(f"  of {CALLED[kind]:13s} {result.start_losses[kind]:.3f} -> {loss:.3f}")
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


def with_stems(taken: "Sequence[Taken]") -> list[str]:
    """One line for each recording with stems: what it is and which file is which voice."""
    lines = []
    for song in taken:
        if song.kind == "voice alone":
            lines.append(f"{song.name}: a voice alone, {', '.join(song.stems.values())}")
        elif song.stems:
            files = ", ".join(f"{voice} {file}" for voice, file in song.stems.items())
            lines.append(f"{song.name}: {len(song.stems)} of {song.voices} voices by {song.told_by}: {files}")
    return lines
