"""`fit` from end to end, in miniature: two recordings of two tones, an estimator of a few hundred weights."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

import vocsep.fit.fit
import vocsep.fit.learners
from vocsep.errors import AudioError, Interrupted, ModelError, SettingsError
from vocsep.estimator.network import Estimator, EstimatorSettings
from vocsep.estimator.stored import load_estimator, save_estimator
from vocsep.fit.fit import FitProgress, FitResult, FitSettings, checkpoint_of, fit
from vocsep.model import load_model, save_model
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import frame_count
from vocsep.training.rooms import Rooms

TINY = {"units": 8, "blocks": 1, "bands": 8, "lsf_order": 4}


class FakePitch:
    asked = 0

    def __init__(self, model: Path, *, device: str, assign: str, refine: int) -> None:
        assert model.is_file()
        assert (device, assign, refine) == ("cpu", "notes", 1)

    def estimate(
        self,
        audio: NDArray[np.float32],
        voices: int | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> F0Tracks:
        FakePitch.asked += 1
        rows = np.array([330.0, 220.0, 110.0][: voices or 2])
        return F0Tracks(np.repeat(rows[:, None], frame_count(len(audio)), axis=1))


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation with pitch models and no shipped voices, and a folder with two recordings."""
    FakePitch.asked = 0
    (tmp_path / "pitch.safetensors").write_bytes(b"anything")
    (tmp_path / "refiner.safetensors").write_bytes(b"anything more")

    def shipped(name: str) -> Path:
        path = tmp_path / f"{name}.safetensors"
        if not path.is_file():
            raise ModelError(f"{path}: missing")
        return path

    monkeypatch.setattr(vocsep.fit.fit, "PitchEstimator", FakePitch)
    monkeypatch.setattr(vocsep.fit.fit, "shipped_model", shipped)
    monkeypatch.setattr(vocsep.fit.learners, "shipped_model", shipped)
    times = np.arange(3 * 16_000) / 16_000
    for number, name in enumerate(("a.wav", "b.flac"), start=1):
        tones = [np.sin(2 * np.pi * f * k * times) / k for f in (220, 330) for k in range(1, 9)]
        (tmp_path / "choir").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "choir" / name, 0.1 * number * np.sum(tones, axis=0), 16_000)


def settings(**changes: object) -> FitSettings:
    base = {
        "steps": 6,
        "minutes": None,
        "batch": 2,
        "seconds": 0.5,
        "validate_every": 2,
        "warm_up": 0,
        "device": "cpu",
    }
    return FitSettings.from_dict(base | {"estimator": TINY, "learning_rate": 0.01} | changes)


def run(tmp_path: Path, chosen: FitSettings | None = None, **more: object) -> FitResult:
    output = tmp_path / "out" / "choir.safetensors"
    return fit(tmp_path / "choir", output, chosen or settings(), **more)  # type: ignore[arg-type]


def stop_at(step: int) -> Callable[[FitProgress], None]:
    def callback(at: FitProgress) -> None:
        if at.training is not None and at.training.step == step:
            raise KeyboardInterrupt

    return callback


