"""``vocsep fit``: learn from a folder of recordings, with stems of them or without."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from vocsep.commands import fit_options, options
from vocsep.commands.inputs import read_names
from vocsep.fit.settings import FitSettings


def fit(
    folder: fit_options.Folder,
    voices: options.Voices = None,
    output: fit_options.Output = None,
    supervised: fit_options.Supervised = False,
    unsupervised: fit_options.Unsupervised = False,
    names: fit_options.Names = None,
    per_voice_decoders: fit_options.PerVoiceDecoders = None,
    method: fit_options.Method = None,
    preset: fit_options.Preset = None,
    steps: fit_options.Steps = None,
    minutes: fit_options.Minutes = None,
    config: fit_options.Config = None,
    resume: options.Resume = False,
    device: fit_options.Device = None,
    seed: fit_options.Seed = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Learn from your own recordings; isolated voices are not needed, but they help.

    Ctrl-C saves what was learned and says how to go on.

    Example: [bold]vocsep fit ./my_choir_recordings -n 4 --minutes 30[/bold]
    """
    given = {
        "voices": voices,
        "supervision": _supervision(supervised, unsupervised),
        "names": read_names(names, voices),
        "per_voice_decoders": read_names(per_voice_decoders, None, "--per-voice-decoders"),
        "method": method.value if method else None,
        "preset": preset,
        "steps": steps,
        "minutes": minutes,
        "device": device.value if device else None,
        "seed": seed,
    }
    settings = _settings(config, {name: value for name, value in given.items() if value is not None})
    target = output or Path(f"{folder.resolve().name or 'model'}.safetensors")

    from vocsep.commands.fit_figures import show, tell
    from vocsep.commands.screen import Screen
    from vocsep.fit.fit import fit as learn

    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.progress(target.stem) as progress:
        result = learn(
            folder,
            target,
            settings,
            resume=resume,
            overwrite=overwrite,
            progress=lambda at: tell(progress, at),
        )
    show(screen, result)
    screen.document(result.to_dict())


def _supervision(supervised: bool, unsupervised: bool) -> str | None:
    if supervised and unsupervised:
        raise typer.BadParameter("--supervised and --unsupervised exclude each other")
    return "full" if supervised else "none" if unsupervised else None


def _settings(config: Path | None, given: dict[str, Any]) -> FitSettings:
    """Settings of the file with those of the command line over them.

    Raises:
        SettingsError: an unknown name, or a value out of bounds.
    """
    settings = FitSettings.from_yaml(config) if config else FitSettings()
    if "steps" in given and "minutes" not in given and settings.minutes == FitSettings().minutes:
        given = given | {"minutes": None}  # whoever counts steps does not want the clock to end it
    return replace(settings, **given)
