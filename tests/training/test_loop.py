"""The training loop, seen with an estimator: the loss falls, the best is kept, what decides is the mean."""

import math

import pytest
import torch
from torch import Tensor, nn

from vocsep.errors import ModelError, SettingsError
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.lsf import lsf_from_increments
from vocsep.source.voice import SourceParameters
from vocsep.spectra import frame_count
from vocsep.training.estimator import EstimatorTask
from vocsep.training.excerpts import Excerpts, Supervision
from vocsep.training.loop import train_steps
from vocsep.training.objectives import Target
from vocsep.training.schedule import Progress, Schedule
from vocsep.training.trainer import VALIDATION_SEED, Trainer

SAMPLES = 2048


class TinyEstimator(nn.Module):
    """The same sound for every voice and frame: four numbers of loudness and colour, and one filter."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(-6.0))
        self.breath = nn.Parameter(torch.tensor(-6.0))
        self.filter = nn.Parameter(torch.zeros(7))
        self.colour = nn.Parameter(torch.zeros(40))
        self.register_buffer("steps_seen", torch.tensor(0))

    def forward(
        self, mixture: Tensor, f0: Tensor, excitation: Tensor | None = None, **more: object
    ) -> SourceParameters:
        assert excitation is not None, "the loop computes the excitation once"
        assert torch.equal(excitation, harmonic_excitation(f0, mixture.shape[-1]))
        return SourceParameters(
            f0=f0,
            alpha=self.level.exp().expand(f0.shape),
            gain=self.breath.exp().expand(f0.shape),
            lsf=lsf_from_increments(self.filter.expand(*f0.shape, 7), 0.01),
            noise_magnitudes=self.colour.exp().expand(*f0.shape[:2], 40),
        )


def example(level: float = 0.02, f0: float = 200.0, batch: int = 2) -> Excerpts:
    """Sawtooth-like tones of two voices an octave apart."""
    tracks = torch.tensor([2 * f0, f0])[None, :, None].expand(batch, 2, frame_count(SAMPLES)).contiguous()
    return Excerpts(level * harmonic_excitation(tracks, SAMPLES).sum(dim=1), tracks)


def same(step: int) -> Excerpts:
    return example()


def changing(step: int) -> Excerpts:
    return example(f0=200.0 + 10 * (step % 5))


def learner_of(seed: int = 5, **options: object) -> Trainer[Excerpts]:
    return Trainer(EstimatorTask(TinyEstimator(), **options), seed=seed)  # type: ignore[arg-type]


def trainer() -> Trainer[Excerpts]:
    torch.manual_seed(0)
    return learner_of()


def loss(
    learner: Trainer[Excerpts],
    excerpts: Excerpts,
    seed: int = VALIDATION_SEED,
    target: Target = "mixture",
) -> float:
    assert isinstance(learner.task, EstimatorTask)
    return float(learner.task.losses(excerpts, seed, (target,), excerpts.names)[target].detach())


FAST = Schedule(steps=30, learning_rate=0.2, warm_up=2, validate_every=10)


def test_the_loss_on_a_fixed_example_falls() -> None:
    learner = trainer()
    ended = train_steps(learner, same, [example()], FAST)
    assert ended == "steps"
    assert learner.at.step == 30
    assert learner.at.best < 0.6 * learner.at.start


def test_the_divergence_of_powers_falls_too_and_ends_elsewhere() -> None:
    torch.manual_seed(0)
    learner = learner_of(objective="power")
    train_steps(learner, same, [example()], FAST)
    assert learner.at.best < learner.at.start - 0.1
    by_sound = trainer()
    train_steps(by_sound, same, [example()], FAST)
    assert any(
        not torch.equal(learner.best_weights[name], tensor) for name, tensor in by_sound.best_weights.items()
    )


def test_the_same_seed_gives_the_same_weights() -> None:
    runs = [trainer(), trainer()]
    for learner in runs:
        train_steps(learner, changing, [example()], FAST)
    assert all(
        torch.equal(runs[0].best_weights[name], tensor) for name, tensor in runs[1].best_weights.items()
    )


def test_a_run_that_is_taken_up_again_is_the_run_that_was_left() -> None:
    whole = trainer()
    train_steps(whole, changing, [example()], FAST)

    def stop_at_13(at: Progress) -> None:
        if at.step == 13:
            raise KeyboardInterrupt

    left = trainer()
    with pytest.raises(KeyboardInterrupt):
        train_steps(left, changing, [example()], FAST, progress=stop_at_13)
    taken_up = learner_of()
    taken_up.restore(left.tensors(), left.state())
    assert taken_up.at.step == 13
    train_steps(taken_up, changing, [example()], FAST)
    for name, tensor in whole.tensors().items():
        assert torch.equal(taken_up.tensors()[name], tensor), name
    assert taken_up.at.best == whole.at.best


def test_a_run_stopped_before_its_first_validation_can_be_taken_up() -> None:
    fresh = trainer()
    assert all(not isinstance(value, float) or math.isfinite(value) for value in fresh.state().values())
    taken_up = learner_of(seed=0)
    taken_up.restore(fresh.tensors(), fresh.state())
    train_steps(taken_up, changing, [example()], Schedule(steps=1))
    assert math.isfinite(taken_up.at.start)


def test_a_foreign_checkpoint_is_refused() -> None:
    with pytest.raises(ModelError, match="checkpoint"):
        trainer().restore({"weights/other": torch.zeros(1)}, {})


def test_the_run_stops_when_nothing_improves() -> None:
    learner = trainer()
    still = Schedule(steps=1000, learning_rate=1e-12, decay=False, validate_every=2, patience=3)
    # The noise of the held-out excerpts is fixed, so at this rate the loss cannot move in float32.
    assert train_steps(learner, changing, [example()], still) == "no improvement"
    assert learner.at.step <= 8


def test_the_best_weights_are_kept_when_the_loss_rises_again() -> None:
    learner = trainer()
    train_steps(learner, changing, [example()], FAST)
    best, kept = learner.at.best, dict(learner.best_weights)
    with torch.no_grad():
        learner.network.get_parameter("level").fill_(3.0)
    assert learner.validate([example()]) > best
    learner.use_best()
    assert learner.validate([example()]) == best
    assert all(torch.equal(tensor, kept[name]) for name, tensor in learner.network.state_dict().items())


def test_validation_weighs_every_excerpt_alike() -> None:
    learner = trainer()
    loud, soft = example(level=0.5, batch=3), example(level=0.05, batch=1)
    alone = [loss(learner, excerpts) for excerpts in (loud, soft)]
    assert learner.validate([loud, soft]) == pytest.approx(0.75 * alone[0] + 0.25 * alone[1])


def with_stems(given: tuple[bool, bool], batch: int = 1) -> Excerpts:
    """`example` with stems, the first voice much louder."""
    plain = example(batch=batch)
    mask = torch.tensor(given).expand(batch, 2)
    voices = harmonic_excitation(plain.f0, SAMPLES) * torch.tensor([0.05, 0.01])[:, None]
    return Excerpts(voices.sum(1), plain.f0, voices * mask[..., None], mask)


@pytest.mark.parametrize(
    ("supervision", "weights"), [("partly", (0.5, 0.5)), ("full", (0, 1)), ("none", (1, 0))]
)
def test_mixtures_and_stems_count_alike_however_many_there_are(
    supervision: Supervision, weights: tuple[float, float]
) -> None:
    torch.manual_seed(0)
    learner = learner_of(seed=0, supervision=supervision)
    plain, stems = example(batch=3), with_stems((True, False))
    losses = [loss(learner, excerpts) for excerpts in (plain, stems)]
    mixture = 0.75 * losses[0] + 0.25 * losses[1]
    sources = loss(learner, stems, target="sources")
    expected = weights[0] * mixture + weights[1] * sources
    assert learner.validate([plain, stems]) == pytest.approx(expected, rel=1e-5)
    assert learner.at.best_parts["mixture"] == pytest.approx(mixture, rel=1e-5)
    assert ("sources" not in learner.at.start_parts) == (supervision == "none")
    if supervision != "none":
        assert learner.at.start_parts["sources"] == pytest.approx(sources, rel=1e-5)


def test_stems_teach_what_the_mixture_cannot() -> None:
    """The loss of sources falls further where it is learned from."""
    reached = {}
    only_second = with_stems((False, True))
    for supervision in ("none", "full"):
        torch.manual_seed(0)
        learner = learner_of(seed=0, objective="power", supervision=supervision)
        train_steps(learner, lambda step: only_second, [only_second], FAST)
        learner.use_best()
        reached[supervision] = loss(learner, only_second, 1, "sources")
    assert reached["full"] < reached["none"] - 0.02


def test_a_batch_without_finite_gradients_changes_nothing() -> None:
    learner = trainer()
    before = learner.tensors()
    broken = Excerpts(torch.full((2, SAMPLES), torch.nan), example().f0)
    learner.step(broken, 0.1, 1.0)
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.tensors().items())
    assert learner.at.step == 1
    assert math.isnan(learner.at.loss)


def test_training_that_diverges_is_an_error_that_names_the_rate() -> None:
    broken = Excerpts(torch.full((2, SAMPLES), torch.nan), example().f0)
    with pytest.raises(SettingsError, match=r"learning_rate 0\.1.*diverged at step 19"):
        train_steps(trainer(), lambda step: broken, [example()], Schedule(learning_rate=0.1, warm_up=0))


def test_gradients_are_clipped() -> None:
    learner = trainer()
    learner.step(example(level=100.0), learning_rate=0.0, clip=0.01)
    norms = [p.grad.norm() for p in learner.network.parameters() if p.grad is not None]
    assert torch.stack(norms).norm() == pytest.approx(0.01, rel=1e-3)


def test_progress_counts_every_step_and_the_time_left_falls_to_zero() -> None:
    told: list[Progress] = []
    train_steps(trainer(), changing, [example()], FAST, progress=told.append)
    assert sorted({at.step for at in told}) == list(range(31))
    assert told[-1].share_done == 1.0
    assert told[-1].seconds_left == 0.0
    assert told[0].seconds_left is None or told[0].share_done > 0


def test_time_ends_a_run_too() -> None:
    learner = trainer()
    assert train_steps(learner, changing, [example()], Schedule(seconds=0.01, validate_every=1000)) == "time"
    assert math.isfinite(learner.at.validated)


def test_checkpoints_follow_every_validation() -> None:
    kept: list[int] = []
    learner = trainer()
    train_steps(learner, changing, [example()], FAST, checkpoint=lambda: kept.append(learner.at.step))
    assert kept == [0, 10, 20, 30]


def test_the_rate_rises_over_the_first_steps() -> None:
    schedule = Schedule(learning_rate=1.0, warm_up=3)
    assert [schedule.rate(step, 0.0) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_the_rate_falls_as_a_half_cosine_of_the_nearest_bound() -> None:
    schedule = Schedule(steps=100, seconds=10.0, learning_rate=1.0, warm_up=0)
    assert schedule.rate(0, 0.0) == 1.0
    assert schedule.rate(25, 0.0) == pytest.approx(math.cos(math.pi / 8) ** 2)
    assert schedule.rate(25, 7.5) == pytest.approx(math.sin(math.pi / 8) ** 2)
    assert schedule.rate(100, 0.0) == pytest.approx(0.0)
    assert Schedule(learning_rate=0.5).rate(10**6, 10.0**6) == 0.5
