"""`fit --method unet`: from a folder of songs with stems to a model that separates, in miniature."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

import vocsep.fit.fit
from vocsep import Separator
from vocsep.errors import Interrupted, SettingsError
from vocsep.fit.fit import FitProgress, FitSettings, fit
from vocsep.methods.unet_masks import load_unet
from vocsep.model import kind_of, load_model
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import frame_count

TINY = {"base_channels": 2, "layers": 3}
SECONDS = 3


class FakePitch:
    def __init__(self, *arguments: object, **named: object) -> None:
        pass

    def estimate(
        self,
        audio: NDArray[np.float32],
        voices: int | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> F0Tracks:
        rows = np.array([330.0, 220.0])
        return F0Tracks(np.repeat(rows[:, None], frame_count(len(audio)), axis=1))


@pytest.fixture
def songs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A duet whose stems are at hand, and a mixture without stems."""
    monkeypatch.setattr(vocsep.fit.fit, "PitchEstimator", FakePitch)
    times = np.arange(SECONDS * 16_000) / 16_000
    folder = tmp_path / "songs"
    (folder / "duet" / "stems").mkdir(parents=True)
    for voice, f0 in enumerate((330, 220)):
        tone = 0.1 * np.sum([np.sin(2 * np.pi * f0 * k * times) / k for k in range(1, 9)], axis=0)
        soundfile.write(folder / "duet" / "stems" / f"voice_{voice + 1}.wav", tone, 16_000)
    soundfile.write(folder / "mixture.wav", tone, 16_000)
    return folder


def settings(**changes: object) -> FitSettings:
    base = {"steps": 40, "minutes": None, "batch": 2, "seconds": 0.5, "validate_every": 20, "device": "cpu"}
    return FitSettings.from_dict(
        base | {"method": "unet", "estimator": TINY, "learning_rate": 0.01} | changes
    )


def test_it_learns_from_the_songs_with_stems_and_separates(songs: Path, tmp_path: Path) -> None:
    result = fit(songs, tmp_path / "u.safetensors", settings())
    assert (result.recordings, result.steps, result.started_from) == (1, 40, "random weights")
    assert result.best_loss < result.start_loss
    assert [line for line in result.passed_over if "mixture.wav" in line]
    assert load_unet(result.path).settings.to_dict() == TINY | {"dropout": 0.5}
    assert load_model(result.path, "unet").card["what"].startswith("U-Net")
    stems = [soundfile.read(path)[0] for path in sorted((songs / "duet" / "stems").iterdir())]
    mixture = np.sum(stems, axis=0).astype(np.float32)
    tracks = FakePitch().estimate(mixture)
    separation = Separator(result.path, device="cpu").separate(mixture, 16_000, tracks=tracks)
    assert separation.parameters is None
    assert np.allclose(separation.stems.sum(axis=0), mixture, atol=1e-5)


def test_it_goes_on_where_it_was_stopped(songs: Path, tmp_path: Path) -> None:
    def stop(at: FitProgress) -> None:
        if at.training is not None and at.training.step == 4:
            raise KeyboardInterrupt

    fit(songs, tmp_path / "whole.safetensors", settings())
    output = tmp_path / "u.safetensors"
    with pytest.raises(Interrupted, match="step 4"):
        fit(songs, output, settings(), progress=stop)
    assert kind_of(output) in ("unet", "")  # written only where a step was better than the start
    assert fit(songs, output, FitSettings(), resume=True).steps == 40
    assert kind_of(output) == "unet"
    whole, found = (load_model(tmp_path / f"{name}.safetensors", "unet").tensors for name in ("whole", "u"))
    assert all(torch.equal(tensor, found[name]) for name, tensor in whole.items())  # dropout included


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"supervision": "none"}, ("unet", "unsupervised")),
        ({"method": "wavenet"}, ("wavenet", "unet")),
        ({"preset": "paper"}, ("paper", "published")),
        ({"estimator": {"units": 8}}, ("units",)),
    ],
)
def test_settings_that_a_unet_does_not_have_are_refused(
    songs: Path, tmp_path: Path, changes: dict[str, object], words: tuple[str, ...]
) -> None:
    with pytest.raises(SettingsError) as caught:
        fit(songs, tmp_path / "u.safetensors", settings(**changes))
    assert all(word in str(caught.value) for word in words)


def test_mixtures_alone_are_refused(songs: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="stems"):
        fit(songs / "mixture.wav", tmp_path / "u.safetensors", settings())


def test_the_method_without_a_model_is_refused() -> None:
    with pytest.raises(SettingsError, match="fit --method unet"):
        Separator(method="unet", device="cpu")
