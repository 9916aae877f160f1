"""Voices on one note share alike; all others keep what they have."""

import pytest
import torch
from torch import Tensor

from vocsep.filtering.unisons import LASTING, SAME, in_unison, share_unisons
from vocsep.methods.source_filter import SourceFilterSettings, estimate_sources, untrained_comb
from vocsep.source.excitation import harmonic_excitation
from vocsep.spectra import SAMPLE_RATE, frame_count

FRAMES = 100


def constant(*frequencies: float, frames: int = FRAMES) -> Tensor:
    return torch.tensor(frequencies)[:, None].expand(-1, frames).contiguous()


def powers(voices: int = 3) -> Tensor:
    return torch.rand(voices, 7, FRAMES, generator=torch.Generator().manual_seed(0)) + 0.1


@pytest.mark.parametrize("cents", [0.0, 0.5 * SAME, 2 * SAME, 30.0, 1200.0])
def test_only_the_same_pitch_is_one_note(cents: float) -> None:
    shared = in_unison(constant(200.0, 200.0 * 2 ** (cents / 1200)))
    assert torch.equal(shared[0, 1], shared[1, 0])
    assert (shared[0, 1, 10:-10] == (1.0 if cents < SAME else 0.0)).all()
    assert (shared[0, 0] == 1).all()


def test_voices_on_one_note_get_their_mean_and_others_keep_their_own() -> None:
    given = powers()
    found = share_unisons(given, constant(200.0, 200.0, 300.0))
    inside = slice(10, -10)
    torch.testing.assert_close(found[0, :, inside], given[:2, :, inside].mean(dim=0))
    torch.testing.assert_close(found[0, :, inside], found[1, :, inside])
    torch.testing.assert_close(found[2], given[2])


def test_three_on_one_note_get_their_mean() -> None:
    given = powers()
    found = share_unisons(given, constant(200.0, 200.0, 200.0))[..., 10:-10]
    torch.testing.assert_close(found, given.mean(dim=0).expand(3, -1, -1)[..., 10:-10])


def test_what_all_voices_have_together_stays() -> None:
    f0 = constant(200.0, 200.0, 300.0)
    f0[1, 40:] = 250.0
    given = powers()
    torch.testing.assert_close(share_unisons(given, f0).sum(dim=0), given.sum(dim=0))


def test_different_notes_and_silence_change_nothing() -> None:
    given = powers()
    for f0 in (constant(200.0, 250.0, 300.0), constant(0.0, 0.0, 0.0), constant(200.0, 0.0, 0.0)):
        assert share_unisons(given, f0) is given


def test_a_moment_does_not_count_and_a_gap_is_closed() -> None:
    crossing = constant(200.0, 300.0)
    crossing[1, 50 : 50 + LASTING] = 200.0
    assert (in_unison(crossing)[0, 1] == 0).all()
    interrupted = constant(200.0, 200.0)
    interrupted[1, 50 : 50 + LASTING] = 0.0
    assert (in_unison(interrupted)[0, 1, 10:-10] == 1).all()


def test_masks_of_a_unison_are_the_same() -> None:
    f0 = constant(220.0, 220.0, 330.0, frames=frame_count(SAMPLE_RATE))
    mixture = harmonic_excitation(f0, SAMPLE_RATE).sum(dim=0)
    settings = SourceFilterSettings(steps=3, room=False)
    masks = estimate_sources(mixture, f0, untrained_comb, settings).masks[..., 10:-10]
    torch.testing.assert_close(masks[0], masks[1])
    assert not torch.allclose(masks[0], masks[2])
