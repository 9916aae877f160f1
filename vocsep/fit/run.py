"""A running fit: what it learns from, its checkpoint, and what becomes of it when it ends or is stopped."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vocsep.fit.learners import Learner
from vocsep.fit.recordings import Recordings
from vocsep.fit.result import FitProgress, FitResult, card_of, result_of
from vocsep.fit.settings import FitSettings
from vocsep.model import StoredModel
from vocsep.training.accompaniment import accompanied
from vocsep.training.excerpt_pool import ExcerptPool
from vocsep.training.excerpts import Excerpts
from vocsep.training.processes import ALONE, Processes
from vocsep.training.run import TrainingRun
from vocsep.training.trainer import Trainer

_OF_ROOMS = ("rooms/", "adam/rooms.")  # in a checkpoint


class FitRun:
    """Everything that a running fit holds, in each of the processes that learn together."""

    def __init__(
        self,
        output: Path,
        settings: FitSettings,
        learner: Learner,
        recordings: Recordings,
        processes: Processes = ALONE,
    ) -> None:
        self.output, self.settings, self.recordings, self.learner = output, settings, recordings, learner
        # Names matter to decoders alone, and excerpts of a batch have the same ones.
        unnamed = [replace(track, names=None) for track in recordings.tracks]
        self.pool = ExcerptPool(
            recordings.tracks if settings.per_voice_decoders else unnamed,
            settings.seconds,
            settings.held_out,
            settings.most_held_out,
        )
        task = learner.task(len(recordings.tracks))
        self.trainer = Trainer(task, seed=settings.seed, device=learner.device, processes=processes)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.validated_on = self._validated_on()

    def _validated_on(self) -> dict[str, Any]:
        """What decides the held-out excerpts and their loss, as JSON gives it back."""
        tracks = self.recordings.tracks
        heard = [[t.name, len(t.audio), t.f0.shape[0], *map(int, t.given)] for t in tracks]
        decides: dict[str, Any] = {"heard": heard, "held_out": [list(place) for place in self.pool.places]}
        if any(track.sources is not None for track in tracks):
            decides["supervision"] = self.settings.supervision
        if self.trainer.task.companion() is not None:
            decides["room"] = True
        return decides

    def batches(self) -> Iterator[Excerpts]:
        """What is learned from, without end; the generator's state decides what comes next."""
        every, mixtures = (
            self.pool.batches(self.settings.batch, self.generator, voices) for voices in (1, 2)
        )
        alone = any(track.offers[0] == 1 and track.sources for track in self.pool.tracks)
        several = any(track.offers[0] > 1 for track in self.pool.tracks)
        return accompanied(every, mixtures, self.generator) if alone and several else every

    def restore(self, stored: StoredModel) -> None:
        """Go on from a checkpoint."""
        known = stored.card["on"].get("heard") == self.validated_on["heard"]
        # Rooms are counted as recordings are: with others in the folder they are learned anew.
        tensors = {n: t for n, t in stored.tensors.items() if known or not n.startswith(_OF_ROOMS)}
        self.trainer.restore(tensors, stored.card["at"])
        self.generator.set_state(stored.tensors["generator"])
        if stored.card["on"] != self.validated_on:
            self.trainer.forget_best()  # losses on other excerpts cannot be compared

    def complete(self, again: Sequence[str], tell: Callable[[FitProgress], None]) -> FitResult:
        """Train to the end, or until the user stops it; see `vocsep.training.run.TrainingRun.complete`."""
        batches = self.batches()
        start = self.learner.started_from
        run = TrainingRun(
            self.output,
            self.trainer,
            lambda step: next(batches),
            self.pool.held_out(self.settings.batch),
            self.settings.schedule(),
            settings={
                "trained": "fit",
                "fit": self.settings.to_dict(),
                "estimator": self.learner.network.settings.to_dict(),
            },
            card={"on": self.validated_on, "started_from": start},
            sources=lambda: {"generator": self.generator.get_state()},
        )

        def finish(ended: str) -> FitResult:
            result = result_of(self.output, ended, self.trainer.at, start, self.recordings, self.pool)
            if self.trainer.processes.leads:
                self.learner.save(self.output, card_of(result, self.settings, self.recordings))
            return result

        return run.complete(finish, again, lambda at: tell(FitProgress("training", at.share_done, "", at)))
