"""One training by several processes, as ``torchrun`` starts them: examples are shared, gradients averaged.

All processes draw the same batch and each learns its own rows of it, so the losses are those of one process
with the whole batch. All decide alike when to validate, to end and to stop: by the clock of the first one,
which is also the only one that writes and speaks.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from vocsep.errors import Interrupted, SettingsError, VocsepError
from vocsep.training.task import Task

Made = TypeVar("Made")
NAMED = "process"  # begins an error that happened in another process than the first
CPU = torch.device("cpu")
PATIENCE = timedelta(days=7)  # one process may find F0 for days while the others wait
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(frozen=True)
class Processes:
    """Those that train together.

    Attributes:
        rank: number of this one, from 0.
        size: how many there are.
        device: where this one computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = CPU

    def command(self, arguments: Sequence[str]) -> list[str]:
        """How the user starts vocsep in as many processes."""
        if self.size == 1:
            return ["vocsep", *arguments]
        return ["torchrun", "--nproc-per-node", str(self.size), "-m", "vocsep", *arguments]

    @property
    def leads(self) -> bool:
        """Whether this one writes and speaks."""
        return self.rank == 0

    def total(self, numbers: Sequence[float]) -> list[float]:
        """Sums over all processes, of as many numbers in each."""
        if self.size == 1:
            return list(numbers)
        tensor = torch.tensor(numbers, dtype=torch.float64, device=self._where)
        dist.all_reduce(tensor)
        return [float(number) for number in tensor]

    def of_leader(self, number: float) -> float:
        """The number that the first process has."""
        return self.total([number if self.leads else 0.0])[0]

    def gathered(self, value: Any) -> list[Any]:
        """What each process has to say, as JSON knows it, in their order; nothing is pickled."""
        if self.size == 1:
            return [value]
        text = torch.tensor(list(json.dumps(value).encode()), dtype=torch.uint8, device=self._where)
        lengths = [torch.zeros(1, dtype=torch.int64, device=self._where) for _ in range(self.size)]
        dist.all_gather(lengths, torch.tensor([len(text)], device=self._where))
        room = torch.zeros(max(int(length) for length in lengths), dtype=torch.uint8, device=self._where)
        room[: len(text)] = text
        texts = [torch.zeros_like(room) for _ in range(self.size)]
        dist.all_gather(texts, room)
        return [
            json.loads(bytes(text[: int(length)].tolist()))
            for text, length in zip(texts, lengths, strict=True)
        ]

    def after_leader(self, make: Callable[[], Made]) -> Made:
        """``make()`` of the first process, then that of the others, which find what it has left.

        Raises:
            VocsepError: it failed in the first process, which says why; the others say nothing.
        """
        made: list[Made] = []
        try:
            if self.leads:
                made.append(make())
        finally:
            succeeded = self.of_leader(float(bool(made)))
        if not succeeded:
            raise VocsepError("")
        return made[0] if made else make()

    @contextmanager
    def held_by_leader(self, hold: AbstractContextManager[None]) -> Iterator[None]:
        """Within a context that only the first process enters; the others begin when it has.

        Raises:
            VocsepError: it cannot be entered, which the first process says.
        """
        with ExitStack() as stack:
            self.after_leader(lambda: stack.enter_context(hold if self.leads else nullcontext()))
            yield

    def learner(self, task: Task[Any]) -> Callable[[Any, int], Tensor]:
        """The task's loss, of batch and seed; gradients are averaged on the way back."""
        if self.size == 1:
            return task.loss
        own = [self.device] if self.device.type == "cuda" else None
        # Voices without stems, and rooms that are not heard, have no gradients in a step.
        return nn.parallel.DistributedDataParallel(_Loss(task), own, find_unused_parameters=True)

    @property
    def _where(self) -> torch.device:
        """Where numbers must be to be sent: gloo sends from the CPU, nccl from a GPU."""
        return self.device if dist.get_backend() == "nccl" else torch.device("cpu")


ALONE = Processes()
# Groups that were left. The last reference to one may be held by an error's frames; who drops it there waits
# for the group's threads with the interpreter's lock in hand, which one of them may want for the tensor of
# the last sum: both wait for ever (torch 2.13). A group that is kept until the process ends waits for nobody.
LEFT: list[dist.ProcessGroup] = []


class _Loss(nn.Module):
    """A task as a module, as DistributedDataParallel wants it: what learns is below it."""

    def __init__(self, task: Task[Any]) -> None:
        super().__init__()
        self.network, companion = task.network, task.companion()
        self.companion = companion[1] if companion else None
        self._loss = task.loss

    def forward(self, batch: Any, seed: int) -> Tensor:
        return self._loss(batch, seed)


@contextmanager
def joined(device: torch.device, environment: Mapping[str, str] = os.environ) -> Iterator[Processes]:
    """The processes that ``torchrun`` has started, of which this is one; else this one alone.

    Args:
        device: where to compute; of several GPUs each process of a machine takes its own.
        environment: of the process.

    Errors in all but the first process name it; that they were stopped, the first one says.

    Raises:
        SettingsError: a machine has more processes than GPUs.
    """
    size = int(environment.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in environment:
        yield Processes(device=device)
        return
    if device.type == "cuda":
        local = int(environment.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise SettingsError(f"device: {local + 1} processes, but {torch.cuda.device_count()} GPUs here")
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    processes = Processes(dist.get_rank(), size, device)
    try:
        yield processes
    except VocsepError as error:
        if processes.leads or not str(error):
            raise
        said = "" if isinstance(error, Interrupted) else f"{NAMED} {processes.rank}: {error}"
        raise type(error)(said) from error
    finally:
        if dist.group.WORLD is not None:
            LEFT.append(dist.group.WORLD)
        dist.destroy_process_group()


class StopTogether:
    """Signals that stop a training: noted, and obeyed by all processes after the same step."""

    def __init__(self, processes: Processes) -> None:
        self._processes, self._came = processes, 0

    def check(self) -> None:
        """Between two steps.

        Raises:
            KeyboardInterrupt: a signal came, to any of them.
        """
        if self._processes.size > 1 and self._processes.total([self._came])[0]:
            raise KeyboardInterrupt

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Inside, signals wait for `check`; where one process trains alone they are left as they were.

        One that comes after the last `check` changes nothing: what was learned is being saved.
        """
        before = {}
        if self._processes.size > 1:
            for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
                before[number] = signal.signal(number, self._note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came += 1