def test_a_fit_learns_and_writes_a_model_that_can_be_used(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.best_loss < result.start_loss
    assert (result.ended, result.steps, result.recordings, result.voices) == ("steps", 6, 2, {2: 2})
    assert result.recorded_seconds == pytest.approx(6.0)
    assert result.started_from == "random weights"
    assert not result.warnings
    estimator = load_estimator(result.path)
    parameters = estimator(torch.zeros(1, 8000), torch.full((1, 3, frame_count(8000)), 200.0))
    assert torch.isfinite(parameters.alpha).all()
    json.dumps(result.to_dict(), allow_nan=False)


def test_the_card_says_what_was_heard_and_how(tmp_path: Path) -> None:
    result = run(tmp_path, settings(pitch_model=str(tmp_path / "pitch.safetensors")))
    card = load_model(result.path, "voices").card
    assert card["recordings"] == ["a.wav", "b.flac"]
    assert card["settings"]["steps"] == 6
    assert card["figures"]["best_loss"] == result.best_loss
    assert str(tmp_path) not in json.dumps(card)  # a model may be passed on


def test_nothing_but_the_model_and_the_cache_stays(tmp_path: Path) -> None:
    run(tmp_path)
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == [
        ".vocsep-cache",
        "choir.safetensors",
    ]


def test_f0_is_estimated_once_for_all_fits_to_the_same_place(tmp_path: Path) -> None:
    run(tmp_path)
    run(tmp_path, overwrite=True)
    assert FakePitch.asked == 2
    run(tmp_path, settings(voices=3), overwrite=True)
    assert FakePitch.asked == 4


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    first = load_model(run(tmp_path).path, "voices").tensors
    again = load_model(run(tmp_path, overwrite=True).path, "voices").tensors
    other = load_model(run(tmp_path, settings(seed=1), overwrite=True).path, "voices").tensors
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_ctrl_c_saves_and_the_resumed_fit_is_the_uninterrupted_one(tmp_path: Path) -> None:
    whole = run(tmp_path)
    expected = load_model(whole.path, "voices").tensors
    whole.path.unlink()
    with pytest.raises(Interrupted) as caught:
        run(tmp_path, progress=stop_at(3))
    message = str(caught.value)
    assert "\n" not in message
    assert "step 3" in message
    assert f"vocsep fit {tmp_path / 'choir'} -o {whole.path} --resume" in message
    assert checkpoint_of(whole.path).is_file()
    # The best so far can be used at once, and the message says so.
    assert f"the best model so far is {whole.path}" in message
    load_estimator(whole.path)
    # Settings are those of the checkpoint: the command that the message names has none.
    resumed = run(tmp_path, FitSettings(), resume=True)
    assert (resumed.steps, resumed.best_loss, resumed.start_loss) == (6, whole.best_loss, whole.start_loss)
    found = load_model(resumed.path, "voices").tensors
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not checkpoint_of(whole.path).exists()


def test_a_resumed_fit_may_be_given_more_steps(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path, progress=stop_at(3))
    assert run(tmp_path, FitSettings(steps=8), resume=True).steps == 8


def test_a_fit_stopped_before_the_first_validation_can_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as caught:
        run(tmp_path, progress=stop_at(0))
    assert "best model so far" not in str(caught.value)
    assert run(tmp_path, resume=True).steps == 6


def test_after_new_recordings_a_resumed_fit_validates_anew(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path, progress=stop_at(5))
    stored = load_model(checkpoint_of(tmp_path / "out" / "choir.safetensors"), "checkpoint").card["at"]
    (tmp_path / "choir" / "b.flac").unlink()
    resumed = run(tmp_path, resume=True)
    assert resumed.start_loss not in (pytest.approx(stored["start"]), None)


@pytest.mark.parametrize("changes", [{"room": False}, {"objective": "sound"}])
def test_rooms_are_kept_in_the_checkpoint_alone_and_only_where_they_are_learned(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    checkpoint = checkpoint_of(tmp_path / "out" / "choir.safetensors")
    for chosen, rooms in ((settings(), 2), (settings(**changes), 0)):
        with pytest.raises(Interrupted):
            run(tmp_path, chosen, overwrite=True, progress=stop_at(3))
        names = load_model(checkpoint, "checkpoint").tensors
        assert sum(name.startswith("rooms/") for name in names) == 2 * rooms
        assert not any(
            "rooms" in name for name in load_model(run(tmp_path, resume=True).path, "voices").tensors
        )


def test_after_new_recordings_rooms_are_learned_anew(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path, settings(learning_rate=1e-8), progress=stop_at(5))
    (tmp_path / "choir" / "b.flac").rename(tmp_path / "choir" / "0.flac")
    with pytest.raises(Interrupted):
        run(tmp_path, resume=True, progress=stop_at(5))
    tensors = load_model(checkpoint_of(tmp_path / "out" / "choir.safetensors"), "checkpoint").tensors
    assert all(torch.equal(tensors[f"rooms/{n}"], fresh) for n, fresh in Rooms(2).state_dict().items())


def test_stopping_while_f0_is_estimated_says_that_the_work_is_kept(tmp_path: Path) -> None:
    def stop(at: FitProgress) -> None:
        if at.text == "b.flac":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="kept"):
        run(tmp_path, progress=stop)
    run(tmp_path)
    assert FakePitch.asked == 2


def test_early_stopping_stops(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        settings(steps=500, learning_rate=1e-8, decay=False, validate_every=1, patience=2, objective="sound"),
    )
    assert result.ended == "no improvement"
    assert result.steps < 500


def test_a_fit_starts_from_the_shipped_model_where_the_settings_agree(tmp_path: Path) -> None:
    shipped = Estimator(EstimatorSettings.from_dict(EstimatorSettings.preset("comb").to_dict() | TINY))
    save_estimator(tmp_path / "voices.safetensors", shipped, {})
    assert run(tmp_path).started_from == "shipped model"
    assert run(tmp_path, settings(from_scratch=True), overwrite=True).started_from == "random weights"
    other = settings(estimator=TINY | {"units": 12})
    assert run(tmp_path, other, overwrite=True).started_from == "random weights"


def test_a_fit_that_gains_nothing_gives_back_the_start_and_says_so(tmp_path: Path) -> None:
    shipped = Estimator(EstimatorSettings.from_dict(EstimatorSettings.preset("comb").to_dict() | TINY))
    save_estimator(tmp_path / "voices.safetensors", shipped, {})
    result = run(tmp_path, settings(learning_rate=1.0, steps=2, clip=1e6, decay=False))
    assert result.best_step == 0
    assert any("no step improved on the shipped model" in warning for warning in result.warnings)
    found = load_estimator(result.path).state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in shipped.state_dict().items())


