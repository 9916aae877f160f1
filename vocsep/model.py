"""Models on disk: save, load, version and describe.

A model is one safetensors file. Its tensors are the weights; its metadata, which is text, holds all else:

=========== ==========================================================================================
``format``  always ``vocsep``
``version`` `MODEL_VERSION` of the program that wrote it
``kind``    ``pitch`` (salience network), ``refiner`` (F0 refinement), ``duets`` (who sings what of two),
            ``voices`` (estimator), ``postfilter``, ``unet`` (supervised baseline) or ``checkpoint`` (an
            unfinished training)
``settings`` JSON: what is needed to build the network again
``card``    JSON: what it is, what it heard, how it was made, what it reached
=========== ==========================================================================================

Nothing is ever unpickled, so a model from a stranger can do no more than sing badly.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from vocsep.errors import ModelError, SettingsError
from vocsep.media.staging import written_beside

if TYPE_CHECKING:
    pass

MODEL_VERSION = 1  # raised when an older program could misread what a newer one writes

LARGEST_SIZE = 10_000  # of anything that a network counts: channels, blocks, units

Network = TypeVar("Network", bound=nn.Module)
Kind = Literal["pitch", "refiner", "duets", "voices", "postfilter", "unet", "checkpoint"]

_CALLED = {
    "pitch": "a pitch model",
    "refiner": "a model of the F0 refinement",
    "duets": "a model of who sings what in duets",
    "voices": "a voices model",
    "postfilter": "a post-filter",
    "unet": "a U-Net model",
    "checkpoint": "a checkpoint of a training",
}


@dataclass(frozen=True)
class StoredModel:
    """What a model file holds.

    Attributes:
        tensors: name -> weights, on the CPU.
        settings: what is needed to build the network again.
        card: description for people.
        path: where it was read from.
    """

    tensors: dict[str, Tensor]
    settings: dict[str, Any]
    card: dict[str, Any]
    path: Path


def save_model(
    path: Path,
    tensors: Mapping[str, Tensor],
    *,
    kind: Kind,
    settings: Mapping[str, Any],
    card: Mapping[str, Any],
) -> None:
    """Write a model beside its target and move it into place, so that no half-written file is ever seen.

    Args:
        path: target; folders on the way to it are made.
        tensors: name -> weights, on any device.
        kind: what `load_model` must be asked for.
        settings: anything that JSON can hold.
        card: anything that JSON can hold.

    Raises:
        ModelError: the file cannot be written there.
    """
    metadata = {
        "format": "vocsep",
        "version": str(MODEL_VERSION),
        "kind": kind,
        "settings": json.dumps(dict(settings), allow_nan=False),
        "card": json.dumps(dict(card), allow_nan=False),
    }
    # safetensors refuses views and shared storage; a model is small enough to copy.
    content = to_bytes({name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}, metadata)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(path) as staged:
            staged.write_bytes(content)
    except OSError as error:
        raise ModelError(f"{path}: the model cannot be written ({error.strerror or error})") from error


def load_model(path: Path | str, kind: Kind) -> StoredModel:
    """Read a model and check that it is one, whole, of this version and of the kind asked for.

    Raises:
        ModelError: missing, damaged, not ours, of another kind or version, or its weights are not finite.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"{path}: there is no such model file")
    if not path.is_file():
        raise ModelError(f"{path}: is a folder, not a model file")
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            metadata: dict[str, str] = file.metadata() or {}
            _check_metadata(path, metadata, kind)
            # Clones, because the file may be replaced while its memory map is still in use.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise ModelError(f"{path}: is damaged or not a model file ({_first_line(error)})") from error
    except OSError as error:
        raise ModelError(
            f"{path}: the model cannot be read ({error.strerror or _first_line(error)})"
        ) from error
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{path}: is damaged (tensor {name} holds values that are not finite)")
    settings, card = (_json_object(path, metadata, key) for key in ("settings", "card"))
    return StoredModel(tensors, settings, card, path)


def restored(make: Callable[[dict[str, Any]], Network], stored: StoredModel) -> Network:
    """The network that ``make`` builds from the stored settings, with the stored weights, ready for use.

    Raises:
        ModelError: settings or shapes do not fit this version's network.
    """
    for name, value in stored.settings.items():
        if isinstance(value, int) and value > LARGEST_SIZE:  # would take hours or all memory to build
            raise ModelError(f"{stored.path}: its setting {name} is {value}, no network is so large")
    try:
        network = make(stored.settings)
    except (SettingsError, TypeError, ValueError, RuntimeError) as error:
        reason = f"its settings do not fit this version of vocsep ({_first_line(error)})"
        raise ModelError(f"{stored.path}: {reason}") from error
    try:
        network.load_state_dict(stored.tensors)
    except RuntimeError as error:  # torch lists every tensor over many lines
        raise ModelError(f"{stored.path}: its weights do not fit its settings") from error
    return network.eval()


def kind_of(path: Path | str) -> str:
    """Kind that a model file says it has; empty where it says none (`load_model` tells what is wrong)."""
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            return str((file.metadata() or {}).get("kind", ""))
    except (OSError, SafetensorError):
        return ""


def _check_metadata(path: Path, metadata: Mapping[str, str], kind: Kind) -> None:
    if metadata.get("format") != "vocsep":
        raise ModelError(f"{path}: is a safetensors file, but not a model of vocsep")
    version = metadata.get("version", "?")
    if version != str(MODEL_VERSION):
        raise ModelError(f"{path}: has model version {version}, this vocsep reads version {MODEL_VERSION}")
    found = metadata.get("kind", "?")
    if found != kind:
        raise ModelError(f"{path}: is {_CALLED.get(found, f'of kind {found}')}, not {_CALLED[kind]}")


def _json_object(path: Path, metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    try:
        value = json.loads(metadata[key])
    except (KeyError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: is damaged (its {key} cannot be read)") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path}: is damaged (its {key} are no table)")
    return value


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def shipped_model(name: Literal["pitch", "refiner", "duets", "voices", "postfilter"]) -> Path:
    """Path of a model that comes with vocsep: inside the installed package, or beside it in a checkout.

    Raises:
        ModelError: this installation has none.
    """
    package = Path(__file__).resolve().parent
    places = [folder / "models" / f"{name}.safetensors" for folder in (package, package.parent)]
    for place in places:
        if place.is_file():
            return place
    raise ModelError(f"{places[0]}: the shipped {name} model is missing from this installation")


def pick_device(name: str = "auto") -> torch.device:
    """Device that ``auto``, ``cpu``, ``cuda`` or ``mps`` stands for; ``auto`` is CUDA where there is one.

    ``auto`` never means Apple's mps: it has no float64, which phases and line spectral frequencies need.

    Raises:
        SettingsError: unknown, or not there.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name not in there:
        raise SettingsError(f"device {name}: is not known (auto, cpu, cuda or mps)")
    if not there[name]:
        raise SettingsError(f"device {name}: this computer (or this build of torch) has none")
    return torch.device(name)
