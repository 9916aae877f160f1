"""Rooms that are learned along: tails add, gradients reach their room, decays are found, dry stays dry."""

from dataclasses import replace

import pytest
import torch
from in_a_room import notes, plain_voices, response
from scipy.signal import fftconvolve
from torch import Tensor, nn

from vocsep.errors import ModelError
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.reverberation import Reverberation, RoomFit
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import SAMPLE_RATE, frame_count
from vocsep.training.estimator import EstimatorTask
from vocsep.training.excerpts import Excerpts
from vocsep.training.loop import train_steps
from vocsep.training.objectives import Target, training_losses
from vocsep.training.rooms import Rooms
from vocsep.training.schedule import Progress, Schedule
from vocsep.training.trainer import Trainer

SAMPLES = SAMPLE_RATE  # of the short excerpts


def rooms_of(*known: tuple[float, float]) -> Rooms:
    """Rooms of these times (s) and levels."""
    rooms = Rooms(len(known))
    for room, (seconds, level) in zip(rooms.of, known, strict=True):
        assert isinstance(room, RoomFit)
        nn.init.constant_(room.log_times, torch.tensor(seconds).log().item())
        nn.init.constant_(room.log_level, torch.tensor(level).log().item())
    return rooms


def random_powers(voices: int = 3, frames: int = 40) -> Tensor:
    return torch.rand(voices, frames, 1025, generator=torch.Generator().manual_seed(0))


def test_each_voice_has_the_tails_of_its_recording() -> None:
    powers, rooms = random_powers(), rooms_of((0.4, 0.5), (2.0, 1.5))
    with torch.no_grad():
        heard = rooms(powers, [0, 1, 0], 1)
    for voice, known in enumerate((Reverberation((0.4,) * 3, 0.5), Reverberation((2.0,) * 3, 1.5))):
        expected = known.with_tails(powers[voice : voice + 1].mT)[0].T
        torch.testing.assert_close(heard[voice], expected, rtol=1e-3, atol=1e-5)


def test_voices_of_one_room_together_sound_like_each_by_itself() -> None:
    powers, rooms = random_powers(4), rooms_of((0.4, 0.5), (2.0, 1.5))
    apart = rooms(powers, [1, 0, 1, 1], 2)
    together = rooms(powers, [1, 0, 1, 1], 2, apart=False)
    assert apart.shape[0] == 4 and together.shape[0] == 2
    torch.testing.assert_close(together.sum(0), apart.sum(0), rtol=1e-4, atol=1e-4)


def sung(
    impulses: list[Tensor | None], seconds: int = 1, stems: bool = False
) -> tuple[Excerpts, SourceParameters]:
    """An excerpt of two voices for each impulse response (None: dry), and the parameters that sang them."""
    samples = seconds * SAMPLE_RATE
    f0 = torch.stack([notes(seed, frame_count(samples)) for seed in range(len(impulses))])
    parameters = plain_voices(f0)
    voices = synthesise(parameters, samples)
    for i, impulse in enumerate(impulses):
        if impulse is not None:
            voices[i] = torch.from_numpy(fftconvolve(voices[i], impulse[None], axes=-1)[:, :samples])
    peak = voices.sum(1).abs().amax(-1)[:, None]
    recordings = torch.arange(len(impulses))[:, None].expand(-1, 2)
    excerpts = Excerpts(voices.sum(1) / peak, f0, recordings=recordings)
    if stems:
        given = torch.ones(len(impulses), 2, dtype=torch.bool)
        excerpts = replace(excerpts, sources=voices / peak[..., None], given=given)
    scaled = replace(
        parameters, alpha=parameters.alpha / peak[..., None], gain=parameters.gain / peak[..., None]
    )
    return excerpts, scaled


@pytest.mark.parametrize("target", ["mixture", "sources"])
def test_gradients_reach_the_rooms_that_are_heard_and_no_others(target: Target) -> None:
    excerpts, parameters = sung([response(1.0, 1.0)], stems=True)
    rooms = Rooms(2)
    excitation = harmonic_excitation(excerpts.f0, SAMPLES)
    found = training_losses("power", [target], parameters, excitation, excerpts, 0, rooms)
    found[target].backward()  # type: ignore[no-untyped-call]
    gradients = [[p.grad for p in room.parameters()] for room in rooms.of]
    assert all(g is not None and bool(g.isfinite().all()) and bool(g.any()) for g in gradients[0])
    assert gradients[1] == [None, None]


