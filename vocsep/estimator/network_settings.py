"""What settings of networks share: they travel with the weights as plain values and are checked on return."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

from vocsep.errors import SettingsError

Own = TypeVar("Own", bound="NetworkSettings")


@dataclass(frozen=True)
class NetworkSettings:
    """Base of the frozen dataclass of a network's settings.

    Attributes:
        network: what error messages call it.
        bounds: lowest and highest value of each number that has some.
        presets: values by the name of a preset, the default one first; what is left out has its default.
    """

    network: ClassVar[str] = "network"
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def check_bounds(self) -> None:
        """Refuse what lies outside of the bounds; whole numbers where the default is one.

        Raises:
            SettingsError: a value of the wrong type or outside its bounds.
        """
        for name, (low, high) in self.bounds.items():
            value = getattr(self, name)
            whole = isinstance(getattr(type(self), name), int)
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                raise SettingsError(f"{self.network} setting {name} is {value!r}; it must be a number")
            if not low <= value <= high:
                raise SettingsError(
                    f"{self.network} setting {name} is {value}; it must lie in [{low}, {high}]"
                )

    @classmethod
    def preset(cls: type[Own], name: str = "") -> Own:
        """Settings by the name of one of the presets; the default is the first.

        Raises:
            SettingsError: there is no such preset.
        """
        if name and name not in cls.presets:
            known = ", ".join(cls.presets)
            raise SettingsError(f"{cls.network} preset {name!r} is unknown; there are {known}")
        return cls(**cls.presets[name or next(iter(cls.presets))])

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)

    @classmethod
    def from_dict(cls: type[Own], values: Mapping[str, Any]) -> Own:
        """Inverse of `to_dict`; what is left out has its default.

        Raises:
            SettingsError: a name that is no setting, or a value outside its bounds.
        """
        known = {field.name for field in fields(cls)}
        for name in values:
            if name not in known:
                raise SettingsError(f"{cls.network} setting {name!r} is unknown")
        return cls(**values)
