"""Functions in several processes that find each other, as those that ``torchrun`` starts."""

import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

MEETINGS = 9  # how often processes may find each other
PORTS: list[int] = []


def next_port() -> None:
    """Processes find each other at another place each time: the last one remembers who was there."""
    if PORTS:
        os.environ["MASTER_PORT"] = str(PORTS.pop())


def in_processes(size: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What ``function(*arguments)`` returns in each of ``size`` processes, as JSON knows it.

    The function must be found by its name in a module of ``tests/support``.
    """
    # This process is what ``torchrun`` is: it holds the places where the others meet, so no port can be taken
    # by somebody else in between.
    places = [dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False) for _ in range(MEETINGS)]
    ports = [place.port for place in places]
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [
        context.Process(target=_run, args=(rank, size, ports, queue, function, arguments))
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    answers = dict(queue.get(timeout=120) for _ in processes)
    for process in processes:
        process.join(timeout=30)
    return [json.loads(answers[rank]) for rank in range(size)]


def _run(rank: int, size: int, ports: list[int], queue: Any, function: Any, arguments: Any) -> None:
    PORTS.extend(ports)
    known: dict[str, Any] = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size}
    known |= {"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_USE_AGENT_STORE": True}
    os.environ |= {name: str(value) for name, value in known.items()}
    torch.set_num_threads(1)  # as torchrun has it: threads of all would wait for each other's cores
    try:
        answer = function(*arguments)
    except BaseException as error:
        answer = f"{type(error).__name__}: {error}"
    queue.put((rank, json.dumps(answer)))


def tones(folder: Path) -> None:
    """Three recordings of two tones each."""
    import numpy as np
    import soundfile

    folder.mkdir()
    times = np.arange(2 * 16_000) / 16_000
    for number, name in enumerate(("a.wav", "b.wav", "c.wav"), start=1):
        sounds = [np.sin(2 * np.pi * f * k * times) / k for f in (220, 330) for k in range(1, 9)]
        soundfile.write(folder / name, 0.1 * number * np.sum(sounds, axis=0), 16_000)


def learned(
    folder: str, output: str, *, stop: str = "", resume: bool = False, batch: int = 3, steps: int = 6
) -> Any:
    """A fit in miniature, with pitches that are known: the losses of each step, or how it was stopped.

    Args:
        stop: ``here``: interrupted after step 3; ``signal``: by a signal to the last process alone; ``all``:
            by signals to all, at different moments, and once more while what was reached is saved.
    """
    import signal

    import numpy as np

    import vocsep.fit.fit
    from vocsep.errors import Interrupted
    from vocsep.fit.fit import FitProgress, FitSettings, fit
    from vocsep.pitch.tracks import F0Tracks
    from vocsep.spectra import frame_count
    from vocsep.training.run import TrainingRun

    class KnownPitch:
        def __init__(self, *model: Any, **options: Any) -> None:
            pass

        def estimate(self, audio: Any, voices: int | None = None, progress: Any = None) -> F0Tracks:
            heard.append(len(audio))
            return F0Tracks(np.repeat(np.array([[330.0], [220.0]]), frame_count(len(audio)), axis=1))

    curve: list[list[float]] = []
    heard: list[int] = []

    def tell(at: FitProgress) -> None:
        if at.training is None:
            return
        curve.append([at.training.step, at.training.loss, at.training.validated])
        if at.training.step == 3 and stop in ("signal", "all") and last:
            signal.raise_signal(signal.SIGTERM)
        if at.training.step == 3 and stop == "here":
            raise KeyboardInterrupt

    def keep(run: TrainingRun[Any]) -> None:
        if stop == "all" and run.trainer.at.step in ((3,) if last else (2, 3)):
            signal.raise_signal(signal.SIGTERM)
        keeps(run)

    next_port()
    last = os.environ.get("RANK", "0") == str(int(os.environ.get("WORLD_SIZE", "1")) - 1)
    network = {"units": 8, "blocks": 1, "bands": 8, "lsf_order": 4}
    chosen = {"steps": steps, "minutes": None, "batch": batch, "seconds": 0.5, "validate_every": 2}
    chosen |= {"warm_up": 0, "device": "cpu", "estimator": network, "learning_rate": 0.01}
    kept, keeps = vocsep.fit.fit.PitchEstimator, TrainingRun.keep
    vocsep.fit.fit.PitchEstimator = KnownPitch  # type: ignore[misc, assignment]
    TrainingRun.keep = keep  # type: ignore[method-assign]
    try:
        fit(Path(folder), Path(output), FitSettings.from_dict(chosen), resume=resume, progress=tell)
    except Interrupted as error:
        return {"stopped": str(error), "curve": curve, "heard": len(heard)}
    finally:
        vocsep.fit.fit.PitchEstimator = kept  # type: ignore[misc]
        TrainingRun.keep = keeps  # type: ignore[method-assign]
    return {"curve": curve, "heard": len(heard)}


def trained(output: str) -> Any:
    """A training of the pitch network in miniature, on noise: its losses after each step."""
    from dataclasses import replace

    import torch

    from vocsep.pitch.harmonic_stack import BINS, READINGS
    from vocsep.training.examples import Examples
    from vocsep.training.pitch import PITCH, salience_loss
    from vocsep.training.schedule import Schedule
    from vocsep.training.settings import TrainingSettings
    from vocsep.training.task import NetworkTask
    from vocsep.training.train import Prepared, train

    def batch(step: int) -> Examples:
        generator = torch.Generator().manual_seed(step)
        stack = torch.randn(5, 2 * READINGS, BINS, 4, generator=generator)
        f0 = 100 + 400 * torch.rand(5, 2, 4, generator=generator)
        return Examples(((stack, f0),))

    def prepare(network: Any, settings: TrainingSettings, tell: Any) -> Prepared[Examples]:
        return Prepared(NetworkTask(network, salience_loss), batch, [batch(1000), batch(1001)])

    next_port()
    curve: list[list[float]] = []

    def tell(stage: str, share: float, at: Any) -> None:
        if at is not None:
            curve.append([at.step, at.loss, at.validated])

    recipe = replace(PITCH, prepare=prepare, schedule=Schedule(validate_every=2, warm_up=0))
    settings = TrainingSettings(1.0, 1, steps=4)
    sizes = {"channels": 4, "tall": 2, "blocks": 1}
    train(recipe, Path(output), settings, network=sizes, progress=tell)
    return curve


def several_fits(folder: str, made: str, begun: str, stopped: str, hurried: str) -> Any:
    """A whole fit, one that was begun by one process, one that a signal stops, one that several stop."""
    from vocsep.training.processes import LEFT

    return {
        "whole": learned(folder, made),
        "trained": trained(f"{made}-pitch"),
        "resumed": learned(folder, begun, resume=True),
        "stopped": learned(folder, stopped, stop="signal"),
        "hurried": learned(folder, hurried, stop="all"),
        "too_many": _line_of(lambda: learned(folder, f"{made}-2", batch=1)),
        "alone": _line_of(_one_fails),
        "lines": _gathered(),
        "left": [len(LEFT), MEETINGS - len(PORTS)],
    }


def _line_of(call: Callable[[], Any]) -> str:
    from vocsep.errors import VocsepError

    try:
        call()
    except VocsepError as error:
        return f"{type(error).__name__}: {error}"
    return "went well"


def _one_fails() -> None:
    """The last process has an error of its own; the first has one before the others."""
    import torch

    from vocsep.errors import AudioError
    from vocsep.training.processes import joined

    def fails() -> None:
        raise AudioError("disk: is full")

    next_port()
    with joined(torch.device("cpu")) as processes:
        processes.after_leader(lambda: None if processes.leads else fails())


def _gathered() -> Any:
    import torch

    from vocsep.training.processes import joined

    next_port()
    with joined(torch.device("cpu")) as processes:
        return [processes.gathered({"é" * (processes.rank + 1): processes.rank}), processes.total([1.0, 2.5])]
