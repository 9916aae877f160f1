"""Where an audio file comes from: stems that were separated say so in a comment.

A folder of recordings soon holds stems, too, because people separate in the place where they work. To learn
from them as if somebody had recorded them would be to learn one's own mistakes.
"""

import zlib
from pathlib import Path

import soundfile

from vocsep.media.names import folded, native

SEPARATED = "separated by vocsep"
STEM_FOLDER = "stems"  # name of the folder in which the stems of a song lie, beside its mixture or alone


def separated_from(recording: Path, samples: int) -> str:
    """The comment of a stem: what made it, and eight digits for the name and length of the recording.

    Digits, because not every container holds every character that a name can have.

    >>> separated_from(Path("a/Choir.wav"), 9) == separated_from(Path("b/choir.wav"), 9)
    True
    """
    name = folded(recording.name).encode("utf-8", "surrogatepass")
    return f"{SEPARATED} from {zlib.crc32(name + str(samples).encode()):08x}"


def origin_of(path: Path) -> str:
    """The comment of an audio file, if it says that it was separated; else, and if unreadable, nothing."""
    try:
        with soundfile.SoundFile(native(path)) as file:
            comment = str(file.comment)
    except (soundfile.LibsndfileError, OSError, UnicodeError):
        return ""
    return comment if comment.startswith(SEPARATED) else ""


def is_separated(path: Path) -> bool:
    """Whether an audio file says that it was separated; one that cannot be read says nothing."""
    return bool(origin_of(path))
