"""Every setting of `vocsep fit`, its default and its bounds, in one place; read from YAML."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from vocsep.errors import SettingsError
from vocsep.estimator.settings import checked_names
from vocsep.fit.parts import QUARTET
from vocsep.pitch import DEFAULT_REFINE
from vocsep.pitch.estimate import MOST_VOICES
from vocsep.training.schedule import Schedule


@dataclass(frozen=True)
class _Limits:
    kind: type
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    may_be_none: bool = False


_LIMITS = {
    "voices": _Limits(int, 1, MOST_VOICES, may_be_none=True),
    "method": _Limits(str, choices=("source-filter", "unet")),
    "preset": _Limits(str, may_be_none=True),
    "estimator": _Limits(dict, may_be_none=True),
    "from_scratch": _Limits(bool),
    "objective": _Limits(str, choices=("power", "sound")),
    "room": _Limits(bool),
    "supervision": _Limits(str, choices=("partly", "full", "none")),
    "names": _Limits(list, may_be_none=True),
    "per_voice_decoders": _Limits(list, may_be_none=True),
    "steps": _Limits(int, 1, 100_000_000, may_be_none=True),
    "minutes": _Limits(float, 0.001, 1_000_000, may_be_none=True),
    "batch": _Limits(int, 1, 1024),
    "seconds": _Limits(float, 0.5, 60),
    "learning_rate": _Limits(float, 1e-8, 1),
    "warm_up": _Limits(int, 0, 1_000_000),
    "decay": _Limits(bool),
    "clip": _Limits(float, 1e-6, 1e6),
    "judge_every": _Limits(int, 1, 1_000_000),
    "patience": _Limits(int, 1, 1_000_000),
    "held_out": _Limits(float, 0.0, 0.5),
    "most_held_out": _Limits(int, 1, 4096),
    "pitch_model": _Limits(str, may_be_none=True),
    "refine": _Limits(int, 0, 10),
    "assign": _Limits(str, choices=("notes", "viterbi", "heuristic")),
    "seed": _Limits(int, 0, 2**32 - 1),
    "device": _Limits(str, choices=("auto", "cpu", "cuda", "mps")),
}


@dataclass(frozen=True)
class FitSettings:
    """Settings of a fit.

    Attributes:
        voices: how many sing in every recording; None = decided for each recording.
        method: what learns, ``source-filter`` or ``unet``; the U-Net learns from stems alone.
        preset: sizes and kind of the network; None = comb (of the U-Net: small).
        estimator: single settings of the network that differ from the preset.
        from_scratch: start from random weights even where a shipped model has the same settings.
        objective: ``power`` (expected powers against magnitudes, what masks are made of) or ``sound``, the
            paper's multi-scale loss on the synthesised waveform.
        room: voices have tails, learned for each recording (``power`` alone; no part of the model).
        supervision: ``partly`` learns from mixtures and from the stems that are at hand, ``full`` from stems
            alone (the paper's SV), ``none`` from mixtures alone.
        names: of the voices, the highest first; None = soprano, alto, tenor, bass.
        per_voice_decoders: those among the names that get a decoder of their own.
        steps: optimisation steps at most; None = no bound.
        minutes: time at most, not counting the search for F0; None = no bound.
        batch: excerpts in a step.
        seconds: length of an excerpt.
        learning_rate: of Adam, at the start.
        warm_up: steps over which the learning rate rises to its start.
        decay: let the learning rate fall to zero towards the bound on steps or time.
        clip: largest norm of a step's gradient.
        judge_every: steps between two looks at the held-out excerpts.
        patience: looks without improvement after which the fit stops early.
        held_out: share of the recordings that is never learned from.
        most_held_out: held-out excerpts at most.
        pitch_model: file of the pitch network; None = the shipped one.
        assign: how pitches become voices.
        refine: how often each voice's pitch is looked at again, knowing the other voices.
        seed: decides excerpts, noise and random weights.
        device: where to compute.

    Raises:
        SettingsError: a value is of the wrong kind or outside its bounds; the message names both.

    >>> FitSettings(batch=0)
    Traceback (most recent call last):
    vocsep.errors.SettingsError: batch: 0 is not within 1 .. 1024
    """

    voices: int | None = None
    method: str = "source-filter"
    preset: str | None = None
    estimator: dict[str, Any] | None = None
    from_scratch: bool = False
    objective: str = "power"
    room: bool = True
    supervision: str = "partly"
    names: tuple[str, ...] | None = None
    per_voice_decoders: tuple[str, ...] | None = None
    steps: int | None = None
    minutes: float | None = 20.0
    batch: int = 16
    seconds: float = 4.0
    learning_rate: float = 1e-3
    warm_up: int = 20
    decay: bool = True
    clip: float = 1.0
    judge_every: int = 50
    patience: int = 20
    held_out: float = 0.1
    most_held_out: int = 48
    pitch_model: str | None = None
    assign: str = "notes"
    refine: int = DEFAULT_REFINE
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = _checked(entry.name, getattr(self, entry.name), _LIMITS[entry.name])
            object.__setattr__(self, entry.name, value)
        if self.method == "unet":
            if self.supervision == "none" or self.per_voice_decoders:
                raise SettingsError("method unet: has no use for unsupervised and per_voice_decoders")
            object.__setattr__(self, "supervision", "full")
        self.naming()

    def naming(self) -> dict[str, tuple[str, ...]]:
        """The settings of an estimator that name voices: none where no part gets a decoder of its own.

        Raises:
            SettingsError: a decoder for a voice that is none of the names, or without stems to learn from.
        """
        if not self.per_voice_decoders:
            return {}
        if self.supervision == "none":
            raise SettingsError("per_voice_decoders: learn from stems, which supervision none ignores")
        names = QUARTET if self.names is None else self.names
        known = {name.casefold(): name for name in names}
        for name in self.per_voice_decoders:
            if name.casefold() not in known:
                raise SettingsError(f"per_voice_decoders: {name!r} is not one of {', '.join(names)}")
        return {"names": names, "decoders": tuple(known[n.casefold()] for n in self.per_voice_decoders)}

    def schedule(self) -> Schedule:
        """Bounds and rates of the training."""
        return Schedule(
            steps=self.steps,
            seconds=None if self.minutes is None else 60.0 * self.minutes,
            learning_rate=self.learning_rate,
            warm_up=self.warm_up,
            decay=self.decay,
            clip=self.clip,
            judge_every=self.judge_every,
            patience=self.patience,
        )

    def to_dict(self) -> dict[str, Any]:
        """All settings by name, as `from_dict` reads them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "settings") -> "FitSettings":
        """Settings by name; those not named keep their default.

        Raises:
            SettingsError: an unknown name, or a value out of bounds; ``source`` stands first in the message.
        """
        known = [entry.name for entry in fields(cls)]
        for name in values:
            if name not in known:
                raise SettingsError(f"{source}: unknown setting {name!r} (there are {', '.join(known)})")
        try:
            return cls(**values)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from error

    @classmethod
    def from_yaml(cls, path: Path | str) -> "FitSettings":
        """Read a YAML file of ``name: value`` lines.

        Raises:
            SettingsError: no such file, not YAML, an unknown name, or a value out of bounds.
        """
        path = Path(path)
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())
            raise SettingsError(f"{path}: is not YAML ({reason})") from error
        if values is None:
            values = {}
        if not isinstance(values, dict):
            raise SettingsError(f"{path}: holds no settings, expected lines like 'batch: 16'")
        return cls.from_dict({str(name): value for name, value in values.items()}, str(path))

    def over(self, stored: "FitSettings") -> "FitSettings":
        """``stored``, with every setting that differs from its default here: what a resumed fit goes by."""
        default = FitSettings()
        own = {e.name: getattr(self, e.name) for e in fields(self)}
        return replace(stored, **{n: v for n, v in own.items() if v != getattr(default, n)})


_CALLED = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", dict: "a table"}


def _checked(name: str, value: Any, limits: _Limits) -> Any:
    """The value in its own type, or an error that names value and bound."""
    kind: Any = limits.kind
    if value is None and limits.may_be_none:
        return None
    if kind is list:
        return checked_names(name, value)
    if kind is float:
        value = _as_float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise SettingsError(f"{name}: {value!r} is not {_CALLED[kind]}")
    if limits.low is not None and limits.high is not None and not limits.low <= value <= limits.high:
        raise SettingsError(f"{name}: {value:g} is not within {limits.low:g} .. {limits.high:g}")
    if limits.choices and value not in limits.choices:
        raise SettingsError(f"{name}: {value!r} is not known ({', '.join(limits.choices)})")
    return value


def _as_float(value: Any) -> Any:
    # YAML 1.1 reads 1e-4 (without a point) as text.
    if isinstance(value, bool):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return number if math.isfinite(number) else value
