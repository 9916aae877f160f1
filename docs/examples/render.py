"""Renders the examples of `vocsep edit`: `python docs/examples/render.py [FOLDER]`.

A synthetic duet sings; its alto is transposed, retuned, sung without vibrato, with other formants, and
by the source model. Each is the whole duet as a short mp3; the other voice is the same in all of them.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from vocsep.editing.edit import edit_voice, stems_in
from vocsep.editing.wishes import Wishes
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.choir import sing_known
from vocsep.singers.score import Note, Score
from vocsep.spectra import SAMPLE_RATE

UPPER = (67, 69, 71, 67, 72)  # MIDI numbers, one after another
LOWER = (60, 65, 67, 64, 64)
BEAT = 0.8  # s
OFF = (25.0, -30.0, 25.0, -25.0, 30.0)  # cents that the upper voice is wrong by

EXAMPLES = {
    "transposed": Wishes(transpose=-5.0),
    "retuned": Wishes(retune="just"),
    "straight": Wishes(vibrato=0.0),
    "wide_vibrato": Wishes(vibrato=2.5),
    "smaller_singer": Wishes(formants=1.2),
    "resynthesised": Wishes(resynthesise=True),
}


def duet() -> Score:
    parts = (
        tuple(Note(0.1 + BEAT * i, BEAT, float(pitch)) for i, pitch in enumerate(part))
        for part in (UPPER, LOWER)
    )
    return Score(tuple(parts), 0.1 + BEAT * len(UPPER) + 0.4)


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    known = sing_known(
        duet(), np.random.default_rng(7), lambda part, note: OFF[int(note.onset / BEAT)] if part == 0 else 0.0
    )
    level = 0.7 / np.abs(known.ensemble.mixture).max()
    tracks = F0Tracks(known.ensemble.f0)
    with tempfile.TemporaryDirectory() as folder:
        stems = Path(folder) / "stems"
        stems.mkdir()
        for name, stem in zip(("alto", "tenor"), known.ensemble.stems, strict=True):
            soundfile.write(stems / f"{name}.wav", level * stem, SAMPLE_RATE, subtype="FLOAT")
        _write(target / "as_sung.mp3", level * known.ensemble.mixture)
        for name, wishes in EXAMPLES.items():
            done = edit_voice(stems_in(stems), "alto", wishes, Path(folder) / name, tracks=tracks)
            _write(target / f"{name}.mp3", soundfile.read(done.written[1])[0])


def _write(path: Path, audio: np.ndarray) -> None:
    soundfile.write(path, audio, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III")
    print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
