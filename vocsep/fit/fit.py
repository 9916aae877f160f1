"""`vocsep fit`: learn a model from a folder of mixtures, with stems or without.

The F0 of each recording is found once (`vocsep.fit.recordings`), excerpts are drawn and some held out
(`vocsep.training.excerpt_pool`), and the estimator learns to explain them (`vocsep.training.loop`). What was
reached survives an interruption (`vocsep.training.run`).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vocsep.errors import Interrupted, ModelError, SettingsError
from vocsep.fit.learners import learner_of
from vocsep.fit.recordings import CACHE_FOLDER, PitchStage, Recordings, digest, gather
from vocsep.fit.result import FitProgress, FitResult
from vocsep.fit.run import FitRun
from vocsep.fit.settings import FitSettings
from vocsep.media.locking import locked_output
from vocsep.model import StoredModel, pick_device, shipped_model
from vocsep.pitch.estimate import PitchEstimator
from vocsep.training.processes import Processes, joined
from vocsep.training.run import checkpoint_of, find_checkpoint

__all__ = ["FitProgress", "FitResult", "FitSettings", "checkpoint_of", "fit"]


def fit(
    folder: Path,
    output: Path,
    settings: FitSettings | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Callable[[FitProgress], None] | None = None,
) -> FitResult:
    """Train an estimator on all recordings below a folder and write the model.

    Args:
        folder: mixtures; nothing else is needed. Stems and voices alone are used too (`vocsep.fit.songs`).
        output: the model to write. The cache and the checkpoint are made beside it.
        settings: with ``resume``, those that differ from their default replace what the checkpoint says.
        resume: go on with the checkpoint of this output.
        overwrite: replace a model or a checkpoint that is already there.
        progress: told often; may raise `KeyboardInterrupt` to stop the fit.

    Raises:
        AudioError: nothing in the folder can be used.
        ModelError: the output is there already, or another run makes it, or there is no checkpoint to resume.
        SettingsError: a setting does not fit, stems lack that are needed, or training diverges.
        Interrupted: stopped by the user; the message says how to go on.
    """
    settings, tell = settings or FitSettings(), progress or (lambda at: None)
    hold = locked_output(output, output.parent / CACHE_FOLDER)
    with joined(pick_device(settings.device)) as processes, processes.held_by_leader(hold):
        stored = processes.after_leader(lambda: find_checkpoint(output, "fit", resume, overwrite))
        if stored is not None:
            known = FitSettings.from_checkpoint(stored.settings["fit"], str(stored.path))
            settings = settings.over(known)
        return _fit(folder, output, settings, stored, tell, processes)


def _fit(
    folder: Path,
    output: Path,
    settings: FitSettings,
    stored: StoredModel | None,
    tell: Callable[[FitProgress], None],
    processes: Processes,
) -> FitResult:
    learner = processes.after_leader(lambda: learner_of(settings, stored))
    if processes.size > 1:
        learner = replace(learner, device=processes.device)
    try:
        recordings = _recordings(folder, output, settings, tell, processes)
    except KeyboardInterrupt as stop:
        done = "the recordings that are done are kept, the same command goes on"
        raise Interrupted(f"stopped while F0 was estimated; {done}") from stop
    run = FitRun(output, settings, learner, recordings, processes)
    if stored is not None:
        run.restore(stored)
    again = processes.command(["fit", str(folder), "-o", str(output), "--resume"])
    return run.complete(again, tell)


def _recordings(
    folder: Path,
    output: Path,
    settings: FitSettings,
    tell: Callable[[FitProgress], None],
    processes: Processes,
) -> Recordings:
    model = Path(settings.pitch_model) if settings.pitch_model else shipped_model("pitch")
    if not model.is_file():
        raise ModelError(f"{model}: there is no such pitch model")

    refined = f"{digest(shipped_model('refiner'))} {settings.refine}" if settings.refine else "0"

    device = pick_device(settings.device) if processes.size == 1 else processes.device

    def make_pitch() -> PitchStage:
        return PitchEstimator(model, device=str(device), assign=settings.assign, refine=settings.refine)

    recordings = gather(
        folder,
        output.parent / CACHE_FOLDER,
        make_pitch,
        f"{digest(model)} {settings.assign} {refined}",
        voices=settings.voices,
        seconds=settings.seconds,
        supervision=settings.supervision,  # type: ignore[arg-type]  # checked by the settings
        names=settings.names,
        progress=lambda text, done: tell(FitProgress("recordings", done, text)),
        processes=processes,
    )
    for name in settings.naming().get("decoders", ()):
        if name not in recordings.parts:
            there = (
                f"there are those of {', '.join(recordings.parts)}" if recordings.parts else "there is none"
            )
            raise SettingsError(f"per_voice_decoders: {folder} has no stem of {name} to learn from; {there}")
    return recordings
