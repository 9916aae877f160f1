"""The post-filter: what it sees, and what it may change."""

import math
from pathlib import Path

import pytest
import torch

import vocsep.filtering.postfilter as network_module
from vocsep.errors import ModelError
from vocsep.filtering.masks import soft_masks
from vocsep.filtering.postfilter import (
    CORRECTED,
    PostfilterNetwork,
    PostfilterSettings,
    corrected,
    mean_power,
    postfiltered,
    restore_postfilter,
)
from vocsep.filtering.postfilter_features import (
    BINS,
    CHANNELS,
    FAR,
    instantaneous_frequency,
    postfilter_features,
)
from vocsep.model import StoredModel
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, stft

FRAMES = 40
Scene = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def tone(frequency: float, frames: int = FRAMES) -> torch.Tensor:
    return torch.sin(2 * math.pi * frequency * torch.arange((frames - 1) * HOP) / SAMPLE_RATE)


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Three voices of eight harmonics, and powers that are roughly theirs."""
    f0 = torch.tensor([440.0, 330.0, 196.0])[:, None].repeat(1, FRAMES)
    f0[2, 25:] = 0
    voices = torch.stack(
        [sum((tone(k * float(f)) / k for k in range(1, 9)), torch.zeros(())) for f in f0[:, 0]]
    )
    spectrum = stft(voices.sum(dim=0), MASK_FFT)
    noise = torch.rand(3, *spectrum.shape, generator=torch.Generator().manual_seed(0))
    powers = stft(voices, MASK_FFT).abs().square() * (0.5 + noise) + 1e-6
    return spectrum, powers, soft_masks(powers), f0


def random_network(seed: int = 0) -> PostfilterNetwork:
    torch.manual_seed(seed)
    network = PostfilterNetwork(PostfilterSettings(channels=6))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network.eval()


class TestView:
    @pytest.mark.parametrize("frequency", [200.0, 443.3, 1234.5])
    def test_the_instantaneous_frequency_of_a_tone_is_the_tone_in_all_bins_of_its_lobe(
        self, frequency: float
    ) -> None:
        found = instantaneous_frequency(stft(tone(frequency), MASK_FFT))[:, 8:-8]
        bin_ = frequency * MASK_FFT / SAMPLE_RATE
        lobe = found[math.ceil(bin_ - 1.5) : math.floor(bin_ + 1.5) + 1]
        assert (lobe - bin_).abs().max() < 0.01

    def test_a_glide_is_followed(self) -> None:
        seconds = torch.arange(FRAMES * HOP) / SAMPLE_RATE
        rate = 100.0  # Hz a second
        found = instantaneous_frequency(
            stft(torch.sin(2 * math.pi * (300 + rate / 2 * seconds) * seconds), MASK_FFT)
        )
        for frame in (12, 20, 28):
            expected = (300 + rate * (frame + 0.5) * HOP / SAMPLE_RATE) * MASK_FFT / SAMPLE_RATE
            assert found[round(expected), frame] == pytest.approx(expected, abs=0.1)

    def test_it_has_a_channel_for_each_thing_and_no_extremes(self, scene: Scene) -> None:
        spectrum, powers, masks, f0 = scene
        view = postfilter_features(spectrum, powers, masks, f0, mean_power(spectrum))
        assert view.shape == (3, CHANNELS, BINS, FRAMES)
        assert torch.isfinite(view).all() and view.abs().max() < 5

    def test_that_of_some_bins_is_the_beginning_of_that_of_all(self, scene: Scene) -> None:
        mean = mean_power(scene[0])
        some, every = (postfilter_features(*scene, mean, bins) for bins in (CORRECTED, BINS))
        assert torch.equal(some, every[:, :, :CORRECTED])

    def test_it_tells_on_whose_harmonics_a_partial_lies(self, scene: Scene) -> None:
        spectrum, powers, masks, f0 = scene
        view = postfilter_features(spectrum, powers, masks, f0, mean_power(spectrum))
        bin_ = round(440 * MASK_FFT / SAMPLE_RATE)
        near = view[:, 7, bin_, 8:20]  # of the first voice's fundamental
        assert near[0].min() > 0.95 and near[1:].max() < 0.1
        assert (view[2, 6, :, 26:] == FAR / 2).all()  # a silent voice has no harmonics

    def test_levels_do_not_depend_on_the_recording_level(self, scene: Scene) -> None:
        spectrum, powers, masks, f0 = scene
        loud = postfilter_features(100 * spectrum, 1e4 * powers, masks, f0, mean_power(100 * spectrum))
        assert torch.allclose(
            loud, postfilter_features(spectrum, powers, masks, f0, mean_power(spectrum)), atol=1e-3
        )

    def test_silence_is_finite(self) -> None:
        nothing = torch.zeros(MASK_FFT // 2 + 1, 5, dtype=torch.complex64)
        powers = torch.zeros(2, MASK_FFT // 2 + 1, 5)
        view = postfilter_features(
            nothing, powers, soft_masks(powers), torch.zeros(2, 5), mean_power(nothing)
        )
        assert torch.isfinite(view).all()


class TestMasks:
    def test_an_untrained_network_changes_nothing(self, scene: Scene) -> None:
        spectrum, powers, masks, f0 = scene
        same = postfiltered(PostfilterNetwork(), spectrum, powers, masks, f0)
        assert torch.allclose(same, masks, atol=1e-6)

    def test_they_add_up_to_one_and_stay_as_they_were_above_the_band(self, scene: Scene) -> None:
        spectrum, powers, masks, f0 = scene
        new = postfiltered(random_network(), spectrum, powers, masks, f0)
        assert new.shape == masks.shape and (new - masks).abs().max() > 0.05
        assert torch.allclose(new.sum(dim=0), torch.ones(()), atol=1e-5)
        assert torch.equal(new[:, CORRECTED:], masks[:, CORRECTED:])

    def test_the_correction_fades_out_at_the_end_of_the_band(self) -> None:
        masks = torch.full((2, MASK_FFT // 2 + 1, 3), 0.5)
        answer = torch.stack((torch.ones(BINS, 3), -torch.ones(BINS, 3)))
        first = corrected(masks, answer)[0, :, 0]
        steps = first[:BINS] - torch.cat((first[1:BINS], first[BINS : BINS + 1]))
        assert first[0] == pytest.approx(1 / (1 + math.exp(-2))) and 0 <= steps.min() <= steps.max() < 0.01

    def test_the_order_of_the_voices_does_not_matter(self, scene: Scene) -> None:
        spectrum, powers, masks, f0 = scene
        order = [2, 0, 1]
        new = postfiltered(random_network(), spectrum, powers, masks, f0)
        other = postfiltered(random_network(), spectrum, powers[order], masks[order], f0[order])
        assert torch.allclose(other, new[order], atol=0.02)  # convolutions may be of half precision

    def test_two_voices_of_which_the_same_is_known_get_the_same(self, scene: Scene) -> None:
        spectrum, powers, _, f0 = scene
        twins = [0, 1, 1]
        masks = soft_masks(powers[twins])
        new = postfiltered(random_network(), spectrum, powers[twins], masks, f0[twins])
        assert torch.allclose(new[1], new[2], atol=0.02)

    def test_slabs_join_without_a_trace(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        spectrum, powers, masks, f0 = scene
        whole = postfiltered(random_network(), spectrum, powers, masks, f0)
        monkeypatch.setattr(network_module, "SLAB", 7)
        assert torch.allclose(postfiltered(random_network(), spectrum, powers, masks, f0), whole, atol=0.02)

    def test_a_voice_alone_keeps_everything(self, scene: Scene) -> None:
        spectrum, powers, _, f0 = scene
        ones = torch.ones_like(powers[:1])
        assert torch.equal(postfiltered(random_network(), spectrum, powers[:1], ones, f0[:1]), ones)


def test_weights_that_do_not_fit_are_refused() -> None:
    tensors = dict(PostfilterNetwork(PostfilterSettings(channels=6)).state_dict())
    wrong = [
        (PostfilterSettings(channels=8).to_dict(), "m: its weights"),
        ({"colour": "blue"}, "m: its settings"),
    ]
    for settings, message in wrong:
        with pytest.raises(ModelError, match=message):
            restore_postfilter(StoredModel(tensors, settings, {}, Path("m")))


def test_settings_survive_a_file(tmp_path: Path) -> None:
    from vocsep.filtering.postfilter import load_postfilter
    from vocsep.training.postfilter import save_postfilter

    network = PostfilterNetwork(PostfilterSettings(channels=5, dilations=((1, 1), (2, 3))))
    save_postfilter(network, tmp_path / "p.safetensors", {})
    again = load_postfilter(tmp_path / "p.safetensors")
    assert again.settings.reach == network.settings.reach == 6
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), network.parameters(), strict=True))
