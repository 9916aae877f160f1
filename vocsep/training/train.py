"""From synthetic singing to a model: what the trainings of ``vocsep train`` have in common.

What a network brings along is a `Recipe`: how it is built, and how its examples are prepared. See
`vocsep.training.pitch`, `refiner`, `voices` and `postfilter`, each with its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic

from torch import nn

from vocsep.errors import ModelError, SettingsError
from vocsep.media.locking import locked_output
from vocsep.model import Kind, StoredModel, load_model, pick_device, save_model
from vocsep.singers.chorales import chorales_to_sing
from vocsep.singers.repertoire import Repertoire, sing_repertoire
from vocsep.training.examples import Draw, Drawer, SomeBatch, prefetched
from vocsep.training.processes import Processes, joined
from vocsep.training.run import TrainingRun, find_checkpoint
from vocsep.training.schedule import Progress, Schedule
from vocsep.training.settings import DEFAULTS, TrainingSettings, over
from vocsep.training.task import Task
from vocsep.training.trainer import Trainer, seeded

Tell = Callable[[str, float], None]  # stage, and the share of it that is done
# The same, and where the training stands; None while it is prepared.
TellTraining = Callable[[str, float, Progress | None], None]


@dataclass(frozen=True)
class Prepared(Generic[SomeBatch]):
    """What a training learns from.

    Attributes:
        task: the network and its loss.
        draw: the batch of each step, which depends on the number of the step alone.
        held_out: batches for validation.
        card: what the model is to say of these examples.
    """

    task: Task[SomeBatch]
    draw: Draw[SomeBatch]
    held_out: Sequence[SomeBatch]
    card: Mapping[str, Any] = field(default_factory=dict)


def prepared(
    task: Task[SomeBatch],
    pair: tuple[Drawer, Drawer],
    batch: Callable[[Drawer], SomeBatch],
    validated: int,
    **card: Any,
) -> Prepared[SomeBatch]:
    """What a training learns from, where examples are drawn by samplers.

    Args:
        task: the network and its loss.
        pair: draws examples to learn from, and examples for validation.
        batch: draws a batch with a sampler.
        validated: batches for validation.
        card: what the model is to say of these examples.
    """
    learned, kept = pair
    held_out = [batch(kept.at(number)) for number in range(validated)]
    return Prepared(task, lambda step: batch(learned.at(step)), held_out, card)


@dataclass(frozen=True)
class Recipe(Generic[SomeBatch]):
    """How a network is trained.

    Attributes:
        kind: of model; the name in ``vocsep train``.
        build: a network with random weights, of the sizes in a dictionary; empty: the default.
        restore: a network from a model file, whose training is continued.
        prepare: sings, listens and gives the examples; told network and settings.
        schedule: rates and validation; the bound is that of the settings.
        save: writes network and card as a model file.
    """

    kind: Kind
    build: Callable[[Mapping[str, Any]], nn.Module]
    restore: Callable[[StoredModel], nn.Module]
    prepare: Callable[[Any, TrainingSettings, Tell], Prepared[SomeBatch]]
    schedule: Schedule
    save: Callable[[Any, Path, dict[str, Any]], None]


def saving(kind: Kind) -> Callable[[Any, Path, dict[str, Any]], None]:
    """What writes a network, its settings and a card as a model file of this kind."""

    def save(network: Any, path: Path, card: dict[str, Any]) -> None:
        save_model(path, network.state_dict(), kind=kind, settings=network.settings.to_dict(), card=card)

    return save


@dataclass(frozen=True)
class TrainingResult:
    """What a training reached: the model file, why it ended, and where it stands."""

    path: Path
    ended: str
    at: Progress


def sing(
    settings: TrainingSettings, seconds: float, tell: Tell, chorales: bool = True, **shares: float
) -> tuple[Repertoire, int]:
    """Sing the quartets that settings ask for.

    Args:
        seconds: of each quartet.
        tell: told the share done.
        chorales: False: none are sung, whatever the settings say.
        shares: see `vocsep.singers.repertoire.sing_repertoire`.

    Returns:
        The repertoire, and the number of chorales that were at hand.

    Raises:
        DependencyError: chorales are asked for and music21 is not installed.
    """
    bach = chorales_to_sing(settings.chorales) if chorales else ()
    count, seed, workers = settings.singers, settings.seed, settings.workers
    tell("singing", 0.0)
    shares["meeting_share"] = settings.meetings
    songs = sing_repertoire(
        count, seconds, seed, workers, lambda done: tell("singing", done / count), chorales=bach, **shares
    )
    return songs, len(bach)


def train(
    recipe: Recipe[SomeBatch],
    output: Path,
    settings: TrainingSettings | None = None,
    *,
    network: Mapping[str, Any] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: TellTraining | None = None,
) -> TrainingResult:
    """Sing, train a network on what was sung, and save the best weights as a model.

    Args:
        recipe: which network, and how.
        output: the model file; the checkpoint stands beside it meanwhile.
        settings: with ``resume``, those that differ from their default replace what the checkpoint says.
        network: sizes of a new network; None = the default.
        resume: go on with the checkpoint of this output. What was sung is sung again.
        overwrite: replace a model or a checkpoint that is already there.
        progress: told often; may raise `KeyboardInterrupt` to stop the training.

    Raises:
        DependencyError: chorales are asked for and music21 is not installed.
        ModelError: the output is there, or another run makes it; no such checkpoint; a model of another kind.
        SettingsError: training diverges.
        Interrupted: stopped by the user; the message says how to go on.
    """
    settings = settings or DEFAULTS[recipe.kind]
    hold = locked_output(output, output.parent)
    with joined(pick_device(settings.device)) as processes, processes.held_by_leader(hold):
        stored = processes.after_leader(lambda: find_checkpoint(output, recipe.kind, resume, overwrite))
        return _train(recipe, output, settings, network, stored, progress or (lambda *told: None), processes)


def _train(
    recipe: Recipe[SomeBatch],
    output: Path,
    settings: TrainingSettings,
    network: Mapping[str, Any] | None,
    stored: StoredModel | None,
    told: TellTraining,
    processes: Processes,
) -> TrainingResult:
    begun_with = settings
    if stored is not None:
        begun_with = TrainingSettings.from_dict(stored.settings["training"])
        settings = over(begun_with, settings, DEFAULTS[recipe.kind])
    device = pick_device(settings.device) if processes.size == 1 else processes.device
    with seeded(settings.seed, device):
        learner = _network(recipe, settings, network, stored)
        ready = recipe.prepare(learner, settings, lambda stage, share: told(stage, share, None))
    trainer = Trainer(ready.task, seed=settings.seed, device=device, processes=processes)
    if stored is not None:
        trainer.restore(stored.tensors, stored.card["at"])
        if _examples_of(settings) != _examples_of(begun_with):
            trainer.forget_best()  # losses on other examples cannot be compared
    sizes: Mapping[str, Any] = learner.settings.to_dict()  # type: ignore[operator, union-attr]
    kept = {"trained": recipe.kind, "training": settings.to_dict(), "network": sizes}
    again = processes.command(["train", recipe.kind, "-o", str(output), "--resume"])

    def finish(ended: str) -> TrainingResult:
        result = TrainingResult(output, ended, trainer.at)
        if processes.leads:
            recipe.save(learner, output, _card(result, settings) | dict(ready.card))
        return result

    with prefetched(ready.draw) as draw:
        run = TrainingRun(
            output, trainer, draw, ready.held_out, _bounded(recipe.schedule, settings), kept, card={}
        )
        return run.complete(finish, again, lambda at: told("learning", at.share_done, at))


def _network(
    recipe: Recipe[SomeBatch],
    settings: TrainingSettings,
    sizes: Mapping[str, Any] | None,
    stored: StoredModel | None,
) -> nn.Module:
    """A new network, the one to start from, or one for the weights of a checkpoint."""
    if stored is not None:
        try:
            return recipe.build(stored.settings["network"])
        except (SettingsError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError(f"{stored.path}: its network does not fit this vocsep") from error
    if settings.start is not None:
        return recipe.restore(load_model(settings.start, recipe.kind))
    return recipe.build(sizes or {})


def _examples_of(settings: TrainingSettings) -> TrainingSettings:
    """The settings that decide the examples; the others are those of anyone."""
    return replace(settings, minutes=0.0, steps=None, workers=1, device="")


def _bounded(schedule: Schedule, settings: TrainingSettings) -> Schedule:
    seconds = 60.0 * settings.minutes if settings.steps is None else None
    return replace(schedule, steps=settings.steps, seconds=seconds)


def _card(result: TrainingResult, settings: TrainingSettings) -> dict[str, Any]:
    """What a model says of its training."""
    at = result.at
    return {
        "data": "synthetic singing only",
        "seed": settings.seed,
        "quartets": settings.singers,
        **({"examples": settings.examples} if settings.examples else {}),
        "minutes": round(at.seconds / 60, 2),
        "continued": settings.start is not None,
        "ended": result.ended,
        "steps": at.step,
        "best_step": at.best_step,
        "held_out_loss": round(at.best, 4),
    }
