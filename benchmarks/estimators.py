"""Which estimator separates best for what it costs: `python -m benchmarks.estimators DATA_DIR`.

Each is trained for the same number of steps on mixtures of the same synthetic quartets (`vocsep.singers`: one
to six voices, rooms, some sections) and judged on the recordings that it finds: mean SI-SDR in dB of an
excerpt of each, J given, F0 estimated once, without adaptation and with it. ``bare harmonics`` and
``levels`` learn nothing, ``shipped`` is what comes with vocsep.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.mixtures import Recording
from benchmarks.options import add_recordings, found_recordings, new_parser, run
from benchmarks.scoring import separated
from vocsep import Separator
from vocsep.estimator.network import Estimator, EstimatorSettings
from vocsep.estimator.stored import load_estimator
from vocsep.methods.source_filter import (
    SourceFilter,
    SourceFilterSettings,
    Start,
    levelled_comb,
    untrained_comb,
)
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.repertoire import Repertoire, sing_repertoire
from vocsep.training.estimator import EstimatorTask
from vocsep.training.loop import train_steps
from vocsep.training.objectives import Objective
from vocsep.training.schedule import Schedule
from vocsep.training.trainer import Trainer
from vocsep.training.voices import BATCH, SECONDS, VALIDATED, SyntheticMixtures

VALIDATED_IN_THE_END = 10_000_000  # steps: held-out mixtures cost time, and the last weights are used


@dataclass(frozen=True)
class Design:
    """A network and what it is trained for."""

    settings: EstimatorSettings
    objective: Objective = "power"


DESIGNS = {
    "comb, 32 units": Design(EstimatorSettings(units=32)),
    "comb, 80 units": Design(EstimatorSettings()),
    "comb, 192 units": Design(EstimatorSettings(units=192)),
    "comb, 96 units, every frame": Design(EstimatorSettings(units=96, blocks=4, frame_step=1)),
    "comb, 80 units, paper's loss": Design(EstimatorSettings(), "sound"),
    "paper, smaller": Design(
        replace(EstimatorSettings.preset("paper"), encoder_units=96, encoder_layers=2, decoder_units=192)
    ),
}
Heard = Sequence[tuple[Recording, F0Tracks]]


def trained(design: Design, songs: Repertoire, steps: int, seed: int) -> tuple[Estimator, str]:
    """The network after ``steps`` steps, and what that cost."""
    torch.manual_seed(seed)
    estimator = Estimator(design.settings)
    trainer = Trainer(EstimatorTask(estimator, objective=design.objective), seed=seed)
    stock = SyntheticMixtures(songs, seed + 1, voices=(4,))
    held_out = [stock.at(number).batch(BATCH) for number in range(VALIDATED)]
    schedule = Schedule(steps=steps, learning_rate=2e-3, validate_every=VALIDATED_IN_THE_END)
    mixtures = SyntheticMixtures(songs, seed)
    began = time.process_time()
    train_steps(trainer, lambda step: mixtures.at(step).batch(BATCH), held_out, schedule)
    cost = (time.process_time() - began) / steps
    size = sum(parameter.numel() for parameter in estimator.parameters())
    return estimator.eval(), f"{size} | {cost:.2f}"


def judged(start: Start, heard: Heard, separator: Separator, steps_of_adaptation: Sequence[int]) -> str:
    """Mean SI-SDR of each recording and of all for each number of steps, as cells of a table."""
    cells = []
    for steps in steps_of_adaptation:
        estimate = SourceFilter(start, SourceFilterSettings(steps, room=steps > 0))
        separator.method = replace(separator.method, estimate=estimate)
        means = [separated(recording, separator, tracks).mean for recording, tracks in heard]
        cells.append(" ".join(f"{mean:.2f}" for mean in means) + f" = {np.mean(means):.2f}")
    return " | ".join(cells)


def benchmark(options: argparse.Namespace) -> None:
    """Train and judge all designs and print the table line by line."""
    separator = Separator(postfilter=False, device="cpu")
    found = found_recordings(options)
    heard = [(one, separator.pitch.estimate(one.mixture, len(one.stems))) for one in found]
    songs = sing_repertoire(options.quartets, 2 * SECONDS, options.seed + 90, 2)
    print("recordings: " + ", ".join(recording.name for recording, _ in heard))
    print("| estimator | parameters | s of processor a step | no adaptation | with adaptation |")
    print("|---|---|---|---|---|", flush=True)
    both = (0, SourceFilterSettings().steps)
    if not options.design:
        print(f"| bare harmonics | 0 | 0 | {judged(untrained_comb, heard, separator, both)} |", flush=True)
        print(f"| levels | 0 | 0 | {judged(levelled_comb, heard, separator, both[:1])} | |", flush=True)
        shipped = load_estimator().eval()
        print(f"| shipped | | | {judged(shipped, heard, separator, both)} |", flush=True)
    for name in options.design or DESIGNS:
        estimator, cost = trained(DESIGNS[name], songs, options.steps, options.seed)
        print(f"| {name} | {cost} | {judged(estimator, heard, separator, both)} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("estimators", __doc__)
    add_recordings(parser, start=20.0, duration=30.0)
    parser.add_argument("--steps", type=int, default=400, help="of training, for each design")
    parser.add_argument("--quartets", type=int, default=300, help="to sing, of eight seconds")
    parser.add_argument(
        "--design", action="append", choices=DESIGNS, help="only this one; repeatable; default: all"
    )
    parser.add_argument("--seed", type=int, default=0)
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
