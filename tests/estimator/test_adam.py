"""Our Adam is torch's, bit for bit."""

import pytest
import torch
from torch import Tensor

from vocsep.estimator.adam import Adam, ParameterGroup, held_then_falling, minimise

SHAPES = ((), (7,), (3, 5, 11))


def some_tensors(seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in SHAPES]


def rough(tensors: list[Tensor], step: int) -> Tensor:
    """A loss with steep and flat directions, whose gradients change size and sign from step to step."""
    return sum(
        ((10.0**k) * (tensor + step % 7).sin().square().sum() + tensor.abs().sum() / (1 + step))
        for k, tensor in enumerate(tensors, start=-2)
    )  # type: ignore[return-value]


def as_torch_does(groups: list[ParameterGroup]) -> torch.optim.Adam:
    return torch.optim.Adam(
        [{"params": list(one.tensors), "lr": one.rate, "betas": one.betas} for one in groups], foreach=False
    )


@pytest.mark.parametrize("betas", [(0.9, 0.9), (0.9, 0.999), (0.0, 0.5)])
def test_one_group_moves_as_torch_moves_it(betas: tuple[float, float]) -> None:
    ours, theirs = some_tensors(1), some_tensors(1)
    adam = Adam([ParameterGroup(ours, 0.3, betas)])
    reference = as_torch_does([ParameterGroup(theirs, 0.3, betas)])
    for step in range(300):
        for optimiser, tensors in ((adam, ours), (reference, theirs)):
            for tensor in tensors:
                tensor.grad = None
            rough(tensors, step).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)), step


def test_groups_have_rates_and_betas_of_their_own() -> None:
    ours, theirs = some_tensors(2), some_tensors(2)
    options = ((1e-3, (0.9, 0.999)), (0.1, (0.5, 0.9)), (1.0, (0.9, 0.9)))
    mine = [ParameterGroup([one], *how) for one, how in zip(ours, options, strict=True)]
    reference = as_torch_does([ParameterGroup([one], *how) for one, how in zip(theirs, options, strict=True)])
    minimise(lambda step: rough(ours, step), mine, 200)
    for step in range(200):
        reference.zero_grad()
        rough(theirs, step).backward()  # type: ignore[no-untyped-call]
        reference.step()
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_tensor_that_is_left_out_of_some_steps_keeps_its_own_count() -> None:
    ours, theirs = some_tensors(3), some_tensors(3)

    def loss(tensors: list[Tensor], step: int) -> Tensor:
        return rough(tensors[: 3 if step % 3 else 2], step)

    reference = as_torch_does([ParameterGroup(theirs, 0.05)])
    minimise(lambda step: loss(ours, step), [ParameterGroup(ours, 0.05)], 100)
    for step in range(100):
        reference.zero_grad()
        loss(theirs, step).backward()  # type: ignore[no-untyped-call]
        reference.step()
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_minimum_is_found_and_progress_told() -> None:
    place = torch.tensor([4.0, -3.0], requires_grad=True)
    told: list[float] = []
    minimise(lambda step: (place - 1).square().sum(), [ParameterGroup([place], 0.3)], 200, told.append)
    assert torch.allclose(place, torch.ones(2), atol=1e-3)
    assert told == [(step + 1) / 200 for step in range(200)]


def test_tensors_without_a_gradient_stay() -> None:
    still = torch.ones(3, requires_grad=True)
    Adam([ParameterGroup([still], 1.0)]).step()
    assert torch.equal(still, torch.ones(3))


def test_a_rate_that_falls_is_whole_until_then_and_ends_where_it_is_told() -> None:
    factor = held_then_falling(0.3, 0.1)
    assert factor(0.0) == factor(0.3) == 1.0
    assert factor(1.0) == pytest.approx(0.1) and factor(0.65) == pytest.approx(0.55)
    falling = [factor(share / 100) for share in range(30, 101)]
    assert falling == sorted(falling, reverse=True)


def test_factors_scale_every_step() -> None:
    moved = []
    for factor in (1.0, 0.25):
        tensor = torch.zeros(3, requires_grad=True)
        given = [ParameterGroup([tensor], 0.2)]
        minimise(lambda step, x=tensor: x.sum(), given, 4, factor=lambda share, by=factor: by)
        moved.append(tensor.detach())
    torch.testing.assert_close(moved[1], moved[0] / 4)
