"""Stems in a simulated hall: reverberant versions of any stems, for measuring.

A shoebox of 12 x 10 x 5 m whose walls all absorb alike, as much as Sabine's formula wants for a reverberation
time; image sources by pyroomacoustics (R. Scheibler, E. Bezzam and I. Dokmanic, "Pyroomacoustics", ICASSP
2018), which this benchmark needs and vocsep does not. The singers stand on an arc about 3 m from one
microphone. `python -m benchmarks.halls FROM TO --hall 0.5` writes stems in the hall as files.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from benchmarks.mixtures import Recording
from benchmarks.options import new_parser, run
from vocsep.errors import AudioError, DependencyError
from vocsep.media.finding import find_audio
from vocsep.spectra import SAMPLE_RATE

SIZE = (12.0, 10.0, 5.0)  # m
MICROPHONE = (6.0, 3.0, 1.9)  # m
DISTANCE = 3.0  # m
ARC = (-50.0, 50.0)  # degrees, from the first singer to the last
SPEED = 343.0  # m/s
EARLY = 40  # taps by which pyroomacoustics delays everything


def hall_responses(
    singers: int, reverberation_time: float, sample_rate: int, seed: int = 0
) -> list[NDArray[np.float64]]:
    """Impulse response from each singer to the microphone; direct sound at tap 0 for the nearest, about 1.

    Args:
        singers: how many stand on the arc.
        reverberation_time: s, by Sabine's formula.
        sample_rate: Hz.
        seed: of the few centimetres by which singers stand off their places.
    """
    return _responses(singers, reverberation_time, sample_rate, seed, 0.0, 1)[0]


def pair_responses(
    singers: int, reverberation_time: float, sample_rate: int, spacing: float, seed: int = 0
) -> list[list[NDArray[np.float64]]]:
    """Impulse responses of each of two microphones, ``spacing`` metres apart where the single one stands:
    ``[microphone][singer]``; else as `hall_responses`, but with up to ``spacing`` less of silence before."""
    return _responses(singers, reverberation_time, sample_rate, seed, spacing, 2)


def _responses(
    singers: int, reverberation_time: float, sample_rate: int, seed: int, spacing: float, microphones: int
) -> list[list[NDArray[np.float64]]]:
    """``[microphone][singer]``."""
    try:
        import pyroomacoustics
    except ImportError as error:
        raise DependencyError("halls need pyroomacoustics: pip install pyroomacoustics") from error
    absorption, order = pyroomacoustics.inverse_sabine(reverberation_time, SIZE)
    material = pyroomacoustics.Material(absorption)
    room = pyroomacoustics.ShoeBox(SIZE, fs=sample_rate, materials=material, max_order=order)
    places = np.repeat(np.array(MICROPHONE)[:, None], microphones, axis=1)
    places[0] += spacing * np.linspace(-0.5, 0.5, microphones) if microphones > 1 else 0.0
    room.add_microphone_array(places)
    rng = np.random.default_rng(seed)
    angles = np.radians(np.linspace(*ARC, singers) if singers > 1 else np.zeros(1))
    distances = DISTANCE + rng.uniform(-0.15, 0.15, singers)
    for angle, distance in zip(angles, distances, strict=True):
        x, y, _ = MICROPHONE
        place = (x + distance * np.sin(angle), y + distance * np.cos(angle), 1.6 + rng.uniform(-0.1, 0.1))
        room.add_source(place)
    room.compute_rir()
    first = EARLY + int(max(distances.min() - spacing / 2, 0.0) / SPEED * sample_rate)
    # Amplitudes are 1 / (4 pi r): the direct sound of a singer at DISTANCE becomes 1.
    return [[np.asarray(rir)[first:] * (4 * np.pi * DISTANCE) for rir in row] for row in room.rir]


def in_hall(
    stems: NDArray[np.floating], reverberation_time: float, sample_rate: int, seed: int = 0
) -> NDArray[np.float32]:
    """Stems ``(voices, samples)`` as the microphone hears them, of the same length and loudness."""
    responses = hall_responses(len(stems), reverberation_time, sample_rate, seed)
    heard = np.stack([fftconvolve(s, r)[: len(s)] for s, r in zip(stems, responses, strict=True)])
    heard *= np.sqrt(np.mean(np.square(stems)) / max(float(np.mean(np.square(heard))), 1e-20))
    return heard.astype(np.float32)


def moved_to_hall(recording: Recording, reverberation_time: float) -> Recording:
    """The recording in a simulated hall; the F0 of its stems are those of what is sung, without tails."""
    stems = in_hall(recording.stems, reverberation_time, SAMPLE_RATE)
    return replace(recording, name=f"{recording.name}, hall {reverberation_time} s", stems=stems)


def write(options: argparse.Namespace) -> None:
    """Write the stems of a folder as they sound in the hall."""
    paths = find_audio([options.source / "stems"])
    read = [soundfile.read(path) for path in paths]
    rates, samples = {rate for _, rate in read}, max(len(audio) for audio, _ in read)
    if len(rates) != 1:
        raise AudioError(f"{options.source}: the stems have different rates")
    mono = [audio if audio.ndim == 1 else audio.mean(axis=1) for audio, _ in read]
    stems = np.stack([np.pad(audio, (0, samples - len(audio))) for audio in mono])
    (options.target / "stems").mkdir(parents=True)
    for path, stem in zip(paths, in_hall(stems, options.hall, rates.pop(), options.seed), strict=True):
        soundfile.write(options.target / "stems" / f"{path.stem}.wav", stem, read[0][1], subtype="FLOAT")
    if (options.source / "f0_of_stems.csv").is_file():
        shutil.copy(options.source / "f0_of_stems.csv", options.target)  # of what is sung, not of its tails


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("halls", __doc__)
    parser.add_argument("source", type=Path, metavar="FROM", help="folder with a folder stems/")
    parser.add_argument("target", type=Path, metavar="TO")
    parser.add_argument("--hall", type=float, required=True, metavar="S", help="reverberation time")
    parser.add_argument("--seed", type=int, default=0)
    return run(write, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
