"""The U-Net baseline: what its control says, what its mask may be, and that it learns whom to follow."""

import math
from pathlib import Path

import pytest
import torch

from vocsep.errors import ModelError, SettingsError
from vocsep.methods.unet import (
    BINS,
    BINS_AN_OCTAVE,
    CONTROL_BINS,
    LOWEST,
    UNET_FFT,
    Unet,
    UnetSettings,
    control_of,
    magnitudes_of,
)
from vocsep.methods.unet_masks import UnetMasks, load_unet, save_unet
from vocsep.model import load_model, save_model
from vocsep.source.excitation import harmonic_excitation
from vocsep.spectra import HOP, frame_count
from vocsep.training.excerpts import Excerpts
from vocsep.training.loop import train_steps
from vocsep.training.schedule import Schedule
from vocsep.training.trainer import Trainer
from vocsep.training.unet import UnetTask, wanted_voices

TINY = UnetSettings(base_channels=4, layers=3, dropout=0.0)
SAMPLES = 32 * HOP


def tiny(seed: int = 0) -> Unet:
    torch.manual_seed(seed)
    return Unet(TINY).eval()


def duet(batch: int = 4, given: tuple[bool, bool] = (True, True)) -> Excerpts:
    """Two harmonic tones a fifth and a bit apart, other pitches in each example."""
    base = torch.linspace(150.0, 260.0, batch)
    f0 = torch.stack([1.7 * base, base], dim=1)[..., None].expand(-1, -1, frame_count(SAMPLES)).contiguous()
    sources = harmonic_excitation(f0, SAMPLES)
    peak = sources.sum(dim=1).abs().amax(dim=1)
    sources = sources / peak[:, None, None] * torch.tensor(given)[:, None]
    whole = harmonic_excitation(f0, SAMPLES).sum(dim=1) / peak[:, None]
    return Excerpts(whole, f0, sources, torch.tensor(given).expand(batch, 2))


# --- control


def test_control_peaks_at_the_bin_of_f0_and_moves_with_it() -> None:
    f0 = LOWEST * 2 ** (torch.tensor([0.0, 60.0, 60.5, 240.0]) / BINS_AN_OCTAVE)
    control = control_of(f0)
    assert control.shape == (CONTROL_BINS, 4)
    assert control.argmax(dim=0)[[0, 1, 3]].tolist() == [1, 61, 241]
    assert control[61, 2] == pytest.approx(float(control[62, 2]), abs=1e-4)  # between two bins: both alike
    assert control[62, 1] == pytest.approx(math.exp(-0.5), abs=1e-4)


def test_unvoiced_frames_say_so_and_nothing_else() -> None:
    control = control_of(torch.tensor([0.0, 220.0]))
    assert control[:, 0].nonzero().flatten().tolist() == [0]
    assert control[0, 1] == 0


@pytest.mark.parametrize("f0", [1.0, 30.0, 5000.0])
def test_pitches_outside_the_control_are_clamped_into_it(f0: float) -> None:
    assert float(control_of(torch.tensor([f0]))[1:].max()) == pytest.approx(1.0)


# --- network


@pytest.mark.parametrize(("layers", "frames"), [(1, 1), (3, 7), (6, 33), (7, 64)])
def test_masks_have_the_mixtures_shape_whatever_its_length(layers: int, frames: int) -> None:
    network = Unet(UnetSettings(base_channels=2, layers=layers)).eval()
    mask = network(torch.rand(2, BINS, frames), torch.full((2, frames), 200.0))
    assert mask.shape == (2, BINS, frames)
    assert bool(((mask > 0) & (mask < 1)).all())


def test_masks_do_not_depend_on_level() -> None:
    magnitudes, f0 = torch.rand(1, BINS, 20), torch.full((1, 20), 200.0)
    network = tiny()
    assert torch.allclose(network(magnitudes, f0), network(1e-3 * magnitudes, f0), atol=1e-5)


def test_silence_gives_finite_masks() -> None:
    assert bool(torch.isfinite(tiny()(torch.zeros(1, BINS, 8), torch.zeros(1, 8))).all())


