"""vocsep: separate singers who sing together.

>>> from vocsep import Separator  # doctest: +SKIP
>>> result = Separator().separate(audio, sample_rate, voices=4)  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Export",
    "F0Tracks",
    "ScoreGuide",
    "Separation",
    "Separator",
    "VocsepError",
    "Wishes",
    "__version__",
    "edit_voice",
    "intonation_report",
    "read_score",
]

if TYPE_CHECKING:
    from vocsep.editing.edit import edit_voice
    from vocsep.editing.wishes import Wishes
    from vocsep.errors import VocsepError
    from vocsep.pitch.tracks import F0Tracks
    from vocsep.separation.results import Separation
    from vocsep.separation.separator import Separator
    from vocsep.transcription.exports import Export
    from vocsep.transcription.report import intonation_report
    from vocsep.transcription.score_guide import ScoreGuide
    from vocsep.transcription.score_reading import read_score

_HOMES = {
    "F0Tracks": "vocsep.pitch.tracks",
    "Separation": "vocsep.separation.results",
    "Separator": "vocsep.separation.separator",
    "VocsepError": "vocsep.errors",
    "Export": "vocsep.transcription.exports",
    "ScoreGuide": "vocsep.transcription.score_guide",
    "Wishes": "vocsep.editing.wishes",
    "edit_voice": "vocsep.editing.edit",
    "intonation_report": "vocsep.transcription.report",
    "read_score": "vocsep.transcription.score_reading",
}


def __getattr__(name: str) -> Any:
    """Import the public names when asked for, so that ``vocsep --help`` need not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'vocsep' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
