"""vocsep: separate singers who sing together.

>>> from vocsep import Separator  # doctest: +SKIP
>>> result = Separator().separate(audio, sample_rate, voices=4)  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["F0Tracks", "Separation", "Separator", "VocsepError", "__version__"]

if TYPE_CHECKING:
    from vocsep.errors import VocsepError
    from vocsep.pitch.tracks import F0Tracks
    from vocsep.separation.results import Separation
    from vocsep.separation.separator import Separator

_HOMES = {
    "F0Tracks": "vocsep.pitch.tracks",
    "Separation": "vocsep.separation.results",
    "Separator": "vocsep.separation.separator",
    "VocsepError": "vocsep.errors",
}


def __getattr__(name: str) -> Any:
    """Import the public classes when asked for, so that ``vocsep --help`` need not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vocsep' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
