"""The scores of every second as a table for other programs."""

import csv
from pathlib import Path

import numpy as np

from vocsep.evaluation.scores import METRICS, Evaluation
from vocsep.media.staging import written_beside


def write_csv(evaluation: Evaluation, path: Path) -> None:
    """Write one row for each method, song, voice and second; written beside ``path``, then renamed.

    Columns: ``method,song,voice,second`` and one for each of `METRICS` in dB, empty where nothing was scored.
    ``second`` is the start of the window in s.
    """
    with written_beside(path) as staged, staged.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["method", "song", "voice", "second", *METRICS])
        for method in evaluation.methods:
            for song in method.songs:
                for voice in song.voices:
                    rows = np.stack([voice.scores[metric] for metric in METRICS], axis=1)
                    label = (method.name, song.song, voice.voice)
                    table.writerows(
                        [*label, second, *("" if np.isnan(value) else f"{value:.4f}" for value in row)]
                        for second, row in enumerate(rows)
                    )
