"""The spectrogram of a recording on a logarithmic axis, in tiles: a picture of any length, bounded memory.

Level 0 has a column for each frame of the F0 tracks; each further level has half as many, each column the
louder of two. A tile is computed when it is first asked for and then lies in the project's folder.
"""

import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.errors import AudioError
from vocsep.media.reading import to_analysis
from vocsep.media.staging import written_beside
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count, power, stft
from vocsep.studio.png import decode_grey, encode_grey
from vocsep.studio.project import Project

FFT = 4096  # samples at 16 kHz, 256 ms: semitones lie apart down to 130 Hz, partials everywhere
LOW = 440 * 2 ** ((24 - 69) / 12)  # Hz, C1, the middle of the lowest row
PER_SEMITONE, SEMITONES = 3, 84  # rows: up to C8
ROWS = PER_SEMITONE * SEMITONES
COLUMNS = 512  # of a tile
QUIETEST, LOUDEST = -90.0, -10.0  # dB of a sine of full scale: black and white
MARGIN = FFT // HOP  # frames read before a tile and after it
_COMPUTING = threading.Lock()  # one tile at a time: the processor is for the separation
FOLDER = "spectrogram"  # of the project, where the tiles lie


def tile_plan(project: Project) -> dict[str, Any]:
    """Which tiles there are, and what their rows and columns mean."""
    columns = _frames(project)
    levels = [{"seconds_per_column": HOP / SAMPLE_RATE, "columns": columns}]
    while levels[-1]["columns"] > COLUMNS:
        level = len(levels)
        per_column = HOP / SAMPLE_RATE * 2**level
        levels.append({"seconds_per_column": per_column, "columns": -(-columns // 2**level)})
    return {
        "low_hz": LOW,
        "bins_per_semitone": PER_SEMITONE,
        "bins": ROWS,
        "levels": levels,
        "tile_columns": COLUMNS,
    }


def tile_png(project: Project, level: int, tile: int) -> bytes:
    """A tile as a PNG of `ROWS` rows, the highest pitch on top, and `COLUMNS` columns, black beyond the end.

    Raises:
        AudioError: there is no such tile, or the recording cannot be read.
    """
    levels = tile_plan(project)["levels"]
    if not (0 <= level < len(levels) and 0 <= tile * COLUMNS < levels[level]["columns"]):
        raise AudioError(f"spectrogram: there is no tile {tile} of level {level}")
    picture, path = _tile(project, level, tile), _place(project, level, tile)
    return path.read_bytes() if path.exists() else encode_grey(picture)


def _tile(project: Project, level: int, tile: int) -> NDArray[np.uint8]:
    path = _place(project, level, tile)
    known = _kept(path)
    if known is not None:
        return known
    if level == 0:
        with _COMPUTING:
            picture = _computed(project, tile * COLUMNS)
    else:
        last = -(-_frames(project) // (COLUMNS * 2 ** (level - 1))) - 1
        halves = [
            _tile(project, level - 1, below) if below <= last else np.zeros((ROWS, COLUMNS), np.uint8)
            for below in (2 * tile, 2 * tile + 1)
        ]
        picture = np.concatenate(halves, axis=1).reshape(ROWS, COLUMNS, 2).max(axis=2)
    _keep(path, picture)
    return picture


def _place(project: Project, level: int, tile: int) -> Path:
    return project.folder / FOLDER / f"{level}-{tile}.png"


def _kept(path: Path) -> NDArray[np.uint8] | None:
    try:
        picture = decode_grey(path.read_bytes())
    except (OSError, ValueError):
        return None
    return picture if picture.shape == (ROWS, COLUMNS) else None


def _keep(path: Path, picture: NDArray[np.uint8]) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        with written_beside(path) as staged:
            staged.write_bytes(encode_grey(picture))
    except OSError:
        return  # a full disk makes pictures slower, no more


def _computed(project: Project, first: int) -> NDArray[np.uint8]:
    """`COLUMNS` columns of level 0 from frame ``first`` on."""
    rate, begin = project.info.sample_rate, max(first - MARGIN, 0)
    low, high = (round(frame * HOP * rate / SAMPLE_RATE) for frame in (begin, first + COLUMNS + MARGIN))
    with project.lock:
        block = project.source.read(low, high - low)
    audio = torch.from_numpy(to_analysis(block, rate))
    weights = rows_of_bins()
    powers = power(stft(audio, FFT)[: weights.shape[1]] * (4 / FFT))  # a sine of full scale is 1
    heard = (weights @ powers)[:, first - begin :][:, :COLUMNS].clamp_min(1e-12)
    level = (10 * heard.log10() - QUIETEST) / (LOUDEST - QUIETEST)
    columns = min(heard.shape[1], _frames(project) - first)
    picture = np.zeros((ROWS, COLUMNS), np.uint8)
    picture[:, :columns] = (255 * level.clamp(0, 1)).round().byte().flip(0).numpy()[:, :columns]
    return picture


@lru_cache(maxsize=1)
def rows_of_bins() -> torch.Tensor:
    """Weights ``(ROWS, bins)`` of the lower bins of the FFT, the lowest row first: triangles as wide as a row
    or a bin."""
    middle = LOW * 2 ** (np.arange(ROWS) / (12 * PER_SEMITONE))
    bins = np.arange(int(1.05 * middle[-1] * FFT / SAMPLE_RATE)) * SAMPLE_RATE / FFT
    width = np.maximum(middle * (2 ** (1 / (12 * PER_SEMITONE)) - 1), SAMPLE_RATE / FFT)
    weights = np.maximum(1 - np.abs(bins - middle[:, None]) / width[:, None], 0)
    return torch.from_numpy((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def _frames(project: Project) -> int:
    return frame_count(round(project.info.samples * SAMPLE_RATE / project.info.sample_rate))
