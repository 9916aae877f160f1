"""Settings of a fit: every one from YAML, wrong ones refused with the value and the bound."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from vocsep.errors import SettingsError
from vocsep.fit.settings import FitSettings


def test_every_setting_can_be_written_and_read(tmp_path: Path) -> None:
    settings = FitSettings(
        voices=3, steps=7, minutes=None, seconds=2.5, estimator={"hidden": 8}, device="cpu", decay=False
    )
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(settings.to_dict()))
    assert FitSettings.from_yaml(path) == settings
    assert set(yaml.safe_load(path.read_text())) == {entry.name for entry in fields(FitSettings)}


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("# nothing yet\n")
    assert FitSettings.from_yaml(tmp_path / "s.yaml") == FitSettings()


def test_numbers_as_people_write_them_are_understood(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("learning_rate: 1e-4\nminutes: 5\n")  # YAML 1.1 takes 1e-4 for text
    settings = FitSettings.from_yaml(tmp_path / "s.yaml")
    assert settings.learning_rate == 1e-4
    assert isinstance(settings.minutes, float)


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("voices", 0, "1 .. 12"),
        ("voices", 40, "1 .. 12"),
        ("steps", 0, "1 .. "),
        ("minutes", -1, "0.001 .. "),
        ("minutes", float("nan"), "0.001 .. "),
        ("minutes", float("inf"), "0.001 .. "),
        ("batch", 2.5, "whole number"),
        ("batch", True, "whole number"),
        ("batch", None, "whole number"),
        ("seconds", "long", "number"),
        ("decay", "maybe", "true or false"),
        ("held_out", 0.9, "0 .. 0.5"),
        ("assign", "guess", "notes, viterbi, heuristic"),
        ("device", "tpu", "auto, cpu, cuda, mps"),
        ("seed", -1, "0 .. "),
    ],
)
def test_a_wrong_value_is_refused_with_name_value_and_bound(name: str, value: Any, bound: str) -> None:
    with pytest.raises(SettingsError) as caught:
        FitSettings.from_dict({name: value}, "my.yaml")
    message = str(caught.value)
    assert message.startswith(f"my.yaml: {name}: ")
    assert str(value) in message
    assert bound in message
    assert "\n" not in message


def test_an_unknown_setting_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("learning_rat: 0.1\n")
    with pytest.raises(SettingsError, match=r"s\.yaml: unknown setting 'learning_rat'.*learning_rate"):
        FitSettings.from_yaml(path)


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words", "a: [1,", "\x00", "1: 2"])
def test_what_is_no_table_of_settings_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"s\.yaml: ") as caught:
        FitSettings.from_yaml(tmp_path / "s.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        FitSettings.from_yaml("nowhere.yaml")


def test_replaced_values_are_checked_too() -> None:
    with pytest.raises(SettingsError, match="batch"):
        replace(FitSettings(), batch=0)


def test_over_keeps_what_was_stored_unless_said_otherwise() -> None:
    stored = FitSettings(voices=4, minutes=10.0, seed=3)
    assert FitSettings(minutes=60.0).over(stored) == FitSettings(voices=4, minutes=60.0, seed=3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"per_voice_decoders": ["mean"]},
            "per_voice_decoders: 'mean' is not one of soprano, alto, tenor, bass",
        ),
        ({"names": ["treble", "mean"], "per_voice_decoders": ["alto"]}, "'alto' is not one of treble, mean"),
        ({"names": "soprano"}, "names: 'soprano' is not a list of different names"),
        ({"names": ["a", "A"]}, "names: .* is not a list of different names"),
        ({"per_voice_decoders": ["alto"], "supervision": "none"}, "per_voice_decoders: learn from stems"),
        ({"supervision": "some"}, "supervision: 'some' is not known .partly, full, none"),
    ],
)
def test_wrong_settings_of_stems_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        FitSettings.from_dict(values)


def test_decoders_are_called_as_the_voices_are() -> None:
    assert FitSettings().naming() == {}
    assert FitSettings(names=("a", "b")).naming() == {}
    naming = FitSettings.from_dict({"names": ["High", "Low"], "per_voice_decoders": ["low"]}).naming()
    assert naming == {"names": ("High", "Low"), "decoders": ("Low",)}


def test_a_setting_that_has_a_new_name_is_refused_with_it(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("judge_every: 10\n")
    with pytest.raises(SettingsError, match=r"s\.yaml: .*'judge_every' is called 'validate_every' now"):
        FitSettings.from_yaml(path)
    assert FitSettings.from_checkpoint({"judge_every": 10}, "c") == FitSettings(validate_every=10)
