"""Where an audio file comes from: stems that were separated say so in a comment.

A folder of recordings soon holds stems, too, because people separate in the place where they work. To learn
from them as if somebody had recorded them would be to learn one's own mistakes.
"""

from pathlib import Path

import soundfile

SEPARATED = "separated by vocsep"
STEM_FOLDER = "stems"  # name of the folder in which the stems of a song lie, beside its mixture or alone


def is_separated(path: Path) -> bool:
    """Whether an audio file says that it was separated; one that cannot be read says nothing."""
    try:
        with soundfile.SoundFile(str(path)) as file:
            return str(file.comment).startswith(SEPARATED)
    except (soundfile.LibsndfileError, OSError):
        return False
