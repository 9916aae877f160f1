"""How right the notes of a MIDI file are: `python -m benchmarks.notes [--choirs N] [--wild]`.

Synthetic quartets sing chorales; the notes found in their F0 are written as MIDI, read back, and compared
with the score: a note is right where it begins within 50 ms and lies within a semitone
(mir_eval.transcription). ``--wild``: the singers and scores of the training data instead, with scoops, wide
vibrato and consonants that bend the pitch, at up to 11 notes a second.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import mir_eval
import numpy as np

from benchmarks.options import new_parser, run
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.choir import chorale, sing_known
from vocsep.singers.quartet import sing_score
from vocsep.singers.score import Score, random_progression, random_score
from vocsep.transcription.exports import voice_names
from vocsep.transcription.midi import write_midi
from vocsep.transcription.notes import hertz
from vocsep.transcription.score_reading import WrittenNote, read_score

ONSET, PITCH = 0.05, 100.0  # s, cents


def sung(seed: int, wild: bool) -> tuple[Score, F0Tracks]:
    """A score and the F0 with which it was sung."""
    rng = np.random.default_rng(200 + seed)
    if wild:
        score = random_score(rng, 12.0)
        return score, F0Tracks(sing_score(score, rng, room=False).f0)
    score = chorale(random_progression(rng, 16).tolist(), rng)
    return score, F0Tracks(sing_known(score, rng, lambda part, note: float(rng.normal(0, 8))).ensemble.f0)


def read_back(tracks: F0Tracks) -> tuple[tuple[WrittenNote, ...], ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notes.mid"
        write_midi(tracks, path, voice_names(tracks.voices))
        return read_score(path).parts


def benchmark(options: argparse.Namespace) -> None:
    """Print the table."""
    right = written = found = 0
    for seed in range(options.choirs):
        score, tracks = sung(seed, options.wild)
        for part, notes in zip(score.parts, read_back(tracks), strict=True):
            truth, guess = (
                (
                    np.array([(n.onset, n.onset + n.duration) for n in row]),
                    hertz(np.array([n.pitch for n in row])),
                )
                for row in (part, notes)
            )
            pairs = mir_eval.transcription.match_notes(
                *truth, *guess, onset_tolerance=ONSET, pitch_tolerance=PITCH, offset_ratio=None
            )
            right, written, found = right + len(pairs), written + len(part), found + len(notes)
    print(f"{written} notes written, {found} found, {right} right: recall {right / written:.3f},", end=" ")
    print(f"precision {right / found:.3f}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("notes", __doc__)
    parser.add_argument("--choirs", type=int, default=12)
    parser.add_argument("--wild", action="store_true")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
