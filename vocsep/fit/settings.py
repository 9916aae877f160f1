"""Every setting of `vocsep fit` and its default, in one place; read from YAML.

The command line reads defaults from here, so nothing heavy is imported before it is needed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from vocsep.errors import SettingsError
from vocsep.fit.limits import LIMITS, checked
from vocsep.pitch.settings import PitchSettings
from vocsep.training.schedule import Schedule
from vocsep.training.settings import over

QUARTET = ("soprano", "alto", "tenor", "bass")  # from the highest: the names that are known by themselves
NETWORKS = {"source-filter": "comb", "unet": "small"}  # preset of each method where none is named
RENAMED = {"judge_every": "validate_every"}  # what earlier versions called settings


@dataclass(frozen=True)
class FitSettings:
    """Settings of a fit.

    Attributes:
        voices: how many sing in every recording; None = decided for each recording.
        method: what learns, ``source-filter`` or ``unet``; the U-Net learns from stems alone.
        preset: sizes and kind of the network; None = that of the method in `NETWORKS`.
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
        validate_every: steps between two validations on the held-out excerpts.
        patience: validations without improvement after which the fit stops early.
        held_out: share of the recordings that is never learned from.
        most_held_out: held-out excerpts at most.
        pitch_model: file of the pitch network; None = the shipped one.
        assign: how pitches become voices.
        refine: how often each voice's F0 is refined, knowing the other voices.
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
    validate_every: int = 50
    patience: int = 20
    held_out: float = 0.1
    most_held_out: int = 48
    pitch_model: str | None = None
    assign: str = PitchSettings.assign
    refine: int = PitchSettings.refine
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = checked(entry.name, getattr(self, entry.name), LIMITS[entry.name])
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

    @property
    def network(self) -> str:
        """Name of the preset that decides the network."""
        return self.preset or NETWORKS[self.method]

    def schedule(self) -> Schedule:
        """Bounds and rates of the training."""
        return Schedule(
            steps=self.steps,
            seconds=None if self.minutes is None else 60.0 * self.minutes,
            learning_rate=self.learning_rate,
            warm_up=self.warm_up,
            decay=self.decay,
            clip=self.clip,
            validate_every=self.validate_every,
            patience=self.patience,
        )

    def to_dict(self) -> dict[str, Any]:
        """All settings by name, as `from_dict` reads them."""
        return asdict(self)

    @classmethod
    def from_checkpoint(cls, values: Mapping[str, Any], source: str) -> "FitSettings":
        """Settings as a checkpoint has them, also one of an earlier version that called some otherwise."""
        return cls.from_dict({RENAMED.get(name, name): value for name, value in values.items()}, source)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "settings") -> "FitSettings":
        """Settings by name; those not named keep their default.

        Raises:
            SettingsError: an unknown name, or a value out of bounds; ``source`` stands first in the message.
        """
        known = [entry.name for entry in fields(cls)]
        for name in values:
            if name in RENAMED:
                raise SettingsError(f"{source}: the setting {name!r} is called {RENAMED[name]!r} now")
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
        import yaml

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
        return over(stored, self, FitSettings())
