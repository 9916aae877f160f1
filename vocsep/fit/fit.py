"""`vocsep fit`: learn a model from a folder of mixtures, with stems or without.

The F0 of each recording is found once (`vocsep.fit.recordings`), excerpts are drawn and some held out
(`vocsep.training.excerpt_pool`), and the estimator learns to explain them (`vocsep.training.loop`). What was
reached survives an interruption (`vocsep.training.run`).
"""

from collections.abc import Callable
from pathlib import Path

from vocsep.errors import Interrupted, ModelError, SettingsError
from vocsep.fit.learners import learner_of
from vocsep.fit.recordings import CACHE_FOLDER, PitchStage, Recordings, digest, gather
from vocsep.fit.result import FitProgress, FitResult
from vocsep.fit.run import FitRun
from vocsep.fit.settings import FitSettings
from vocsep.model import pick_device, shipped_model
from vocsep.pitch.estimate import PitchEstimator
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
        ModelError: the output is there already, or there is no checkpoint to resume.
        SettingsError: a setting does not fit, stems lack that are needed, or training diverges.
        Interrupted: stopped by the user; the message says how to go on.
    """
    settings = settings or FitSettings()
    stored = find_checkpoint(output, "fit", resume, overwrite)
    if stored is not None:
        settings = settings.over(FitSettings.from_checkpoint(stored.settings["fit"], str(stored.path)))
    learner = learner_of(settings, stored)
    tell = progress or (lambda at: None)
    try:
        recordings = _recordings(folder, output, settings, tell)
    except KeyboardInterrupt as stop:
        done = "the recordings that are done are kept, the same command goes on"
        raise Interrupted(f"stopped while F0 was estimated; {done}") from stop
    run = FitRun(output, settings, learner, recordings)
    if stored is not None:
        run.restore(stored)
    again = ["vocsep", "fit", str(folder), "-o", str(output), "--resume"]
    return run.complete(again, tell)


def _recordings(
    folder: Path, output: Path, settings: FitSettings, tell: Callable[[FitProgress], None]
) -> Recordings:
    model = Path(settings.pitch_model) if settings.pitch_model else shipped_model("pitch")
    if not model.is_file():
        raise ModelError(f"{model}: there is no such pitch model")

    refined = f"{digest(shipped_model('refiner'))} {settings.refine}" if settings.refine else "0"

    def make_pitch() -> PitchStage:
        device = str(pick_device(settings.device))
        return PitchEstimator(model, device=device, assign=settings.assign, refine=settings.refine)

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
    )
    for name in settings.naming().get("decoders", ()):
        if name not in recordings.parts:
            there = (
                f"there are those of {', '.join(recordings.parts)}" if recordings.parts else "there is none"
            )
            raise SettingsError(f"per_voice_decoders: {folder} has no stem of {name} to learn from; {there}")
    return recordings
