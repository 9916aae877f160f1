"""Decoders of parts: who reads which voice, where they begin, that they learn apart, how they are stored."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vocsep.errors import SettingsError
from vocsep.estimator.network import Estimator, EstimatorSettings
from vocsep.estimator.parts import SHARED, decode_voices, decoders_of_voices
from vocsep.estimator.stored import load_estimator, save_estimator
from vocsep.methods.registry import build_method
from vocsep.methods.settings import MethodSettings
from vocsep.model import load_model
from vocsep.source.excitation import harmonic_excitation
from vocsep.spectra import HOP, frame_count
from vocsep.training.estimator import EstimatorTask
from vocsep.training.excerpts import Excerpts
from vocsep.training.trainer import Trainer

SAMPLES = 40 * HOP
NAMES = ("soprano", "alto", "bass")
SMALL = {
    "comb": EstimatorSettings(units=8, blocks=2, bands=8, lsf_order=4),
    "paper": EstimatorSettings(kind="paper", encoder_units=8, encoder_layers=1, latent=4, decoder_units=8),
}


def trio(voices: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    f0 = (400 * 0.7 ** torch.arange(voices)).reshape(1, -1, 1).expand(2, voices, frame_count(SAMPLES))
    mixture = harmonic_excitation(f0.contiguous(), SAMPLES).sum(1)
    return mixture / mixture.abs().amax(-1, keepdim=True), f0.contiguous()


def build(kind: str, decoders: tuple[str, ...] = ("soprano", "bass")) -> Estimator:
    torch.manual_seed(0)
    return Estimator(SMALL[kind]).with_decoders(NAMES, decoders)


def alphas(estimator: Estimator, voices: int = 3, **more: object) -> torch.Tensor:
    with torch.no_grad():
        alpha: torch.Tensor = estimator(*trio(voices), **more).alpha
    return alpha


def disturb(estimator: Estimator, part: str) -> None:
    """Change the decoder of one part and nothing else."""
    number = estimator.settings.decoders.index(part)
    with torch.no_grad():
        for name, parameter in estimator.named_parameters():
            if f"part_decoders.{number}." in name:
                parameter.add_(0.3)


@pytest.mark.parametrize("kind", ["comb", "paper"])
def test_decoders_begin_as_the_shared_one(kind: str) -> None:
    torch.manual_seed(0)
    plain = Estimator(SMALL[kind])
    torch.testing.assert_close(alphas(plain.with_decoders(NAMES, NAMES)), alphas(plain))


@pytest.mark.parametrize("kind", ["comb", "paper"])
@pytest.mark.parametrize(("part", "row"), [("soprano", 0), ("bass", 2)])
def test_a_part_is_read_by_its_own_decoder_and_the_others_are_not(kind: str, part: str, row: int) -> None:
    estimator = build(kind)
    before = alphas(estimator)
    disturb(estimator, part)
    after = alphas(estimator)
    others = [j for j in range(3) if j != row]
    assert not torch.allclose(before[:, row], after[:, row])
    torch.testing.assert_close(before[:, others], after[:, others])


def test_names_decide_whatever_their_case_and_place() -> None:
    settings = EstimatorSettings(names=NAMES, decoders=("bass", "Soprano"))
    assert decoders_of_voices(settings, 3) == [1, SHARED, 0]
    assert decoders_of_voices(settings, 2, ("BASS", "soprano")) == [0, 1]
    assert decoders_of_voices(settings, 2, ("alto", None)) == [SHARED, SHARED]
    assert decoders_of_voices(settings, 4) == [SHARED] * 4
    assert decoders_of_voices(EstimatorSettings(), 2, ("soprano", "alto")) == [SHARED, SHARED]


def test_voices_come_back_in_their_order() -> None:
    asked = []

    def decode(which: int, voices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        asked.append((which, voices))
        rows = torch.tensor(voices, dtype=torch.float32)[None, :, None]
        return rows + 100 * which, rows

    frame_raw, noise_raw = decode_voices([1, SHARED, 0, 1], decode)
    assert frame_raw.flatten().tolist() == [100, -99, 2, 103]
    assert noise_raw.flatten().tolist() == [0, 1, 2, 3]
    assert sorted(asked) == [(SHARED, [1]), (0, [2]), (1, [0, 3])]


def test_a_separator_learns_what_voices_are_called(tmp_path: Path) -> None:
    estimator = build("comb", ("bass",))
    disturb(estimator, "bass")
    save_estimator(tmp_path / "m", estimator, {})
    method = build_method("source-filter", MethodSettings(model=tmp_path / "m", adapt=0, filter="mask"))
    mixture, f0 = trio(2)

    def first_alpha(names: list[str] | None) -> torch.Tensor:
        method.prepare(names)
        parameters = method.estimate(mixture[0], f0[0]).parameters
        assert parameters is not None
        return parameters.alpha

    shared = first_alpha(None)  # two voices of a model of three: nobody knows which
    named = first_alpha(["alto", "bass"])
    torch.testing.assert_close(named[:, 0], shared[:, 0])
    assert not torch.allclose(named[:, 1], shared[:, 1])
    torch.testing.assert_close(first_alpha(None), shared)


@pytest.mark.parametrize("kind", ["comb", "paper"])
def test_decoders_travel_with_the_model(kind: str, tmp_path: Path) -> None:
    estimator = build(kind)
    disturb(estimator, "bass")
    save_estimator(tmp_path / "m", estimator, {})
    found = load_estimator(tmp_path / "m")
    assert (found.settings.names, found.settings.decoders) == (NAMES, ("soprano", "bass"))
    torch.testing.assert_close(alphas(found), alphas(estimator.eval()))


def test_models_of_before_have_no_names(tmp_path: Path) -> None:
    settings = {
        name: value for name, value in SMALL["comb"].to_dict().items() if name not in ("names", "decoders")
    }
    assert EstimatorSettings.from_dict(settings) == SMALL["comb"]
    save_estimator(tmp_path / "m", Estimator(SMALL["comb"]), {})
    assert not any("part_decoders" in name for name in load_model(tmp_path / "m", "voices").tensors)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"names": ["a", "b"], "decoders": ["c"]}, "'c' is not one of the names a, b"),
        ({"names": ["a", "A"]}, "is not a list of different names"),
        ({"names": "soprano"}, "is not a list of different names"),
        ({"names": ["a", ""]}, "is not a list of different names"),
    ],
)
def test_wrong_names_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        EstimatorSettings.from_dict(values)


@pytest.mark.parametrize("kind", ["comb", "paper"])
def test_each_decoder_learns_from_its_own_stems_alone(kind: str) -> None:
    """Mixtures move no decoder of a part, even where names are known; the bass moves the one of the bass."""
    mixture, f0 = trio()
    sources = torch.zeros(2, 3, SAMPLES)
    sources[:, 2] = mixture / 3
    given = torch.tensor([[False, False, True]]).expand(2, -1)
    trainer = Trainer(EstimatorTask(build(kind), objective="power"))
    moved: list[set[str]] = []
    for excerpts in (Excerpts(mixture, f0), Excerpts(mixture, f0, sources, given, NAMES)):
        before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
        trainer.step(replace(excerpts, names=NAMES), 0.01, 1.0)
        after = trainer.network.state_dict()
        moved.append({_place(name) for name in after if not torch.equal(after[name], before[name])})
    assert moved == [{"encoder", "shared"}, {"encoder", "shared", "part 1"}]


@pytest.mark.parametrize("kind", ["comb", "paper"])
def test_with_full_supervision_what_is_shared_by_others_rests(kind: str) -> None:
    mixture, f0 = trio()
    excerpts = Excerpts(
        mixture, f0, mixture[:, None].expand(-1, 3, -1), torch.ones(2, 3, dtype=torch.bool), NAMES
    )
    trainer = Trainer(EstimatorTask(build(kind, NAMES), objective="power", supervision="full"))
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    trainer.step(excerpts, 0.01, 1.0)
    after = trainer.network.state_dict()
    moved = {_place(name) for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"encoder", "part 0", "part 1", "part 2"}


def _place(name: str) -> str:
    """Encoder, shared decoder or part of a weight."""
    if "part_decoders." in name:
        return f"part {name.split('part_decoders.')[1][0]}"
    decoder = name.startswith(("decoder.", "network.blocks.1.", "network.frame_head", "network.noise_head"))
    return "shared" if decoder else "encoder"
