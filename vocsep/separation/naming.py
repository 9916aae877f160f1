"""Which voice has which name, where pitches are given: their table names the voices itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vocsep.errors import F0Error
from vocsep.media.names import is_file_name
from vocsep.pitch.tracks import F0Tracks

if TYPE_CHECKING:
    from vocsep.transcription.score_guide import ScoreGuide


def matched(
    tracks: F0Tracks | None, names: Sequence[str] | None, oracle: bool = False
) -> tuple[F0Tracks | None, Sequence[str] | None]:
    """Tracks and names that belong together, voice by voice.

    Args:
        tracks: given F0, with names or without, in any order of height; None where F0 will be estimated.
        names: that are asked for; None where nobody asked.
        oracle: the stems decide which voice is which, whatever the tracks.

    Returns:
        The tracks, in the order of the names if they have names themselves; the names, else those of the
        tracks, else None.

    Raises:
        F0Error: the tracks have other names than those asked for, or one that no file can have.
    """
    if tracks is None or not tracks.names or oracle:
        return tracks, names
    if names is not None:
        return tracks.named(names), names
    unfit = [name for name in tracks.names if not is_file_name(name)]
    if unfit:
        raise F0Error(f"the F0 tracks hold a voice {unfit[0]!r}, which cannot be the name of a file")
    return tracks, tracks.names


def known_voices(
    tracks: F0Tracks | None, guide: "ScoreGuide | None", voices: int | None, names: Sequence[str] | None
) -> int | None:
    """How many voices there will be, if that is known before the recording is heard."""
    if tracks is not None:
        return tracks.voices
    return guide.voices if guide is not None else voices or len(names or ()) or None
