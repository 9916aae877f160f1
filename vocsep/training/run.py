"""A training that survives an interruption: its checkpoint, Ctrl-C, and the model that it ends with.

``<output>.checkpoint`` stands beside the output until the run has ended by itself. It is a file of
`vocsep.model` of kind ``checkpoint``: what `vocsep.training.trainer.Trainer` needs to go on, and what the
caller wants to be kept with it. This is the one place where checkpoints are written.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import Tensor

from vocsep.errors import Interrupted, ModelError
from vocsep.model import StoredModel, load_model, save_model
from vocsep.training.examples import Draw, SomeBatch
from vocsep.training.loop import train_steps
from vocsep.training.processes import StopTogether
from vocsep.training.schedule import Progress, Schedule
from vocsep.training.trainer import Trainer

Result = TypeVar("Result")


def checkpoint_of(output: Path) -> Path:
    """Where the unfinished state of a training is kept.

    >>> checkpoint_of(Path("choir.safetensors")).name
    'choir.safetensors.checkpoint'
    """
    return output.with_name(f"{output.name}.checkpoint")


def find_checkpoint(output: Path, trained: str, resume: bool, overwrite: bool) -> StoredModel | None:
    """The checkpoint to go on with, None to begin anew; refuses to write over what is there.

    Args:
        output: the model to be written.
        trained: what is trained; a checkpoint of something else is refused.
        resume: go on with the checkpoint of this output.
        overwrite: replace a model or a checkpoint that is already there.

    Raises:
        ModelError: the output is there already, or there is no such checkpoint to resume.
    """
    checkpoint = checkpoint_of(output)
    if output.is_dir():
        raise ModelError(f"{output}: is a folder, the output must be a file")
    if resume:
        if not checkpoint.is_file():
            raise ModelError(f"{checkpoint}: there is no such checkpoint to resume; start without --resume")
        stored = load_model(checkpoint, "checkpoint")
        found = stored.settings.get("trained", "fit")
        if found != trained:
            called = {name: name if name == "fit" else f"train {name}" for name in (found, trained)}
            raise ModelError(f"{checkpoint}: is one of vocsep {called[found]}, not of {called[trained]}")
        return stored
    for there in () if overwrite else (checkpoint, output):
        if there.exists():
            hint = "go on with --resume, or" if there == checkpoint else "choose another output, or"
            raise ModelError(f"{there}: is there already; {hint} replace it with --overwrite")
    return None


@dataclass
class TrainingRun(Generic[SomeBatch]):
    """A running training, and what becomes of it when it ends or is stopped.

    Attributes:
        output: the model to be written.
        trainer: fresh, or restored.
        draw: the batch of each step.
        held_out: batches for validation.
        schedule: bounds and rates.
        settings, card: what else the checkpoint says; ``settings["trained"]`` names what is trained.
        sources: tensors that ``draw`` needs in order to go on, if it does not depend on the step alone.
    """

    output: Path
    trainer: Trainer[SomeBatch]
    draw: Draw[SomeBatch]
    held_out: Sequence[SomeBatch]
    schedule: Schedule
    settings: Mapping[str, Any]
    card: Mapping[str, Any]
    sources: Callable[[], Mapping[str, Tensor]] = dict

    def keep(self) -> None:
        """Write the checkpoint: the first process does, of several that train together."""
        if not self.trainer.processes.leads:
            return
        save_model(
            checkpoint_of(self.output),
            self.trainer.tensors() | dict(self.sources()),
            kind="checkpoint",
            settings=self.settings,
            card={"at": self.trainer.state(), **self.card},
        )

    def complete(
        self,
        finish: Callable[[str], Result],
        again: Sequence[str],
        progress: Callable[[Progress], None] | None = None,
    ) -> Result:
        """Train to the end.

        Args:
            finish: writes the model with the best weights, which are in the network then (in the first of
                several processes); told why the training ended.
            again: command by which the user goes on after an interruption.
            progress: told after each step and validation; may raise `KeyboardInterrupt`.

        Raises:
            Interrupted: stopped by the user; checkpoint and best weights are saved, and the message says how
                to go on.
        """
        together = StopTogether(self.trainer.processes)

        def tell(at: Progress) -> None:
            if progress is not None:
                progress(at)
            together.check()

        with together.listening():  # to the end: who stops a run may do so twice, and torchrun does
            try:
                ended = train_steps(
                    self.trainer,
                    self.draw,
                    self.held_out,
                    self.schedule,
                    progress=tell,
                    checkpoint=self.keep,
                )
            except KeyboardInterrupt as stop:
                raise Interrupted(f"{self._leave(finish)}; go on with: {shlex.join(again)}") from stop
            self.trainer.use_best()
            result = finish(ended)
            if self.trainer.processes.leads:
                checkpoint_of(self.output).unlink(missing_ok=True)
            return result

    def _leave(self, finish: Callable[[str], Result]) -> str:
        """Save what was reached when the user stops; says what was saved."""
        self.keep()
        said = f"stopped at step {self.trainer.at.step} and saved"
        if self.trainer.at.best_step > 0:
            self.trainer.use_best()
            finish("interrupted")
            said += f"; the best model so far is {self.output}"
        return said
