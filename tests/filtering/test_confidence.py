"""Confidence: what no other voice claims."""

import pytest
import torch

from vocsep.filtering.confidence import confidence_by_second, energies

FRAMES = 200  # a little over three seconds
FLAT = torch.ones(5, FRAMES)


def test_voices_that_share_nothing_are_sure() -> None:
    masks = torch.zeros(2, 5, FRAMES)
    masks[0, :2], masks[1, 2:] = 1.0, 1.0
    assert torch.equal(confidence_by_second(energies(masks, FLAT)), torch.ones(2, 4))


def test_voices_that_share_everything_are_not() -> None:
    assert torch.equal(
        confidence_by_second(energies(torch.full((2, 5, FRAMES), 0.5), FLAT)), torch.zeros(2, 4)
    )


def test_what_is_shared_counts_by_its_energy() -> None:
    masks = torch.full((2, 5, FRAMES), 0.5)
    masks[0, 0], masks[1, 0] = 1.0, 0.0
    found = confidence_by_second(energies(masks, FLAT))
    assert torch.allclose(found[0], torch.tensor(1.0 / (1.0 + 4 * 0.25)))  # one bin of its own, four halves
    assert torch.equal(found[1], torch.zeros(4))
    louder = FLAT.clone()
    louder[0] = 10.0
    assert confidence_by_second(energies(masks, louder))[0].min() > 0.98


def test_each_second_is_judged_by_itself() -> None:
    masks = torch.full((1, 5, FRAMES), 0.5)
    masks[..., 63:125] = 1.0  # the frames of the second one
    assert confidence_by_second(energies(masks, FLAT))[0].tolist() == pytest.approx([0, 1, 0, 0])


def test_a_silent_voice_has_no_confidence() -> None:
    masks = torch.ones(1, 5, FRAMES)
    masks[..., 125:] = 0.0
    found = confidence_by_second(energies(masks, FLAT))[0]
    assert torch.isnan(found[2:]).all() and torch.isfinite(found[:2]).all()
    assert torch.isnan(confidence_by_second(energies(torch.zeros(1, 5, FRAMES), FLAT))).all()


def test_an_empty_stretch_has_no_seconds() -> None:
    assert confidence_by_second(torch.zeros(2, 3, 0)).shape == (3, 0)