def test_broken_files_are_reported_and_the_good_ones_used(tmp_path: Path) -> None:
    (tmp_path / "choir" / "broken.wav").write_bytes(b"RIFF")
    result = run(tmp_path)
    assert result.recordings == 2
    assert len(result.passed_over) == 1
    assert "broken.wav" in result.passed_over[0]


def test_a_folder_without_audio_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match="empty: no recording"):
        fit(tmp_path / "empty", tmp_path / "out" / "m.safetensors", settings())


def test_existing_files_are_refused_before_any_work(tmp_path: Path) -> None:
    output = tmp_path / "out" / "choir.safetensors"
    output.parent.mkdir()
    for there, hint in ((output, "another output"), (checkpoint_of(output), "--resume")):
        there.write_text("precious")
        with pytest.raises(ModelError, match=hint):
            run(tmp_path)
        assert there.read_text() == "precious"
        there.unlink()
    output.mkdir()
    with pytest.raises(ModelError, match="folder"):
        run(tmp_path)
    assert FakePitch.asked == 0


def test_resuming_without_a_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such checkpoint"):
        run(tmp_path, resume=True)


@pytest.mark.parametrize(
    ("changes", "message"), [({"preset": "choir"}, "preset 'choir'"), ({"estimator": {"unit": 3}}, "'unit'")]
)
def test_wrong_settings_of_the_estimator_are_refused_by_name(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        run(tmp_path, settings(**changes))


def test_a_missing_pitch_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"lost\.safetensors"):
        run(tmp_path, settings(pitch_model="lost.safetensors"))


def test_progress_tells_of_both_stages(tmp_path: Path) -> None:
    told: list[FitProgress] = []
    run(tmp_path, progress=told.append)
    assert {at.text for at in told if at.stage == "recordings"} == {"a.wav", "b.flac", ""}
    training = [at for at in told if at.stage == "training"]
    assert training[-1].share_done == 1.0
    assert training[-1].training is not None
    assert training[-1].training.best < training[-1].training.start


def add_stems(tmp_path: Path) -> None:
    """A song of two stems called soprano and bass, and the soprano alone."""
    times = np.arange(3 * 16_000) / 16_000
    for song, names in (("song", ("soprano", "bass")), ("solo", ("soprano",))):
        for name in names:
            f0 = {"soprano": 330, "bass": 220}[name]
            tone = 0.1 * np.sum([np.sin(2 * np.pi * f0 * k * times) / k for k in range(1, 9)], axis=0)
            path = tmp_path / "choir" / song / "stems" / f"{name}.wav"
            path.parent.mkdir(parents=True) if not path.parent.is_dir() else None
            soundfile.write(path, tone, 16_000)


@pytest.mark.parametrize(
    ("supervision", "kinds", "recordings"),
    [("none", {"mixture"}, 3), ("partly", {"mixture", "sources"}, 4), ("full", {"mixture", "sources"}, 2)],
)
def test_stems_are_learned_from_as_far_as_supervision_wants(
    tmp_path: Path, supervision: str, kinds: set[str], recordings: int
) -> None:
    add_stems(tmp_path)
    result = run(tmp_path, settings(supervision=supervision, steps=8))
    assert result.recordings == recordings
    assert set(result.best_losses) == set(result.start_losses) == kinds
    assert result.best_loss < result.start_loss
    deciding = [result.best_losses["sources"]] if supervision == "full" else result.best_losses.values()
    assert result.best_loss == pytest.approx(sum(deciding) / len(list(deciding)))
    content = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    stems = {taken["name"]: taken["stems"] for taken in content["taken"]}
    assert stems.get("song", {}) == ({} if supervision == "none" else {"1": "soprano.wav", "2": "bass.wav"})
    card = load_model(result.path, "voices").card
    assert ("mixtures alone" in card["what"]) == (supervision == "none")