def test_in_its_room_a_recording_is_explained_better_mixture_and_stems() -> None:
    excerpts, parameters = sung([response(1.0, 1.0)], seconds=2, stems=True)
    excitation = harmonic_excitation(excerpts.f0, excerpts.mixture.shape[-1])
    targets: list[Target] = ["mixture", "sources"]
    losses = [
        training_losses("power", targets, parameters, excitation, excerpts, 0, rooms)
        for rooms in (rooms_of((1.0, 1.0)), None)
    ]
    for target in targets:
        in_room, without = (float(found[target].detach()) for found in losses)
        assert in_room < without - 0.05


def test_waveforms_and_excerpts_of_unknown_recordings_have_no_tails() -> None:
    excerpts, parameters = sung([None])
    excitation, rooms = harmonic_excitation(excerpts.f0, SAMPLES), rooms_of((2.0, 2.0))
    for objective, heard in (("sound", excerpts), ("power", replace(excerpts, recordings=None))):
        with_rooms, without = (
            training_losses(objective, ["mixture"], parameters, excitation, heard, 0, r)  # type: ignore[arg-type]
            for r in (rooms, None)
        )
        assert torch.equal(with_rooms["mixture"], without["mixture"])


class Loudness(nn.Module):
    """Knows everything about the voices but their level."""

    def __init__(self, parameters: SourceParameters) -> None:
        super().__init__()
        self.parameters_of = parameters
        self.level = nn.Parameter(torch.tensor(-0.5))

    def forward(self, mixture: Tensor, f0: Tensor, excitation: Tensor, **more: object) -> SourceParameters:
        known = self.parameters_of
        return replace(known, alpha=known.alpha * self.level.exp(), gain=known.gain * self.level.exp())


def test_a_folder_with_a_hall_and_a_dry_recording_is_heard_as_such() -> None:
    excerpts, parameters = sung([response(1.2, 1.0), None], seconds=2)
    task = EstimatorTask(Loudness(parameters), objective="power", recordings=2)
    trainer = Trainer(task)
    schedule = Schedule(steps=60, learning_rate=0.03, validate_every=60, decay=False)
    train_steps(trainer, lambda step: excerpts, [excerpts], schedule)
    assert task.rooms is not None
    hall, dry = (room.found() for room in task.rooms.of if isinstance(room, RoomFit))
    assert hall is not None and dry is None
    assert hall.times[1] == pytest.approx(1.2, rel=0.4)
    assert hall.level == pytest.approx(1.0, rel=0.5)


def drawn(step: int) -> Excerpts:
    excerpts, _ = sung([response(1.0, 1.0), None])
    one = slice(step % 2, step % 2 + 1)
    recordings = excerpts.recordings
    assert recordings is not None
    return Excerpts(excerpts.mixture[one], excerpts.f0[one], recordings=recordings[one])


def learner(recordings: int = 2) -> Trainer[Excerpts]:
    _, parameters = sung([None])
    return Trainer(EstimatorTask(Loudness(parameters), objective="power", recordings=recordings), seed=5)


def test_a_run_that_is_taken_up_again_has_the_same_rooms_bit_for_bit() -> None:
    schedule = Schedule(steps=8, learning_rate=0.1, validate_every=4)
    held_out = [drawn(0)]
    whole = learner()
    train_steps(whole, drawn, held_out, schedule)

    def stop_at_5(at: Progress) -> None:
        if at.step == 5:
            raise KeyboardInterrupt

    left = learner()
    with pytest.raises(KeyboardInterrupt):
        train_steps(left, drawn, held_out, schedule, progress=stop_at_5)
    taken_up = learner()
    taken_up.restore(left.tensors(), left.state())
    train_steps(taken_up, drawn, held_out, schedule)
    assert any(name.startswith("rooms/") for name in whole.tensors())
    assert set(taken_up.tensors()) == set(whole.tensors())
    for name, tensor in whole.tensors().items():
        assert torch.equal(taken_up.tensors()[name], tensor), name
    assert taken_up.at.best == whole.at.best


def test_a_checkpoint_without_rooms_begins_with_new_ones_and_one_of_other_rooms_is_refused() -> None:
    trainer, fresh = learner(), Rooms(2)
    train_steps(trainer, drawn, [drawn(0)], Schedule(steps=2, validate_every=9))
    tensors, state = trainer.tensors(), trainer.state()
    without = learner()
    without.restore({n: t for n, t in tensors.items() if "rooms" not in n}, state)
    assert isinstance(without.task, EstimatorTask) and without.task.rooms is not None
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(without.task.rooms.state_dict()[name], tensor)
    other = learner(3)
    with pytest.raises(ModelError, match="checkpoint"):
        other.restore(tensors, state)
