"""Settings that the trainings from synthetic singing share, with the defaults of each; read without torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

Settings = TypeVar("Settings", bound=Any)


@dataclass(frozen=True)
class TrainingSettings:
    """What decides a training beside the sizes of its network.

    Attributes:
        minutes: of training; singing and listening come on top.
        singers: quartets to sing.
        examples: mixtures of them to listen to before the training; 0 where mixtures are made on the way.
        steps: of optimisation, instead of the minutes.
        seed: of scores, singers, mixing and random weights.
        workers: processes that sing.
        chorales: whether half of the scores are Bach's; None = where music21 is installed.
        start: a model whose training is continued, instead of a new network.
        pitch_model, model: files of the pitch network and of the estimator that listen; None = the shipped.
        device: where to compute.
        meetings: share of the quartets whose voices meet (`vocsep.singers.meetings`).
    """

    minutes: float
    singers: int
    examples: int = 0
    steps: int | None = None
    seed: int = 1
    workers: int = 2
    chorales: bool | None = None
    start: Path | None = None
    pitch_model: Path | None = None
    model: Path | None = None
    device: str = "cpu"
    meetings: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {name: str(v) if isinstance(v, Path) else v for name, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingSettings":
        """Inverse of `to_dict`."""
        read: dict[str, Any] = dict(values)
        for name in ("start", "pitch_model", "model"):
            read[name] = None if read.get(name) is None else Path(read[name])
        return cls(**read)


DEFAULTS = {
    "pitch": TrainingSettings(minutes=60.0, singers=1600),
    "refiner": TrainingSettings(minutes=40.0, singers=1600, examples=2000),
    "voices": TrainingSettings(minutes=25.0, singers=900),
    "postfilter": TrainingSettings(minutes=60.0, singers=400, examples=1500),
}


def over(stored: Settings, given: Settings, default: Settings) -> Settings:
    """``stored``, with every setting that ``given`` does not leave at its default: so a resumed run is set.

    >>> over(DEFAULTS["pitch"], TrainingSettings(5.0, 1600), DEFAULTS["pitch"]).minutes
    5.0
    """
    own = {entry.name: getattr(given, entry.name) for entry in fields(given)}
    return replace(stored, **{n: value for n, value in own.items() if value != getattr(default, n)})
