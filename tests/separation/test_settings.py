"""Every option has one default, and the command line offers what the program knows."""

import inspect
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import pytest
from tiny import tiny_models

from vocsep.commands import f0, options, separate, separate_options
from vocsep.media.writing import MOST_CHANNELS
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.settings import Assignment, PitchSettings
from vocsep.separation.separator import Separator
from vocsep.separation.settings import OutputSettings, SeparatorSettings

RENAMED = {
    "format": "format_",
    "filter": "filter_",
    "refiner": "refiner_model",
}  # setting -> parameter of the command


def offered(command: Any, setting: str) -> Any:
    """The default that a command has for a setting."""
    default = inspect.signature(command).parameters[RENAMED.get(setting, setting)].default
    return default.value if isinstance(default, Enum) else default


@pytest.mark.parametrize("settings", [SeparatorSettings, OutputSettings])
def test_the_command_separate_has_the_defaults_of_the_settings(settings: type) -> None:
    for field in fields(settings):
        assert offered(separate.separate, field.name) == field.default, field.name


@pytest.mark.parametrize("setting", ["assign", "refine", "refiner"])
def test_pitches_are_estimated_alike_wherever_they_are(setting: str) -> None:
    default = getattr(PitchSettings(), setting)
    assert offered(f0.f0, setting) == offered(separate.separate, setting) == default
    assert inspect.signature(PitchEstimator).parameters[setting].default == default
    assert getattr(SeparatorSettings(), RENAMED.get(setting, setting)) == default


def test_choices_on_the_command_line_are_those_of_the_program() -> None:
    assert {one.value for one in options.Assign} == set(get_args(Assignment))
    assert {one.value for one in separate_options.Format} == set(MOST_CHANNELS)
    assert {one.for_writer for one in separate_options.BitDepth} == {16, 24, "float"}


def test_a_separator_is_made_of_keywords_or_of_its_settings(tmp_path: Path) -> None:
    models = tiny_models(tmp_path)
    first = Separator(models["model"], pitch_model=models["pitch_model"], method="comb", refine=0, seed=3)
    assert first.settings == SeparatorSettings(**models, method="comb", refine=0, seed=3)
    assert Separator(**vars(first.settings)).settings == first.settings


def test_an_option_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="adapts"):
        Separator(adapts=3)
