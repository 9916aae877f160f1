"""One training step: the default preset as shipped, next to a straightforward implementation of the paper.

    python -m benchmarks.step [--batch 16] [--seconds 4] [--voices 4] [--plain-batch 2]

Five measurements, each in a process of its own so that its peak memory is its own: a whole step (estimator,
source model, loss, backward, Adam) and the source model alone, forward and backward; once with the default
preset, once with the `paper` preset, a bank of 101 oscillators and the recursion sample by sample
(tests/support/plain.py). ``step`` learns by the paper's loss on the waveform (objective sound),
``power-step`` by the powers that masks are made of, which is what `vocsep fit` does by default. With
--plain-batch below --batch the plain figures are scaled up, which the output says.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.options import new_parser, run
from vocsep.estimator.network import Estimator, EstimatorSettings
from vocsep.memory import keep_freed_memory
from vocsep.source.excitation import harmonic_excitation, uniform_noise
from vocsep.source.lsf import lsf_from_increments
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.training.estimator import EstimatorTask
from vocsep.training.excerpts import Excerpts
from vocsep.training.loss import FFT_SIZES, multi_scale_spectral_loss
from vocsep.training.trainer import Trainer

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT / "tests" / "support") not in sys.path:
    sys.path.append(str(ROOT / "tests" / "support"))
from plain import plain_synthesise  # noqa: E402

CASES = ("step", "power-step", "plain-step", "source", "plain-source")
COMPARED = (("step", "plain-step"), ("power-step", "plain-step"), ("source", "plain-source"))


def example(batch: int, voices: int, seconds: float) -> tuple[Tensor, Tensor]:
    """A mixture ``(batch, samples)`` of peak 1 and gliding F0 ``(batch, voices, frames)``, always voiced."""
    generator = torch.Generator().manual_seed(0)
    frames = int(seconds * SAMPLE_RATE) // HOP
    starts = 100 * 4 ** torch.rand(batch, voices, 1, generator=generator)
    vibrato = 0.02 * torch.sin(torch.arange(frames + 1) * 0.5)
    f0 = starts * (1 + vibrato)
    mixture = harmonic_excitation(f0, frames * HOP).sum(1)
    return mixture / mixture.abs().amax(-1, keepdim=True), f0


def plain_loss(estimate: Tensor, target: Tensor) -> Tensor:
    """(13), (14) with torch.stft, recorded by autograd."""
    total = torch.zeros(())
    for size in FFT_SIZES:
        ours, theirs = (
            torch.stft(signal, size, size // 4, window=torch.hann_window(size), return_complex=True)
            .abs()
            .clamp(min=1e-5)
            for signal in (estimate, target)
        )
        total = total + (ours - theirs).abs().mean() + (ours.log() - theirs.log()).abs().mean()
    return total


def whole_step(plain: bool, mixture: Tensor, f0: Tensor) -> Callable[[], None]:
    """A training step of the default preset, or of the paper's network with the plain source model."""
    torch.manual_seed(0)
    estimator = Estimator(EstimatorSettings.preset("paper") if plain else EstimatorSettings())
    optimiser = torch.optim.Adam(estimator.parameters(), 1e-4)
    samples = mixture.shape[-1]

    def step() -> None:
        optimiser.zero_grad()
        noise = uniform_noise((*f0.shape[:2], samples))
        if plain:
            voices = plain_synthesise(estimator(mixture, f0), samples, noise)
            loss = plain_loss(voices.sum(1), mixture)
        else:
            excitation = harmonic_excitation(f0, samples)
            voices = synthesise(
                estimator(mixture, f0, excitation), samples, excitation=excitation, noise=noise
            )
            loss = multi_scale_spectral_loss(voices.sum(1), mixture)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(estimator.parameters(), 1.0)
        optimiser.step()

    return step


def power_step(mixture: Tensor, f0: Tensor) -> Callable[[], None]:
    """A training step as `vocsep fit` takes it by default."""
    torch.manual_seed(0)
    trainer = Trainer(EstimatorTask(Estimator(), objective="power"))
    return lambda: trainer.step(Excerpts(mixture, f0), 1e-4, 1.0)


