"""What a fit tells while it runs, and what it reached."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from vocsep.fit.recordings import Recordings
from vocsep.fit.settings import FitSettings
from vocsep.fit.song_reader import Taken
from vocsep.training.excerpt_pool import ExcerptPool
from vocsep.training.schedule import Progress


@dataclass(frozen=True)
class FitProgress:
    """Told to the progress callback.

    Attributes:
        stage: ``recordings`` while audio is read and F0 found, then ``training``.
        share_done: of the stage, 0 to 1; while training 0 where there is no bound on steps or time.
        text: the recording in hand, or empty.
        training: where training stands: step, loss, validated, best, seconds_left and so on.
    """

    stage: Literal["recordings", "training"]
    share_done: float
    text: str = ""
    training: Progress | None = None


@dataclass(frozen=True)
class FitResult:
    """What a fit reached.

    Attributes:
        path: the model.
        ended: ``steps``, ``time`` or ``no improvement``.
        steps: optimisation steps done, those before a resume included.
        best_step: the step whose weights were kept; 0 = the start was best.
        start_loss: on the held-out excerpts before the first step.
        best_loss: on the held-out excerpts, of the weights that were kept: the least there was.
        start_losses, best_losses: the same apart, of ``mixture`` and ``sources`` (the voices whose stems are
            at hand); one of them where there is only one. Their mean decides, with full supervision that of
            the sources.
        train_loss: on what was learned, smoothed, at the end.
        seconds: time of training.
        started_from: ``shipped model`` or ``random weights``.
        recordings: number of recordings used.
        recorded_seconds: their length.
        voices: number of voices -> number of recordings.
        taken: what each recording was taken for: name, kind, voices, stems by voice, and what told them
            (`vocsep.fit.song_reader.Taken`).
        passed_over: one line for each recording that could not be used.
        warnings: one line each.
    """

    path: Path
    ended: str
    steps: int
    best_step: int
    start_loss: float
    best_loss: float
    train_loss: float
    seconds: float
    started_from: str
    recordings: int
    recorded_seconds: float
    voices: dict[int, int]
    start_losses: dict[str, float] = field(default_factory=dict)
    best_losses: dict[str, float] = field(default_factory=dict)
    taken: tuple[Taken, ...] = ()
    passed_over: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it (a loss that was never measured is None)."""
        content = asdict(self) | {"path": str(self.path)}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in content.items()}


def result_of(
    path: Path, ended: str, at: Progress, started_from: str, recordings: Recordings, pool: ExcerptPool
) -> FitResult:
    """Put the figures of a finished (or stopped) training together."""
    warnings = []
    if not pool.apart:
        warnings.append(
            "the recordings are too short to hold any part out: the model was validated on what it learned"
        )
    if at.best_step == 0:
        warnings.append(f"no step improved on the {started_from}: the model is what it started from")
    return FitResult(
        path=path,
        ended=ended,
        steps=at.step,
        best_step=at.best_step,
        start_loss=at.start,
        best_loss=at.best,
        train_loss=at.loss,
        seconds=at.seconds,
        started_from=started_from,
        recordings=len(recordings.tracks),
        recorded_seconds=recordings.seconds,
        voices=dict(sorted(Counter(track.f0.shape[0] for track in recordings.tracks).items())),
        start_losses=_by_kind(at.start_parts),
        best_losses=_by_kind(at.best_parts),
        taken=recordings.taken,
        passed_over=recordings.passed_over,
        warnings=warnings,
    )


def _by_kind(losses: Mapping[str, float]) -> dict[str, float]:
    """Mixture first, then sources."""
    return {kind: loss for kind, loss in sorted(losses.items()) if math.isfinite(loss)}


_CALLED = {"source-filter": "estimator of source-model parameters", "unet": "U-Net with F0 control"}


def card_of(result: FitResult, settings: FitSettings, recordings: Recordings) -> dict[str, Any]:
    """What the model says of itself; recordings without folders, because a model may be passed on."""
    figures = result.to_dict()
    del figures["path"], figures["passed_over"], figures["taken"]
    stems = sum(len(taken.stems) for taken in recordings.taken)
    pitch_model = None if settings.pitch_model is None else Path(settings.pitch_model).name
    return {
        "what": f"{_CALLED[settings.method]}, learned "
        + (f"with {stems} stems" if stems else "from mixtures alone")
        + " by vocsep fit",
        "recordings": [track.name for track in recordings.tracks],
        "figures": figures,
        "settings": settings.to_dict() | {"pitch_model": pitch_model},
    }
