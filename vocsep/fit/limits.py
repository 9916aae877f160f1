"""Bounds of the settings of a fit, and their check: what is out of bounds is named with its bound."""

import math
from dataclasses import dataclass
from typing import Any, get_args

from vocsep.errors import SettingsError
from vocsep.pitch.settings import MOST_REFINE, MOST_VOICES, Assignment


@dataclass(frozen=True)
class Limits:
    """Of one setting: its type, bounds, the texts that are known, and whether it may be left open."""

    kind: type
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    may_be_none: bool = False


LIMITS = {
    "voices": Limits(int, 1, MOST_VOICES, may_be_none=True),
    "method": Limits(str, choices=("source-filter", "unet")),
    "preset": Limits(str, may_be_none=True),
    "estimator": Limits(dict, may_be_none=True),
    "from_scratch": Limits(bool),
    "objective": Limits(str, choices=("power", "sound")),
    "room": Limits(bool),
    "supervision": Limits(str, choices=("partly", "full", "none")),
    "names": Limits(list, may_be_none=True),
    "per_voice_decoders": Limits(list, may_be_none=True),
    "steps": Limits(int, 1, 100_000_000, may_be_none=True),
    "minutes": Limits(float, 0.001, 1_000_000, may_be_none=True),
    "batch": Limits(int, 1, 1024),
    "seconds": Limits(float, 0.5, 60),
    "learning_rate": Limits(float, 1e-8, 1),
    "warm_up": Limits(int, 0, 1_000_000),
    "decay": Limits(bool),
    "clip": Limits(float, 1e-6, 1e6),
    "validate_every": Limits(int, 1, 1_000_000),
    "patience": Limits(int, 1, 1_000_000),
    "held_out": Limits(float, 0.0, 0.5),
    "most_held_out": Limits(int, 1, 4096),
    "pitch_model": Limits(str, may_be_none=True),
    "refine": Limits(int, 0, MOST_REFINE),
    "assign": Limits(str, choices=get_args(Assignment)),
    "seed": Limits(int, 0, 2**32 - 1),
    "device": Limits(str, choices=("auto", "cpu", "cuda", "mps")),
}


_CALLED = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", dict: "a table"}


def checked(name: str, value: Any, limits: Limits) -> Any:
    """The value in its own type, or an error that names value and bound."""
    kind: Any = limits.kind
    if value is None and limits.may_be_none:
        return None
    if kind is list:
        from vocsep.estimator.settings import checked_names  # loads torch

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