def test_frames_are_those_of_the_f0() -> None:
    assert magnitudes_of(torch.zeros(3 * HOP + 5)).shape == (UNET_FFT // 2 + 1, frame_count(3 * HOP + 5))


def test_published_size_has_sixteen_channels_and_each_layer_twice_the_last() -> None:
    network = Unet(UnetSettings.preset("published"))
    assert [layer[0].out_channels for layer in network.encoder] == [16, 32, 64, 128, 256, 512]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"base_channels": 0}, ("base_channels", "0")),
        ({"base_channels": 2.5}, ("base_channels",)),
        ({"layers": 8}, ("layers", "8")),
        ({"dropout": 0.95}, ("dropout",)),
        ({"channels": 8}, ("channels", "unknown")),
    ],
)
def test_settings_out_of_bounds_are_refused(values: dict[str, float], words: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as caught:
        UnetSettings.from_dict(values)
    assert all(word in str(caught.value) for word in words)


# --- learning


def test_loss_is_the_mean_difference_of_masked_mixture_and_wanted_stem() -> None:
    excerpts = duet(2)
    network = tiny()
    wanted = wanted_voices(excerpts, 3)
    expected = []
    for row, voice in enumerate(wanted.tolist()):
        assert excerpts.sources is not None
        mixture, stem = magnitudes_of(excerpts.mixture[row]), magnitudes_of(excerpts.sources[row, voice])
        mask = network(mixture[None], excerpts.f0[row, voice][None])[0]
        expected.append(float((mask * mixture - stem).abs().mean().detach()))
    loss = float(UnetTask(network).loss(excerpts, 3).detach())
    assert loss == pytest.approx(sum(expected) / 2, rel=2e-2)  # the task may compute in bfloat16


def test_only_voices_whose_stem_is_at_hand_are_wanted() -> None:
    excerpts = duet(64, given=(False, True))
    assert wanted_voices(excerpts, 0).tolist() == [1] * 64
    both = wanted_voices(duet(64), 0)
    assert 16 < int(both.sum()) < 48
    assert torch.equal(both, wanted_voices(duet(64), 0))


def test_mixtures_without_stems_are_refused() -> None:
    whole = duet(2)
    for excerpts in (Excerpts(whole.mixture, whole.f0), duet(2, given=(False, False))):
        with pytest.raises(SettingsError, match="stems"):
            Trainer(UnetTask(tiny())).step(excerpts, 1e-3, 1.0)


def test_it_learns_to_follow_the_f0() -> None:
    """Both voices of the same mixtures come out of one network, told apart by their F0 alone."""
    excerpts = duet(4)
    trainer = Trainer(UnetTask(tiny()))
    schedule = Schedule(steps=60, learning_rate=2e-2, warm_up=0, validate_every=60)

    train_steps(trainer, lambda step: excerpts, [excerpts], schedule)
    trainer.use_best()
    assert excerpts.sources is not None
    method = UnetMasks(trainer.network)  # type: ignore[arg-type]
    estimated = method(excerpts.mixture[0], excerpts.f0[0])
    mixture = magnitudes_of(excerpts.mixture[0])
    stems = magnitudes_of(excerpts.sources[0])
    apart = (estimated.masks * mixture - stems).abs().sum()
    together = (0.5 * mixture - stems).abs().sum()
    assert float(apart) < 0.5 * float(together)


def test_a_run_taken_up_again_is_the_run_that_was_left() -> None:
    def run(network: Unet) -> Trainer[Excerpts]:
        return Trainer(UnetTask(network), seed=4)

    whole = run(tiny())
    for _ in range(4):
        whole.step(duet(2), 1e-3, 1.0)
    first = run(tiny())
    for _ in range(2):
        first.step(duet(2), 1e-3, 1.0)
    second = run(tiny(seed=9))
    second.restore(first.tensors(), first.state())
    for _ in range(2):
        second.step(duet(2), 1e-3, 1.0)
    for name, tensor in whole.network.state_dict().items():
        assert torch.allclose(tensor, second.network.state_dict()[name], atol=1e-5), name


# --- separation and the model file


def test_masks_of_all_voices_add_up_to_one() -> None:
    torch.manual_seed(3)
    mixture = torch.randn(20 * HOP)
    mixture[: 6 * HOP] = 0.0
    f0 = torch.full((3, 21), 150.0) * torch.tensor([[3.0], [2.0], [0.0]])
    told: list[float] = []
    estimated = UnetMasks(tiny())(mixture, f0, progress=told.append)
    assert estimated.masks.shape == (3, BINS, 21)
    assert torch.allclose(estimated.masks.sum(dim=0), torch.ones(BINS, 21), atol=1e-5)
    assert (estimated.fft_size, estimated.hop) == (UNET_FFT, HOP)
    assert told[-1] == 1.0


def test_a_model_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    network = tiny()
    save_unet(tmp_path / "u", network, {"what": "a test"})
    again = load_unet(tmp_path / "u")
    magnitudes, f0 = torch.rand(1, BINS, 9), torch.full((1, 9), 300.0)
    assert again.settings == TINY
    assert torch.equal(again(magnitudes, f0), network(magnitudes, f0))
    with pytest.raises(ModelError, match="U-Net"):
        load_model(tmp_path / "u", "voices")


@pytest.mark.parametrize("settings", [{"base_channels": 5}, {"layers": 99}, {"colour": 1}])
def test_settings_that_do_not_fit_the_weights_are_refused(tmp_path: Path, settings: dict[str, int]) -> None:
    stored = TINY.to_dict() | settings
    save_model(tmp_path / "u", tiny().state_dict(), kind="unet", settings=stored, card={})
    with pytest.raises(ModelError) as caught:
        load_unet(tmp_path / "u")
    assert "\n" not in str(caught.value)
