"""Models on disk."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vocsep import model
from vocsep.errors import ModelError, SettingsError
from vocsep.estimator.network import Estimator, EstimatorSettings
from vocsep.estimator.stored import load_estimator, save_estimator
from vocsep.model import MODEL_VERSION, load_model, pick_device, restored, save_model, shipped_model

TENSORS = {"weight": torch.arange(12.0).reshape(3, 4).t(), "count": torch.tensor(3)}
SETTINGS = {"hidden": 96, "preset": "comb", "gap": 1e-3}
CARD = {"what": "a test", "figures": {"loss": 0.25, "not measured": None}}


def saved(folder: Path) -> Path:
    path = folder / "choir.safetensors"
    save_model(path, TENSORS, kind="voices", settings=SETTINGS, card=CARD)
    return path


def refused(path: Path, kind: model.Kind = "voices") -> str:
    with pytest.raises(ModelError) as caught:
        load_model(path, kind)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    stored = load_model(saved(tmp_path), "voices")
    assert set(stored.tensors) == set(TENSORS)
    assert all(torch.equal(stored.tensors[name], tensor) for name, tensor in TENSORS.items())
    assert stored.tensors["count"].dtype == torch.int64
    assert (stored.settings, stored.card) == (SETTINGS, CARD)


def test_tensors_that_share_memory_are_saved(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    save_model(tmp_path / "m", {"a": whole[:4], "b": whole[2:]}, kind="pitch", settings={}, card={})
    assert load_model(tmp_path / "m", "pitch").tensors["b"].tolist() == [2, 3, 4, 5]


def test_saving_makes_folders_and_leaves_one_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "new" / "folder")
    assert [entry.name for entry in path.parent.iterdir()] == ["choir.safetensors"]


def test_a_failed_save_keeps_the_old_model_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path)
    before = path.read_bytes()

    def stop(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        save_model(path, {"other": torch.ones(2)}, kind="voices", settings={}, card={})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_a_truncated_model_is_refused(tmp_path: Path, keep: int) -> None:
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    assert "damaged or not a model" in refused(path)


def test_any_other_file_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("this is not a model, it is a shopping list for the choir weekend")
    assert "not a model file" in refused(text)
    assert "no such model" in refused(tmp_path / "missing.safetensors")
    assert "folder" in refused(tmp_path)


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"a": torch.ones(1)}, path)
    assert "not a model of vocsep" in refused(path)


def test_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    assert "is a voices model, not a pitch model" in refused(saved(tmp_path), "pitch")


def test_another_version_is_refused_with_both_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "MODEL_VERSION", 99)
    path = saved(tmp_path)
    monkeypatch.undo()
    message = refused(path)
    assert "version 99" in message
    assert f"version {MODEL_VERSION}" in message


def test_damaged_metadata_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    good = {"format": "vocsep", "version": str(MODEL_VERSION), "kind": "voices", "card": "{}"}
    for settings in ('{"a": ', json.dumps([1])):
        save_file({"a": torch.ones(1)}, path, metadata=good | {"settings": settings})
        assert "settings" in refused(path)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "m", {"w": torch.tensor([1.0, torch.nan])}, kind="pitch", settings={}, card={})
    assert "tensor w" in refused(tmp_path / "m", "pitch")


def test_a_target_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file" / "m.safetensors", tmp_path):
        with pytest.raises(ModelError, match="cannot be written"):
            save_model(target, TENSORS, kind="pitch", settings={}, card={})
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_shipped_models_are_found_in_the_package_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "vocsep"
    monkeypatch.setattr(model, "__file__", str(package / "model.py"))
    with pytest.raises(ModelError, match="missing from this installation"):
        shipped_model("voices")
    for folder in (tmp_path, package):
        save_model(folder / "models" / "voices.safetensors", {}, kind="voices", settings={}, card={})
        assert shipped_model("voices") == folder / "models" / "voices.safetensors"


def test_devices_are_picked_or_refused_by_name() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(SettingsError, match="gpu9"):
        pick_device("gpu9")
    if not torch.cuda.is_available():
        with pytest.raises(SettingsError, match="cuda"):
            pick_device("cuda")


def tiny_estimator() -> Estimator:
    return Estimator(EstimatorSettings.from_dict({"units": 8, "blocks": 1, "bands": 8, "lsf_order": 4}))


def test_an_estimator_comes_back_with_its_settings_and_weights(tmp_path: Path) -> None:
    estimator = tiny_estimator()
    save_estimator(tmp_path / "m", estimator, CARD)
    again = load_estimator(tmp_path / "m")
    assert again.settings == estimator.settings
    assert not again.training
    weights = again.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in estimator.state_dict().items())


def test_an_estimator_with_other_settings_or_weights_is_refused(tmp_path: Path) -> None:
    estimator = tiny_estimator()
    weights, settings = estimator.state_dict(), estimator.settings.to_dict()
    wrong = [
        (weights, settings | {"tone": "warm"}, "'tone'"),
        (weights, settings | {"units": 16}, "weights do not fit"),
        ({}, settings, "weights do not fit"),
    ]
    for tensors, described, message in wrong:
        save_model(tmp_path / "m", tensors, kind="voices", settings=described, card={})
        with pytest.raises(ModelError, match=message) as caught:
            load_estimator(tmp_path / "m")
        assert "\n" not in str(caught.value)


def test_a_network_out_of_all_proportion_is_not_built(tmp_path: Path) -> None:
    def never(settings: dict[str, object]) -> torch.nn.Module:
        raise AssertionError("it was built")

    save_model(tmp_path / "a", {"a": torch.ones(1)}, kind="pitch", settings={"blocks": 10**9}, card={})
    with pytest.raises(ModelError, match="its setting blocks is 1000000000"):
        restored(never, load_model(tmp_path / "a", "pitch"))
