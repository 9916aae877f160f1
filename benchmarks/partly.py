"""What stems are worth: `python -m benchmarks.partly`, on synthetic singing, minutes of one core a seed.

A choir of four synthetic singers sings songs in a room; models are fitted to folders of them by
`vocsep.fit.fit`, from random weights (or the shipped ones), with the same number of steps each, and separate
other songs of the same singers without adaptation (`--adapt 0`). While learning, F0 is estimated from the
mixtures; when judged, it is the true one, because what F0 errors cost is the same for all and larger than
what is measured here.

- mixtures: nothing but the mixtures (``supervision none``);
- + sopranos: the mixtures, and songs of the soprano alone;
- + own decoder: the same, and the soprano has a decoder of her own;
- partly: the mixtures with the stems of all voices, both losses added;
- supervised: stems alone (``supervision full``).

Printed: mean SI-SDR per second of each voice in dB (no mean removal, seconds more than 20 dB below the
voice's mean energy left out), the mean over seeds, and for each way the gain over the first (mixtures) with
its standard error over the seeds.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.mixtures import Stems
from benchmarks.options import new_parser, run
from benchmarks.scoring import score
from vocsep import Separator
from vocsep.fit.fit import fit
from vocsep.fit.settings import FitSettings
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.performance import CONTROL, perform
from vocsep.singers.room import reverberate, room_response
from vocsep.singers.score import random_score
from vocsep.singers.singer import Singer, random_singer
from vocsep.singers.voice import sing
from vocsep.spectra import HOP, SAMPLE_RATE

PARTS = ("soprano", "alto", "tenor", "bass")
ROOM, DIRECT = 0.3, 12.0  # s of reverberation; dB of direct sound over it
MEDIANS = (72.0, 66.0, 59.0, 51.0)  # MIDI numbers that the singers' vocal tracts fit
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "mixtures": ("mixtures", {}),
    "+ sopranos": ("sopranos", {}),
    "+ own decoder": ("sopranos", {"per_voice_decoders": ["soprano"]}),
    "partly": ("songs", {}),
    "supervised": ("songs", {"supervision": "full"}),
}


def song(choir: Sequence[Singer], seconds: float, rng: np.random.Generator) -> tuple[Stems, F0Tracks]:
    """A song by the choir in a small room, peak of the mixture 0.9, and the F0 of each voice."""
    samples = round(seconds * SAMPLE_RATE) // HOP * HOP
    stems, tracks = [], []
    for notes, singer in zip(random_score(rng, seconds).parts, choir, strict=True):
        audio, f0 = sing(perform(notes, singer, samples // CONTROL + 1, rng), singer, rng)
        stems.append(reverberate(audio, room_response(rng, ROOM, DIRECT)))
        tracks.append(f0)
    together = np.stack(stems).astype(np.float32)
    level = 0.9 / np.abs(together.sum(axis=0)).max()
    return np.asarray(together * level), F0Tracks(np.stack(tracks).astype(np.float64))


def write(path: Path, audio: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, SAMPLE_RATE, subtype="FLOAT")


def folders(root: Path, choir: Sequence[Singer], options: argparse.Namespace, seed: int) -> None:
    """Write what each way learns from."""
    rng = np.random.default_rng((seed, 1))
    for number in range(options.songs):
        stems, _ = song(choir, options.seconds, rng)
        for folder in ("mixtures", "sopranos", "songs"):
            write(root / folder / f"{number}" / "mix.wav", stems.sum(axis=0))
        for place, (part, stem) in enumerate(zip(PARTS, stems, strict=True), start=1):
            write(root / "songs" / f"{number}" / "stems" / f"{place}_{part}.wav", stem)
    for number in range(options.sopranos):
        alone = song(choir, options.seconds, rng)[0][0]
        write(
            root / "sopranos" / f"alone {number}" / "stems" / "soprano.wav", 0.5 * alone / np.abs(alone).max()
        )


def measure(root: Path, seed: int, options: argparse.Namespace) -> dict[str, list[float]]:
    """SI-SDR of each voice, by way."""
    rng = np.random.default_rng(seed)
    choir = [random_singer(rng, median) for median in MEDIANS]
    folders(root, choir, options, seed)
    rng = np.random.default_rng((seed, 2))
    tests = [song(choir, options.seconds, rng) for _ in range(options.tests)]
    scores: dict[str, list[float]] = {}

    def judge(way: str, separator: Separator, note: str) -> None:
        found: list[list[float]] = []
        for stems, f0 in tests:
            separated = separator.separate(stems.sum(axis=0), SAMPLE_RATE, tracks=f0, names=PARTS).stems
            found.append(score(stems, separated).voices)
        scores[way] = np.mean(found, axis=0).tolist()
        shown = "  ".join(f"{value:6.2f}" for value in scores[way])
        print(f"seed {seed}  {way:14s} {shown}   {note}", flush=True)

    if options.shipped:
        judge("shipped", Separator(adapt=0, device="cpu", postfilter=False), "where all ways start")
    for way in options.ways:
        folder, settings = WAYS[way]
        model = root / f"{way}.safetensors"
        began = time.process_time()
        learned = FitSettings.from_dict(
            {
                "voices": len(PARTS),
                "steps": options.steps,
                "minutes": None,
                "batch": options.batch,
                "from_scratch": not options.shipped,
                "device": "cpu",
                "seed": seed,
            }
            | settings
        )
        result = fit(root / folder, model, learned)
        cost = time.process_time() - began
        judge(
            way,
            Separator(model, adapt=0, device="cpu", postfilter=False),
            f"best at {result.best_step}, {cost:.0f} s",
        )
    return scores


def benchmark(options: argparse.Namespace) -> None:
    """Measure all seeds, print the table and write the figures as JSON if asked to."""
    results = []
    print(f"{'':23s}{'  '.join(f'{part:>6s}' for part in ('sopr.', 'alto', 'tenor', 'bass'))}")
    for seed in options.seeds:
        with tempfile.TemporaryDirectory(prefix="vocsep-") as folder:
            results.append(measure(Path(folder), seed, options))
    figures = {way: np.array([result[way] for result in results]) for way in results[0]}
    for way, voices in figures.items():
        values = [*voices.mean(axis=0), voices.mean()]
        print(f"mean    {way:14s} {'  '.join(f'{value:6.2f}' for value in values)}")
    first = next(iter(figures))
    for way in [way for way in figures if way != first]:
        gain = figures[way] - figures[first]
        error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.zeros(len(PARTS))
        shown = "  ".join(f"{g:+.2f} ({e:.2f})" for g, e in zip(gain.mean(axis=0), error, strict=True))
        print(f"gain    {way:14s} {shown}   over {first}")
    if options.json:
        options.json.write_text(json.dumps({way: voices.tolist() for way, voices in figures.items()}) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("partly", __doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--songs", type=int, default=8, help="mixtures to learn from")
    parser.add_argument("--sopranos", type=int, default=8, help="songs of the soprano alone")
    parser.add_argument("--tests", type=int, default=4, help="other songs, to separate")
    parser.add_argument("--seconds", type=float, default=12.0, help="length of each")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--shipped", action="store_true", help="start from the shipped model")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--json", type=Path)
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