def source_alone(plain: bool, mixture: Tensor, f0: Tensor) -> Callable[[], None]:
    """Raw increments, amplitudes and noise magnitudes -> voices, and back to their gradients."""
    generator = torch.Generator().manual_seed(0)
    samples = mixture.shape[-1]
    alpha, gain = (torch.rand(f0.shape, generator=generator).requires_grad_() for _ in range(2))
    raw = (0.3 * torch.randn(*f0.shape, 21, generator=generator)).requires_grad_()
    magnitudes = torch.rand(*f0.shape[:2], 40, generator=generator).requires_grad_()

    def step() -> None:
        noise = uniform_noise((*f0.shape[:2], samples))
        parameters = SourceParameters(f0, alpha, gain, lsf_from_increments(raw), magnitudes)
        voices = (
            plain_synthesise(parameters, samples, noise)
            if plain
            else synthesise(parameters, samples, noise=noise)
        )
        torch.autograd.backward(voices.square().mean())

    return step


def measure(case: str, batch: int, voices: int, seconds: float, repeats: int) -> dict[str, float]:
    """Processor and wall time of one step in seconds, the best of some, and peak memory in GB."""
    keep_freed_memory()
    mixture, f0 = example(batch, voices, seconds)
    plain = case.startswith("plain")
    if case == "power-step":
        step = power_step(mixture, f0)
    else:
        step = (whole_step if case.endswith("step") else source_alone)(plain, mixture, f0)
    best = {"processor": float("inf"), "wall": float("inf")}
    for _ in range(repeats):
        processor, wall = time.process_time(), time.perf_counter()
        step()
        best["processor"] = min(best["processor"], time.process_time() - processor)
        best["wall"] = min(best["wall"], time.perf_counter() - wall)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return best | {"gigabytes": peak / (1e9 if sys.platform == "darwin" else 1e6)}


def measured_alone(case: str, batch: int, options: argparse.Namespace) -> dict[str, float]:
    """`measure` in a process of its own."""
    arguments = ["--case", case, "--batch", str(batch)]
    arguments += ["--voices", str(options.voices), "--seconds", str(options.seconds)]
    command = [sys.executable, "-m", "benchmarks.step", *arguments]
    waiting = {"OMP_WAIT_POLICY": "passive"} | os.environ  # as vocsep has it (see vocsep.cli)
    finished = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=waiting)
    result: dict[str, float] = json.loads(finished.stdout)
    return result


def benchmark(options: argparse.Namespace) -> None:
    """Measure all cases one after the other and print times and ratios; a single case as JSON."""
    if options.case:
        # The plain implementation runs once: its first step is no slower than the others to matter.
        repeats = 1 if options.case.startswith("plain") else 3
        print(json.dumps(measure(options.case, options.batch, options.voices, options.seconds, repeats)))
        return
    plain_batch = options.plain_batch or options.batch
    scale = options.batch / plain_batch
    print(
        f"batch {options.batch} x {options.seconds:g} s, {options.voices} voices, {os.cpu_count()} processors"
    )
    if scale != 1:
        print(f"plain: measured with batch {plain_batch}, times multiplied by {scale:g}; memory as measured")
    results = {}
    for case in CASES:
        plain = case.startswith("plain")
        result = measured_alone(case, plain_batch if plain else options.batch, options)
        for name in ("processor", "wall"):
            result[name] *= scale if plain else 1
        results[case] = result
        print(
            f"{case:14s} processor {result['processor']:7.2f} s   wall {result['wall']:7.2f} s   "
            f"peak {result['gigabytes']:5.2f} GB"
        )
    for case, plain_case in COMPARED:
        for name in ("processor", "wall"):
            ratio = results[plain_case][name] / results[case][name]
            print(f"{case}: {ratio:.0f} times less {name} time than plain")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("step", __doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--voices", type=int, default=4)
    parser.add_argument(
        "--plain-batch", type=int, help="batch of the plain implementation (default: as --batch)"
    )
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
