"""Settings, features and both presets of the estimator."""

import math

import numpy as np
import pytest
import torch

from vocsep.errors import SettingsError
from vocsep.estimator.bands import band_centres
from vocsep.estimator.features import comb_features, harmonic_levels, solve_levels, upsampled
from vocsep.estimator.long_spectra import LongSpectra
from vocsep.estimator.network import Estimator, EstimatorSettings, presets
from vocsep.source.excitation import glottal_tilt, harmonic_excitation
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import HOP, frame_count
from vocsep.training.loss import multi_scale_spectral_loss

SAMPLES = 60 * HOP
FRAMES = frame_count(SAMPLES)
SMALL = {
    "comb": EstimatorSettings(units=16, blocks=2),
    "every frame": EstimatorSettings(units=16, blocks=2, frame_step=1),
    "paper": EstimatorSettings(kind="paper", encoder_units=16, latent=8, decoder_units=16),
}
NETWORKS = list(SMALL)


def quartet(voices: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """A mixture ``(2, samples)`` of tilted harmonics and its F0 ``(2, voices, frames)``."""
    generator = torch.Generator().manual_seed(3)
    f0 = 400 * 0.7 ** torch.arange(voices).reshape(1, -1, 1) * torch.tensor([1.0, 0.9]).reshape(2, 1, 1)
    f0 = f0 * (1 + 0.01 * torch.sin(torch.arange(FRAMES) * 0.5))
    mixture = 0.02 * harmonic_excitation(f0, SAMPLES).sum(1)
    return mixture + 0.001 * torch.randn(2, SAMPLES, generator=generator), f0


def build(name: str) -> Estimator:
    torch.manual_seed(0)
    return Estimator(SMALL[name])


def tensors(given: SourceParameters) -> list[torch.Tensor]:
    return [given.alpha, given.gain, given.lsf, given.noise_magnitudes]


def test_settings_survive_a_dictionary() -> None:
    for name in presets():
        settings = EstimatorSettings.preset(name)
        assert EstimatorSettings.from_dict(settings.to_dict()) == settings


def test_models_of_before_compute_every_frame() -> None:
    """Their settings do not say so: there was nothing else."""
    before = {name: value for name, value in SMALL["every frame"].to_dict().items() if name != "frame_step"}
    assert EstimatorSettings.from_dict(before) == SMALL["every frame"]
    assert EstimatorSettings.from_dict({"units": 16, "blocks": 2}) == SMALL["comb"]


def test_the_default_is_the_first_preset() -> None:
    assert presets()[0] == "comb" and EstimatorSettings.preset("comb") == EstimatorSettings()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"unit": 3}, "estimator setting 'unit' is unknown"),
        ({"units": 3}, r"units is 3; it must lie in \[8, 1024\]"),
        ({"units": "many"}, "units is 'many'; it must be a number"),
        ({"units": 64.5}, "units is 64.5; it must be a number"),
        ({"minimum_lsf_gap": math.nan}, "minimum_lsf_gap is nan"),
        ({"lsf_order": 21}, "order of the all-pole filter is 21; it must be even"),
        ({"kind": "other"}, "estimator kind 'other' is unknown; there are comb, paper"),
    ],
)
def test_wrong_settings_are_refused_by_name(values: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        EstimatorSettings.from_dict(values)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(SettingsError, match="preset 'big' is unknown; there are comb, paper"):
        EstimatorSettings.preset("big")


def test_paper_preset_has_the_papers_number_of_parameters() -> None:
    count = sum(parameter.numel() for parameter in Estimator(EstimatorSettings.preset("paper")).parameters())
    assert round(count / 1e6, 1) == 5.6


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("voices", [1, 3])
def test_any_number_of_voices_is_possible(name: str, voices: int) -> None:
    given = build(name)(*quartet(voices))
    assert given.alpha.shape == given.gain.shape == given.f0.shape == (2, voices, FRAMES)
    assert given.lsf.shape == (2, voices, FRAMES, 20) and given.noise_magnitudes.shape == (2, voices, 40)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_order_of_the_voices_does_not_matter(name: str) -> None:
    estimator, (mixture, f0) = build(name), quartet()
    order = [2, 0, 1]
    before, after = tensors(estimator(mixture, f0)), tensors(estimator(mixture, f0[:, order]))
    for direct, permuted in zip(before, after, strict=True):
        torch.testing.assert_close(direct[:, order], permuted, rtol=1e-3, atol=1e-6)


def test_loudness_of_the_recording_scales_the_amplitudes_only() -> None:
    estimator, (mixture, f0) = build("comb"), quartet()
    quiet, loud = estimator(mixture, f0), estimator(8 * mixture, f0)
    torch.testing.assert_close(loud.alpha, 8 * quiet.alpha, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(loud.gain, 8 * quiet.gain, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(loud.lsf, quiet.lsf, rtol=1e-3, atol=1e-5)


def test_a_given_excitation_changes_nothing() -> None:
    estimator, (mixture, f0) = build("comb"), quartet()
    direct = estimator(mixture, f0)
    assert torch.equal(direct.alpha, estimator(mixture, f0, harmonic_excitation(f0, SAMPLES)).alpha)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_first_output_is_sane(name: str) -> None:
    mixture, f0 = quartet()
    mixture = mixture / mixture.abs().amax(-1, keepdim=True)
    given = build(name)(mixture, f0)
    level = 20 * torch.log10(synthesise(given, SAMPLES).sum(1).std() / mixture.std())
    assert abs(level) < 12  # dB
    assert (given.gain < given.alpha).all()
    spread = given.lsf - torch.arange(1, 21) * math.pi / 21
    assert spread.abs().max() < 0.1  # radians


@pytest.mark.parametrize("name", NETWORKS)
def test_silence_has_finite_outputs_and_gradients(name: str) -> None:
    estimator = build(name)
    given = estimator(torch.zeros(2, SAMPLES), torch.zeros(2, 3, FRAMES))
    voices = synthesise(given, SAMPLES)
    multi_scale_spectral_loss(voices.sum(1), torch.zeros(2, SAMPLES)).backward()
    assert voices.isfinite().all() and all(tensor.isfinite().all() for tensor in tensors(given))
    assert all(p.grad is None or p.grad.isfinite().all() for p in estimator.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_training_lowers_the_loss(name: str) -> None:
    estimator, (mixture, f0) = build(name), quartet()
    mixture = mixture / mixture.abs().amax(-1, keepdim=True)
    excitation = harmonic_excitation(f0, SAMPLES)
    optimiser = torch.optim.Adam(estimator.parameters(), 1e-2)
    losses = []
    for step in range(12):
        voices = synthesise(estimator(mixture, f0, excitation), SAMPLES, excitation=excitation, seed=step)
        loss = multi_scale_spectral_loss(voices.sum(1), mixture)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(estimator.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("stride", [2, 3, 4])
def test_parameters_of_some_frames(name: str, stride: int) -> None:
    """They are those of all frames, but for the noise, which is a mean over the frames that are wanted."""
    estimator, (mixture, f0) = build(name), quartet()
    whole, sparse = estimator(mixture, f0), estimator(mixture, f0, stride=stride)
    expected = tensors(whole.frames_slice(0, None, stride))
    for found, one in zip(tensors(sparse)[:3], expected[:3], strict=True):
        torch.testing.assert_close(found, one)
    assert torch.equal(sparse.f0, f0[..., ::stride])
    torch.testing.assert_close(sparse.noise_magnitudes, whole.noise_magnitudes, rtol=0.005 * stride, atol=0)


@pytest.mark.parametrize("frames", [1, 4, 5, 6, 7, 8, 61])
@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_what_lies_between_the_frames_of_the_network_is_linear(frames: int, step: int) -> None:
    """But for the guesses at alpha and g, which have a value for every frame."""
    torch.manual_seed(0)
    estimator = Estimator(EstimatorSettings(units=16, blocks=2, frame_step=step))
    mixture, f0 = quartet()
    mixture, f0 = mixture[:, : (frames - 1) * HOP], f0[..., :frames]
    comb = comb_features(mixture, harmonic_excitation(f0, mixture.shape[-1]), 40, step=step)
    assert comb.features.shape[2] == -(-frames // step) and comb.log_alpha.shape[2] == frames
    raw, _ = estimator.network(comb, f0, [-1] * 3)
    assert raw.shape == (2, 3, frames, 23)
    own = np.arange(0, frames, step)
    for row in raw[..., 2:].detach().movedim(2, -1).reshape(-1, frames).numpy():
        np.testing.assert_allclose(row, np.interp(np.arange(frames), own, row[own]), atol=1e-6)


@pytest.mark.parametrize("step", [1, 4])
def test_spectra_of_other_frames_are_not_taken(step: int) -> None:
    mixture, f0 = quartet()
    excitation = harmonic_excitation(f0, SAMPLES)
    direct = comb_features(mixture, excitation, 40, step=step)
    for every in (2, 4):
        given = comb_features(mixture, excitation, 40, LongSpectra.of(mixture, excitation, every), step)
        assert torch.equal(given.features, direct.features)


def test_every_weight_of_the_default_preset_learns() -> None:
    estimator, (mixture, f0) = build("comb"), quartet()
    voices = synthesise(estimator(mixture, f0), SAMPLES)
    multi_scale_spectral_loss(voices.sum(1), mixture).backward()
    for name, parameter in estimator.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_another_length_of_f0_is_refused() -> None:
    mixture, f0 = quartet()
    with pytest.raises(ValueError, match=rf"are 2, {FRAMES - 1}; they must be \(2, {FRAMES}\)"):
        build("comb")(mixture, f0[..., 1:])


def test_levels_solve_the_joint_equations() -> None:
    generator = torch.Generator().manual_seed(0)
    # (1, voices, frames, bands, bins), raised to a power: hardly overlapping
    combs = torch.rand(1, 4, 5, 6, 50, generator=generator) ** 8
    gram = (combs.unsqueeze(1) * combs.unsqueeze(2)).sum(-1)
    levels = torch.rand(1, 4, 5, 6, generator=generator)
    projected = (gram * levels.unsqueeze(1)).sum(2)
    errors = [((solve_levels(projected, gram, n) - levels).abs() / levels).median() for n in (0, 8, 200)]
    assert errors[0] > errors[1] > errors[2] and errors[2] < 0.01


def test_alpha_is_guessed_for_each_of_overlapping_voices() -> None:
    f0 = torch.tensor([300.0, 240.0, 190.0]).reshape(1, 3, 1).expand(1, 3, FRAMES)
    excitation = harmonic_excitation(f0, SAMPLES)
    alphas = torch.tensor([0.3, 0.1, 0.2])
    mixture = (excitation * alphas.reshape(1, 3, 1)).sum(1)
    comb = comb_features(mixture, excitation, 40)
    # The mixture has no tilt, so the guess is the amplitude over the mean tilt of the bands.
    tilt = glottal_tilt(band_centres(40)).log().mean()
    guessed = (comb.log_alpha + comb.rms.log() + tilt).exp()[0, :, 10:-10].median(-1).values
    assert (20 * torch.log10(guessed / alphas)).abs().max() < 3  # dB


def test_levels_of_lone_harmonics_are_their_squared_amplitudes() -> None:
    f0 = torch.full((1, 1, FRAMES), 300.0)
    excitation = harmonic_excitation(f0, SAMPLES)
    levels = harmonic_levels(0.02 * excitation[:, 0], excitation)
    assert levels.shape == (1, 1, FRAMES, 40)
    below_top = levels[0, 0, 10:-10, 2:-3]  # the lowest band has no harmonic, the highest a fading one
    torch.testing.assert_close(below_top, torch.full_like(below_top, 0.02**2), rtol=0.05, atol=0)


def test_features_are_bounded() -> None:
    mixture, f0 = quartet()
    f0 = torch.where(torch.arange(FRAMES) < 20, 0.0, f0)
    for step in (1, 4):
        comb = comb_features(mixture, harmonic_excitation(f0, SAMPLES), 40, step=step)
        assert comb.features.shape == (2, 3, -(-FRAMES // step), 160) and comb.features.abs().max() <= 3


def test_upsampling_is_linear() -> None:
    coarse = torch.tensor([[0.0], [2.0], [6.0]])
    assert upsampled(coarse, 6).squeeze(-1).tolist() == [0, 1, 2, 4, 6, 6]
    assert upsampled(coarse, 5).squeeze(-1).tolist() == [0, 1, 2, 4, 6]
    for step in (1, 3, 4):
        frames = np.arange(3 * step)
        expected = np.interp(frames, [0, step, 2 * step], coarse.flatten().numpy())
        np.testing.assert_allclose(upsampled(coarse, 3 * step, step).squeeze(-1).numpy(), expected, rtol=1e-6)
