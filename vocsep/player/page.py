"""The page that a director sends to the choir: one HTML file with stems, mixer and pitches inside.

It needs no network and no other file. Pitches lie in it as 16 bits a frame: 14 bits of cents above MIDI
number 0, and a bit each for unison and for doubt.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import AudioError
from vocsep.media.staging import written_beside
from vocsep.pitch.tracks import F0Tracks, VoiceStatistics
from vocsep.player.bundle import WEB, bundled
from vocsep.player.colours import voice_style
from vocsep.player.marks import in_unison, notes_of_row, unsure
from vocsep.player.sound import MARGIN, PIECE, RATE, encoded_stems
from vocsep.transcription.notes import FRAME, semitones

CENTS = 0x3FFF  # bits of a frame
UNISON, DOUBT = 0x4000, 0x8000
STYLES = ("player.css", "page.css")


@dataclass(frozen=True)
class Sung:
    """What the page shows and plays.

    Attributes:
        title: its heading, such as the name of the recording.
        names: of the voices.
        stems: their files.
        tracks: F0 of each voice, on the clock of the stems.
        sure: ``(voices, seconds)`` as `vocsep.separation.results.Separation.confidence`; None: no marks.
    """

    title: str
    names: Sequence[str]
    stems: Sequence[Path]
    tracks: F0Tracks
    sure: NDArray[np.float32] | None = None


def write_page(sung: Sung, path: Path) -> None:
    """Write the page; beside its target first, then renamed.

    Raises:
        AudioError: a stem cannot be read, or the page not written.
    """
    text = page(sung)
    try:
        with written_beside(path) as staged:
            staged.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise AudioError(f"{path}: cannot be written ({error.strerror})") from None


def page(sung: Sung) -> str:
    """The page as text."""
    recording = _recording(sung)
    seconds = recording["samples"] / RATE
    voices = "one voice" if len(sung.names) == 1 else f"{len(sung.names)} voices"
    filled = {
        "title": escape(sung.title),
        "subtitle": f"{voices}, {int(seconds // 60)}:{int(seconds % 60):02d}",
        "made": "Made with vocsep. Nothing in this page needs the network. "
        "Slower playing: Signalsmith Stretch, (c) Geraint Luff, MIT licence.",
        "style": "".join((WEB / name).read_text(encoding="utf-8") for name in STYLES),
        # Nothing in a script may look like its end.
        "recording": json.dumps(recording, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"),
        "stretcher": (WEB / "signalsmith-stretch.js").read_text(encoding="utf-8"),
        "script": bundled("page.js"),
    }
    parts = (WEB / "page.html").read_text(encoding="utf-8").split("{{")
    named = (part.split("}}", 1) for part in parts[1:])
    return parts[0] + "".join(filled[name] + rest for name, rest in named)


def _recording(sung: Sung) -> dict[str, Any]:
    pieces, samples = encoded_stems(sung.stems)
    tracks = sung.tracks
    shared = in_unison(tracks)
    doubt = np.zeros_like(shared) if sung.sure is None else unsure(tracks, sung.sure)
    voices = [
        {
            "name": name,
            "colour": voice_style(voice),
            "range": _range(one),
            "f0": _coded(row, shared[voice - 1], doubt[voice - 1]),
            "pieces": [base64.b64encode(piece).decode() for piece in pieces[voice - 1]],
        }
        for voice, (name, row, one) in enumerate(
            zip(sung.names, tracks.frequencies, tracks.voice_statistics(), strict=True), start=1
        )
    ]
    return {
        "sample_rate": RATE,
        "samples": samples,
        "chunk_samples": PIECE,
        "margin": MARGIN,
        "hop_seconds": FRAME,
        "voices": voices,
        "notes": [
            [voice, round(note.onset, 3), round(note.offset, 3), round(note.pitch, 2)]
            for voice, row in enumerate(tracks.frequencies)
            for note in notes_of_row(row)
        ],
    }


def _range(one: VoiceStatistics) -> dict[str, float] | None:
    """Lowest, highest and median pitch as MIDI numbers; None where a voice never sings."""
    if one.lowest_hz is None or one.highest_hz is None or one.median_hz is None:
        return None
    low, high, median = semitones(np.array([one.lowest_hz, one.highest_hz, one.median_hz])).round(2).tolist()
    return {"lowest": low, "highest": high, "median": median}


def _coded(row: NDArray[np.float64], shared: NDArray[np.bool_], doubt: NDArray[np.bool_]) -> str:
    cents = np.nan_to_num(100 * semitones(row), nan=0.0).round().clip(0, CENTS).astype("<u2")
    frames = cents | (UNISON * shared).astype("<u2") | (DOUBT * doubt).astype("<u2")
    return base64.b64encode(frames.astype("<u2").tobytes()).decode()
