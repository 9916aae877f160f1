"""Settings of an estimator; they travel with its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from vocsep.errors import SettingsError
from vocsep.estimator.network_settings import NetworkSettings
from vocsep.source.lsf import MINIMUM_GAP, check_order

# ``comb`` is the default, ``paper`` has the sizes of the paper.
PRESETS: dict[str, dict[str, Any]] = {
    "comb": {"kind": "comb"},
    "paper": {"kind": "paper", "alpha_maximum": 2.0, "gain_maximum": 2.0},
}
BOUNDS: dict[str, tuple[float, float]] = {
    "lsf_order": (2, 60),
    "noise_bands": (4, 256),
    "minimum_lsf_gap": (0.0, 0.05),
    "alpha_maximum": (1e-3, 1e3),
    "gain_maximum": (1e-3, 1e3),
    "bands": (8, 128),
    "units": (8, 1024),
    "blocks": (1, 8),
    "frame_step": (1, 4),
    "fft_size": (512, 512),
    "encoder_units": (8, 2048),
    "encoder_layers": (1, 8),
    "latent": (4, 2048),
    "decoder_units": (8, 4096),
}


@dataclass(frozen=True)
class EstimatorSettings(NetworkSettings):
    """What an estimator is made of.

    Attributes:
        kind: ``comb`` (ours) or ``paper`` (figure 3).
        lsf_order: K, order of the all-pole filter; even.
        noise_bands: L, magnitudes that make the noise filter d.
        minimum_lsf_gap: radians between neighbouring line spectral frequencies.
        alpha_maximum: largest amplitude of a harmonic; for ``comb`` in units of the excerpt's RMS.
        gain_maximum: largest noise gain; for ``comb`` in units of the excerpt's RMS.
        bands: mel bands of the features (``comb``).
        units: channels of the hidden layers (``comb``).
        blocks: dilated convolutions, the dilation tripling from one to the next (``comb``).
        frame_step: the network computes one of so many frames; what it gives is linear in between (``comb``).
        fft_size: samples in the window of the mixture's spectrogram (``paper``).
        encoder_units, encoder_layers: size of the recurrent encoder (``paper``).
        latent: channels of the latent mixture (``paper``).
        decoder_units: channels of the decoder (``paper``).
        names: of the voices of the recordings that were learned from, the highest first; empty = none known.
        decoders: those among the names that have a decoder of their own (`vocsep.estimator.parts`).
    """

    network: ClassVar[str] = "estimator"
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = BOUNDS
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    kind: str = "comb"
    lsf_order: int = 20
    noise_bands: int = 40
    minimum_lsf_gap: float = MINIMUM_GAP
    alpha_maximum: float = 8.0
    gain_maximum: float = 8.0
    bands: int = 40
    units: int = 80
    blocks: int = 3
    frame_step: int = 4
    fft_size: int = 512
    encoder_units: int = 256
    encoder_layers: int = 3
    latent: int = 128
    decoder_units: int = 512
    names: tuple[str, ...] = ()
    decoders: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "EstimatorSettings":
        """As in `NetworkSettings`. What was stored names its kind; stored before there was ``frame_step``, it
        computes every frame."""
        return super().from_dict({"frame_step": 1} | dict(values) if "kind" in values else values)

    def __post_init__(self) -> None:
        """Refuse what cannot be built.

        Raises:
            SettingsError: a value of the wrong type or outside its bounds.
        """
        if self.kind not in PRESETS:
            raise SettingsError(f"estimator kind {self.kind!r} is unknown; there are {', '.join(PRESETS)}")
        self.check_bounds()
        check_order(self.lsf_order)
        for name in ("names", "decoders"):  # JSON has lists
            object.__setattr__(self, name, checked_names(name, getattr(self, name)))
        for name in self.decoders:
            if name.casefold() not in (known.casefold() for known in self.names):
                raise SettingsError(f"decoders: {name!r} is not one of the names {', '.join(self.names)}")


def checked_names(setting: str, names: Any) -> tuple[str, ...]:
    """Names of voices as a tuple.

    Raises:
        SettingsError: not a list of different texts, none of them empty.
    """
    listed = isinstance(names, (list, tuple)) and all(isinstance(name, str) and name for name in names)
    if not listed or len({name.casefold() for name in names}) < len(names):
        raise SettingsError(f"{setting}: {names!r} is not a list of different names")
    return tuple(names)


def presets() -> list[str]:
    """Names of all presets, the default first.

    >>> presets()
    ['comb', 'paper']
    """
    return list(PRESETS)
