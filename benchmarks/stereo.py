"""What places are worth: `python -m benchmarks.stereo DATA_DIR` separates stereo mixes with and without them.

Recordings: see mixtures.py; ``--sung SEED`` adds a dry synthetic quartet. Each is mixed in several ways:
panned (constant power, equally spaced from -W to +W percent), panned with a diffuse reverberation of its own
in each channel, by two omnidirectional microphones some metres apart in a hall (halls.py, needs
pyroomacoustics), and as two equal channels. Both ways find the same F0 and masks.
Printed: SI-SDR per second of the mean of the channels, and of both channels together, for the masks and for
the multichannel filter, in dB.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from benchmarks.halls import pair_responses
from benchmarks.mixtures import Recording, Stems
from benchmarks.options import add_device, add_recordings, found_recordings, new_parser, run
from vocsep import Separator
from vocsep.errors import DependencyError
from vocsep.evaluation.seconds import mean_and_median
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.singers.quartet import sing_quartet
from vocsep.singers.room import room_response
from vocsep.spectra import SAMPLE_RATE

Images = NDArray[np.float32]  # (voices, samples, 2): what each voice gives to the two channels
SPACINGS = (0.2, 1.0, 3.0)  # m
WIDTHS = (60, 30)  # percent
HALL = 0.3  # s
TAIL = (0.6, 3.0)  # s and dB, of the reverberation of panned voices


def panned(stems: Stems, width: float) -> Images:
    """Voices from left to right, from ``-width`` to ``width`` percent, by the sine law."""
    angles = (np.linspace(-width, width, len(stems)) / 100 + 1) * np.pi / 4
    gains = np.stack((np.cos(angles), np.sin(angles)), axis=1)
    return np.asarray(stems[:, :, None] * gains[:, None], dtype=np.float32)


def panned_in_a_room(stems: Stems, width: float) -> Images:
    """Panned, and each voice with a tail that is another one in each channel."""
    rng, images = np.random.default_rng(5), panned(stems, width)
    for voice, stem in enumerate(stems):
        for channel in range(2):
            response = room_response(rng, *TAIL)
            response[0] = 0.0
            images[voice, :, channel] += fftconvolve(stem, response)[: len(stem)] / np.sqrt(2)
    return images


def by_a_pair(stems: Stems, spacing: float) -> Images:
    """As two microphones hear the voices in a hall."""
    rows = pair_responses(len(stems), HALL, SAMPLE_RATE, spacing)
    channels = [
        [fftconvolve(stem, response)[: len(stem)] for stem, response in zip(stems, row, strict=True)]
        for row in rows
    ]
    return np.stack(channels, axis=-1).astype(np.float32)


def mixes(stems: Stems) -> Iterator[tuple[str, Images]]:
    """All ways of mixing, by name."""
    for width in WIDTHS:
        yield f"panned {width} %", panned(stems, width)
    yield f"panned {WIDTHS[0]} %, reverberant", panned_in_a_room(stems, WIDTHS[0])
    try:
        for spacing in SPACINGS:
            yield f"pair {spacing} m apart", by_a_pair(stems, spacing)
    except DependencyError as error:
        print(f"  note: {error}")
    yield "equal channels", panned(stems, 0)


def scores(images: Images, stems: Images) -> tuple[float, float]:
    """Mean SI-SDR per second of the mean of the channels, and of both channels as one signal."""
    seconds = images.shape[1] // SAMPLE_RATE

    def joined(signals: Images) -> Images:
        whole = signals[:, : seconds * SAMPLE_RATE].reshape(len(signals), seconds, SAMPLE_RATE, 2)
        return np.asarray(whole.swapaxes(2, 3).reshape(len(signals), -1))

    down = si_sdr_per_second(images.mean(axis=2), stems.mean(axis=2), SAMPLE_RATE)
    both = si_sdr_per_second(joined(images), joined(stems), 2 * SAMPLE_RATE)
    return mean_and_median(down)[0], mean_and_median(both)[0]


def measure(recording: Recording, masks: Separator, places: Separator, told: Callable[[str], None]) -> None:
    """All mixes of one recording."""
    for name, images in mixes(recording.stems):
        images *= 0.9 / np.abs(images.sum(axis=0)).max()
        mixture = images.sum(axis=0)
        before, after = (
            scores(images, separator.separate(mixture, SAMPLE_RATE, len(images)).stems)
            for separator in (masks, places)
        )
        figures = "".join(f"{b:8.2f}{a:8.2f}{a - b:+7.2f} " for b, a in zip(before, after, strict=True))
        told(f"  {name:<26}{figures}")


def benchmark(options: argparse.Namespace) -> None:
    """Mix and separate all recordings and print a table of each."""
    found = found_recordings(options)
    if options.sung is not None:
        stems = sing_quartet(options.sung, options.duration, room=False).stems
        found.append(Recording(f"synthetic quartet {options.sung}", stems, None))
    masks, places = (Separator(spatial=spatial, device=options.device) for spatial in (False, True))
    for recording in found:
        if len(recording.stems) > 1:
            print(f"\n{recording.name}: SI-SDR in dB of masks, with places, gain")
            print(f"  {'':<26}{'mean of channels':^24}{'both channels':^24}")
            measure(recording, masks, places, lambda line: print(line, flush=True))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("stereo", __doc__)
    add_recordings(parser, start=10.0, duration=30.0)
    parser.add_argument("--sung", type=int, metavar="SEED", help="also a synthetic quartet")
    add_device(parser)
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
