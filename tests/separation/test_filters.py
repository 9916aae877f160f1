"""``--filter``: partials and masks, at every rate, in mono and stereo."""

import numpy as np
import pytest
from tiny import music, tiny_models

from vocsep.errors import SettingsError
from vocsep.methods.registry import FILTERS, MethodSettings, build_method
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.separator import Separator


@pytest.fixture(scope="module")
def filters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Separator]:
    weights = tiny_models(tmp_path_factory.mktemp("models"))
    model, pitch_model = weights["model"], weights["pitch_model"]
    return {
        name: Separator(model, pitch_model=pitch_model, device="cpu", adapt=0, filter=name)
        for name in FILTERS
    }


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_partials_change_stems_that_add_up_as_before(filters: dict[str, Separator], rate: int) -> None:
    audio, tracks = music(1.5, rate)
    one, other = (filters[name].separate(audio, rate, tracks=tracks).stems for name in FILTERS)
    assert np.abs(one - other).max() > 1e-4
    for stems in (one, other):
        np.testing.assert_allclose(stems.sum(axis=0), audio, rtol=0, atol=2e-5)


def test_without_any_f0_stems_are_those_of_the_masks(filters: dict[str, Separator]) -> None:
    audio, tracks = music(1.0)
    silent = F0Tracks(np.full_like(tracks.frequencies, np.nan))
    one, other = (filters[name].separate(audio, 16_000, tracks=silent).stems for name in FILTERS)
    np.testing.assert_array_equal(one, other)


def test_channels_that_differ_are_told_apart_by_place_alone(filters: dict[str, Separator]) -> None:
    audio, tracks = music(1.0)
    noise = np.random.default_rng(0).normal(0, 0.1, audio.shape)
    stereo = np.stack((audio, audio + noise), axis=1).astype(np.float32)
    fitted = filters["partials"].separate(stereo, 16_000, tracks=tracks)
    assert fitted.parameters is not None
    refined = F0Tracks(fitted.parameters.f0[0].double().numpy())  # by phases, before anything else
    masked = filters["mask"].separate(stereo, 16_000, tracks=refined)
    np.testing.assert_array_equal(fitted.stems, masked.stems)


def test_channels_that_are_alike_have_corrections_at_their_levels(filters: dict[str, Separator]) -> None:
    audio, tracks = music(1.0)
    stereo = np.stack((audio, 0.5 * audio), axis=1).astype(np.float32)
    stems = filters["partials"].separate(stereo, 16_000, tracks=tracks).stems
    np.testing.assert_allclose(stems[..., 1], 0.5 * stems[..., 0], rtol=0, atol=1e-5)


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(SettingsError, match="filter: 'comb' is not one of partials, mask"):
        build_method("comb", MethodSettings(filter="comb"))
