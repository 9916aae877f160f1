"""The layer by products of rows is the layer by torch's convolutions, and so are its gradients."""

import pytest
import torch

from vocsep.estimator.voice_block import VoiceBlock


def block(dilation: int) -> VoiceBlock:
    torch.manual_seed(0)
    return VoiceBlock(6, dilation).double()


@pytest.mark.parametrize("frames", [1, 5, 20])
@pytest.mark.parametrize("dilation", [1, 2, 3, 9])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("all_voices", [True, False])
def test_products_are_convolutions(frames: int, dilation: int, stride: int, all_voices: bool) -> None:
    layer = block(dilation)
    x = torch.randn(2, frames, 3, 6, dtype=torch.float64, requires_grad=True)
    mean = None if all_voices else torch.randn(2, frames, 6, dtype=torch.float64, requires_grad=True)
    inputs = [x, *layer.parameters(), *([] if mean is None else [mean])]
    ours, theirs = layer(x, mean, stride), layer.convolved(x, mean)[:, ::stride]
    torch.testing.assert_close(ours, theirs)
    weight = torch.randn_like(ours)
    for found, expected in zip(
        torch.autograd.grad(ours, inputs, weight), torch.autograd.grad(theirs, inputs, weight), strict=True
    ):
        torch.testing.assert_close(found, expected)


def test_some_voices_of_all() -> None:
    layer = block(3)
    x = torch.randn(2, 20, 3, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x[:, :, [2, 0]], x.mean(2)), layer(x)[:, :, [2, 0]])


def test_in_low_precision_torchs_convolutions_are_taken() -> None:
    layer = block(3).float()
    x = torch.randn(2, 20, 3, 6)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(x), layer.convolved(x))
    torch.testing.assert_close(layer(x), layer.convolved(x))