def test_stems_change_what_is_learned_and_a_resumed_fit_goes_on_with_them(tmp_path: Path) -> None:
    add_stems(tmp_path)
    whole = run(tmp_path)
    expected = load_model(whole.path, "voices").tensors
    ignored = load_model(run(tmp_path, settings(supervision="none"), overwrite=True).path, "voices").tensors
    assert any(not torch.equal(tensor, ignored[name]) for name, tensor in expected.items())
    with pytest.raises(Interrupted):
        run(tmp_path, overwrite=True, progress=stop_at(3))
    resumed = run(tmp_path, FitSettings(), resume=True)
    found = load_model(resumed.path, "voices").tensors
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())
    assert resumed.best_losses == whole.best_losses


def test_a_part_gets_a_decoder_of_its_own(tmp_path: Path) -> None:
    add_stems(tmp_path)
    chosen = settings(per_voice_decoders=["Soprano"], names=["soprano", "bass"], steps=10, learning_rate=0.02)
    estimator = load_estimator(run(tmp_path, chosen).path)
    assert (estimator.settings.names, estimator.settings.decoders) == (("soprano", "bass"), ("soprano",))
    shared, own = (
        module.state_dict()
        for module in (estimator.network.frame_head, estimator.network.part_decoders[0].frame_head)
    )
    assert any(not torch.equal(tensor, own[name]) for name, tensor in shared.items())


@pytest.mark.parametrize(
    ("changes", "stems", "message"),
    [
        ({"supervision": "full"}, False, "supervised: .*choir has no stems"),
        (
            {"per_voice_decoders": ["alto"]},
            True,
            "no stem of alto to learn from; there are those of bass, soprano",
        ),
        ({"per_voice_decoders": ["alto"]}, False, "no stem of alto to learn from; there is none"),
    ],
)
def test_stems_that_lack_are_an_error(
    tmp_path: Path, changes: dict[str, object], stems: bool, message: str
) -> None:
    if stems:
        add_stems(tmp_path)
    with pytest.raises(SettingsError, match=message) as caught:
        run(tmp_path, settings(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_fit_runs_on_the_gpu_and_its_model_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakePitch, "__init__", lambda self, model, **settings: None)
    result = run(tmp_path, settings(device="cuda"))
    assert result.best_loss < result.start_loss
    assert {tensor.device.type for tensor in load_estimator(result.path).state_dict().values()} == {"cpu"}


def test_a_checkpoint_of_an_earlier_version_is_gone_on_with(tmp_path: Path) -> None:
    """Before it was called validation the checkpoint said judged, and losses had names of their own."""
    expected = load_model(run(tmp_path).path, "voices").tensors
    with pytest.raises(Interrupted):
        run(tmp_path, overwrite=True, progress=stop_at(3))
    stored = load_model(checkpoint_of(tmp_path / "out" / "choir.safetensors"), "checkpoint")
    old, at = dict(stored.settings), dict(stored.card["at"])
    del old["trained"], at["validated_at"]
    old["fit"] = old["fit"] | {"judge_every": old["fit"]["validate_every"]}
    del old["fit"]["validate_every"]
    at["judged"] = at.pop("validated")
    for stage in ("validated", "start", "best"):
        for kind, value in at.pop(f"{stage}_parts").items():
            at[f"{stage.replace('validated', 'judged')}_{kind}"] = value
    save_model(stored.path, stored.tensors, kind="checkpoint", settings=old, card=stored.card | {"at": at})
    resumed = run(tmp_path, FitSettings(), resume=True)
    found = load_model(resumed.path, "voices").tensors
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(tmp_path / "out" / "choir.safetensors")
    save_model(checkpoint, {}, kind="checkpoint", settings={"trained": "pitch"}, card={})
    with pytest.raises(ModelError, match="is one of vocsep train pitch, not of fit"):
        run(tmp_path, resume=True)
