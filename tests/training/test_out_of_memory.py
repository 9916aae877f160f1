"""A batch that a device cannot hold is learned in parts, as if it were whole."""

from types import SimpleNamespace
from unittest.mock import patch

import pytest
import torch
from torch import Tensor

from vocsep.errors import SettingsError
from vocsep.estimator.network import Estimator
from vocsep.estimator.settings import EstimatorSettings
from vocsep.source.excitation import harmonic_excitation
from vocsep.spectra import frame_count
from vocsep.training.estimator import EstimatorTask
from vocsep.training.excerpts import Excerpts
from vocsep.training.trainer import Trainer

SAMPLES, BATCH = 2048, 5


class Small(EstimatorTask):
    """Runs out of memory on the way back from more than so many excerpts."""

    def __init__(self, most: int) -> None:
        torch.manual_seed(0)
        estimator = Estimator(EstimatorSettings(bands=8, units=8, blocks=1))
        super().__init__(estimator, objective="power")
        self.most, self.sizes = most, list[int]()

    def loss(self, batch: Excerpts, seed: int) -> Tensor:
        self.sizes.append(len(batch))
        loss = super().loss(batch, seed)
        if len(batch) > self.most:
            loss.register_hook(_too_large)
        return loss

    def validation_losses(self, batch: Excerpts, seed: int) -> dict[str, Tensor]:
        if len(batch) > self.most:
            _too_large(torch.zeros(()))
        return dict(super().validation_losses(batch, seed))


def _too_large(gradient: Tensor) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has")


def batch(step: int) -> Excerpts:
    base = torch.linspace(150.0, 300.0, BATCH) + 5 * step
    tracks = torch.stack((2.1 * base, base), dim=1)[..., None].expand(-1, -1, frame_count(SAMPLES))
    return Excerpts(0.02 * harmonic_excitation(tracks, SAMPLES).sum(dim=1), tracks)


def learned(most: int) -> tuple[Trainer[Excerpts], Small]:
    task = Small(most)
    trainer = Trainer(task)
    for step in range(3):
        trainer.step(batch(step), 1e-3, 1.0)
    trainer.validate([batch(9)])
    return trainer, task


def test_parts_of_a_batch_teach_what_the_whole_does() -> None:
    whole, all_at_once = learned(BATCH)
    parts, small = learned(2)
    assert all_at_once.sizes[:3] == [5, 5, 5]
    # Two halves are tried, of which the second is too large; from then on quarters are what is tried first.
    assert small.sizes[:12] == [5, 2, 3, 1, 1, 1, 2, 1, 1, 1, 2, 1]
    assert parts.at.loss == pytest.approx(whole.at.loss, rel=1e-5)
    assert parts.at.validated == pytest.approx(whole.at.validated, rel=1e-5)
    for name, one in whole.network.state_dict().items():
        torch.testing.assert_close(parts.network.state_dict()[name], one, atol=1e-5, rtol=1e-3)


def test_where_one_excerpt_is_too_large_one_line_says_so() -> None:
    with pytest.raises(SettingsError, match=r"out of memory.*smaller.*--device cpu") as raised:
        learned(0)
    assert "\n" not in str(raised.value) and "Tried to allocate" not in str(raised.value)


def test_several_processes_cannot_halve_their_batches_alone() -> None:
    trainer = Trainer(Small(1))
    two = SimpleNamespace(rank=0, size=2, total=lambda values: values)
    with patch.object(trainer, "processes", two), pytest.raises(SettingsError, match="out of memory"):
        trainer.step(batch(0), 1e-3, 1.0)
