"""A running fit: excerpts, trainer and checkpoint, and what becomes of them when it ends or is stopped."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vocsep.fit.learners import Learner
from vocsep.fit.recordings import Recordings
from vocsep.fit.result import FitProgress, FitResult, card_of, result_of
from vocsep.fit.settings import FitSettings
from vocsep.model import StoredModel, save_model
from vocsep.training.accompaniment import accompanied
from vocsep.training.excerpts import ExcerptPool, Excerpts
from vocsep.training.loop import train_steps

_OF_ROOMS = ("rooms/", "adam/rooms.")  # in a checkpoint


def checkpoint_of(output: Path) -> Path:
    """Where the unfinished state of a fit is kept.

    >>> checkpoint_of(Path("choir.safetensors")).name
    'choir.safetensors.checkpoint'
    """
    return output.with_name(f"{output.name}.checkpoint")


class FitRun:
    """Everything that a running fit holds, and what becomes of it when it ends or is stopped."""

    def __init__(self, output: Path, settings: FitSettings, learner: Learner, recordings: Recordings) -> None:
        self.output, self.settings, self.recordings = output, settings, recordings
        self.learner, self.trainer = learner, learner.trainer
        # Names matter to decoders alone, and excerpts of a batch have the same ones.
        unnamed = [replace(track, names=None) for track in recordings.tracks]
        self.pool = ExcerptPool(
            recordings.tracks if settings.per_voice_decoders else unnamed,
            settings.seconds,
            settings.held_out,
            settings.most_held_out,
        )
        if settings.room and settings.objective == "power" and settings.method != "unet":
            self.trainer.learn_rooms(len(recordings.tracks))
        self.generator = torch.Generator().manual_seed(settings.seed)
        # What decides the held-out excerpts, as JSON gives it back.
        tracks = recordings.tracks
        heard = [[t.name, len(t.audio), t.f0.shape[0], *map(int, t.given)] for t in tracks]
        self.judged_on: dict[str, Any] = {
            "heard": heard,
            "held_out": [list(place) for place in self.pool.judged],
        }
        if any(track.sources is not None for track in tracks):
            self.judged_on["supervision"] = settings.supervision
        if self.trainer.rooms is not None:
            self.judged_on["room"] = True

    def batches(self) -> Iterator[Excerpts]:
        """What is learned from, without end."""
        every, mixtures = (
            self.pool.batches(self.settings.batch, self.generator, voices) for voices in (1, 2)
        )
        alone = any(track.offers[0] == 1 and track.sources for track in self.pool.tracks)
        several = any(track.offers[0] > 1 for track in self.pool.tracks)
        return accompanied(every, mixtures, self.generator) if alone and several else every

    def train(self, tell: Callable[[FitProgress], None]) -> str:
        return train_steps(
            self.trainer,
            self.batches(),
            self.pool.held_out(self.settings.batch),
            self.settings.schedule(),
            progress=lambda at: tell(FitProgress("training", at.share_done, "", at)),
            checkpoint=self.keep,
        )

    def keep(self) -> None:
        """Write the checkpoint."""
        save_model(
            checkpoint_of(self.output),
            self.trainer.tensors() | {"generator": self.generator.get_state()},
            kind="checkpoint",
            settings={"fit": self.settings.to_dict(), "estimator": self.learner.network.settings.to_dict()},
            card={
                "at": self.trainer.state(),
                "on": self.judged_on,
                "started_from": self.learner.started_from,
            },
        )

    def restore(self, stored: StoredModel) -> None:
        """Go on from a checkpoint."""
        known = stored.card["on"].get("heard") == self.judged_on["heard"]
        # Rooms are counted as recordings are: with others in the folder they are learned anew.
        tensors = {n: t for n, t in stored.tensors.items() if known or not n.startswith(_OF_ROOMS)}
        self.trainer.restore(tensors, stored.card["at"])
        self.generator.set_state(stored.tensors["generator"])
        if stored.card["on"] != self.judged_on:
            self.trainer.forget_best()  # losses on other excerpts cannot be compared

    def finish(self, ended: str) -> FitResult:
        """Write the model with the best weights."""
        start = self.learner.started_from
        result = result_of(self.output, ended, self.trainer.at, start, self.recordings, self.pool)
        self.trainer.use_best()
        self.learner.save(self.output, card_of(result, self.settings, self.recordings))
        return result

    def leave(self) -> str:
        """Save what was reached when the user stops the fit; says what was saved."""
        self.keep()
        said = f"stopped at step {self.trainer.at.step} and saved"
        if self.trainer.at.best_step > 0:
            self.finish("interrupted")
            said += f"; the best model so far is {self.output}"
        return said
