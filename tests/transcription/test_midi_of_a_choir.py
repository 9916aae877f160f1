"""A choir's notes, written as MIDI and read back, are those of its score."""

from pathlib import Path

import mir_eval
import numpy as np
import pytest

from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.choir import chorale, sing_known
from vocsep.singers.score import random_progression
from vocsep.transcription.midi import write_midi
from vocsep.transcription.notes import hertz
from vocsep.transcription.score_reading import read_score


def test_notes_begin_within_50_milliseconds_and_lie_within_a_semitone(tmp_path: Path) -> None:
    pytest.importorskip("mido")
    rng = np.random.default_rng(11)
    score = chorale(random_progression(rng, 8).tolist(), rng)
    known = sing_known(score, rng, lambda part, note: float(rng.normal(0, 8)))
    write_midi(F0Tracks(known.ensemble.f0), tmp_path / "a.mid", ["s", "a", "t", "b"])
    right = count = 0
    for part, found in zip(score.parts, read_score(tmp_path / "a.mid").parts, strict=True):
        truth, guess = (
            (
                np.array([(n.onset, n.onset + n.duration) for n in row]),
                hertz(np.array([n.pitch for n in row])),
            )
            for row in (part, found)
        )
        pairs = mir_eval.transcription.match_notes(*truth, *guess, pitch_tolerance=100.0, offset_ratio=None)
        right, count = right + len(pairs), count + len(part)
    assert right / count >= 0.95
