"""F0 of a single voice by CREPE, from the optional package torchcrepe (extra ``[crepe]``).

Of torchcrepe we take the network, its weights and its framing. Decoding is our own: theirs adds random dither
of up to 20 cents and needs librosa, and an F0 here must be right within 5 cents and the same each time.

Reference: J. W. Kim, J. Salamon, P. Li and J. P. Bello, "CREPE: A convolutional representation for pitch
estimation", ICASSP 2018.
"""

import importlib
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from vocsep.errors import DependencyError
from vocsep.spectra import HOP, SAMPLE_RATE

BINS = 360  # F0 bins of the network
BIN = 20.0  # cents from one to the next
LOWEST_BIN = 10.0 * 2 ** (1997.3794084376191 / 1200)  # Hz, centre of bin 0: just under C1
REACH = 12  # bins either way that a path may glide within one frame: 240 cents in 16 ms
GLIDE = 0.05  # cost of each bin of a glide, in log probability
LEAP = 4.0  # cost of a leap to any bin
FLOOR = 1e-3  # probability added before the logarithm
NEIGHBOURS = 4  # bins either way that refine the F0
BATCH = 128  # frames: the first layer alone makes 1 MB of each
UNUSED = (
    "torchaudio",
    "librosa",
    "resampy",
    "tqdm",
)  # what torchcrepe imports and nothing that we call needs
INSTALL = "python -m pip install 'vocsep[crepe]'"


def crepe_track(
    audio: NDArray[np.float32],
    model: Literal["full", "tiny"] = "full",
    threshold: float = 0.5,
    device: str = "cpu",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """F0 of one voice on the frame grid.

    Args:
        audio: ``(samples,)`` at 16 kHz.
        model: the network; tiny is 40 times smaller.
        threshold: frames of less periodicity than this are unvoiced.
        device: where the network runs.

    Returns:
        Frequencies ``(frames,)`` in Hz, NaN = unvoiced, and periodicity ``(frames,)`` from 0 to 1.

    Raises:
        DependencyError: torchcrepe is not installed.
    """
    activation = _activation(np.ascontiguousarray(audio, dtype=np.float32), model, device)
    path = best_path(activation)
    periodicity = activation[np.arange(len(path)), path]
    frequencies = refined(activation, path)
    return np.where(periodicity >= threshold, frequencies, np.nan), periodicity


def best_path(activation: NDArray[np.float64]) -> NDArray[np.int64]:
    """Most probable bin of each frame, ``(frames,)``, by dynamic programming.

    A path glides at a cost that grows with the distance, or leaps anywhere at a fixed one.

    Args:
        activation: ``(frames, bins)``, 0 to 1.
    """
    frames, bins = activation.shape
    gain = np.log(activation + FLOOR)
    cost = GLIDE * np.abs(np.arange(-REACH, REACH + 1))
    came_from = np.empty((frames, bins), dtype=np.int64)
    own = np.arange(bins)
    score = gain[0]
    for frame in range(1, frames):
        window = sliding_window_view(np.pad(score, REACH, constant_values=-np.inf), 2 * REACH + 1) - cost
        step = np.argmax(window, axis=1)
        glided = window[own, step]
        top = int(np.argmax(score))
        leaps = score[top] - LEAP > glided
        came_from[frame] = np.where(leaps, top, own + step - REACH)
        score = np.where(leaps, score[top] - LEAP, glided) + gain[frame]
    path = np.empty(frames, dtype=np.int64)
    path[-1] = np.argmax(score)
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return path


def refined(activation: NDArray[np.float64], path: NDArray[np.int64]) -> NDArray[np.float64]:
    """Frequencies ``(frames,)`` in Hz: the mean of the bins around the path, weighted by their activation."""
    offsets = np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    padded = np.pad(activation, ((0, 0), (NEIGHBOURS, NEIGHBOURS)))
    weights = padded[np.arange(len(path))[:, None], path[:, None] + offsets + NEIGHBOURS] + 1e-12
    bins = path + (weights @ offsets) / weights.sum(axis=1)
    return np.asarray(LOWEST_BIN * 2 ** (bins * BIN / 1200))


def _activation(audio: NDArray[np.float32], model: str, device: str) -> NDArray[np.float64]:
    """Output of the network, ``(frames, 360)``."""
    torchcrepe = _torchcrepe()
    network = _network(model, device)
    signal = torch.from_numpy(audio)[None]
    with torch.no_grad():
        batches = torchcrepe.preprocess(signal, SAMPLE_RATE, HOP, BATCH, device)
        return np.concatenate([network(frames).double().cpu().numpy() for frames in batches])


@lru_cache(maxsize=2)
def _network(model: str, device: str) -> torch.nn.Module:
    torchcrepe = _torchcrepe()
    weights = Path(str(torchcrepe.__file__)).parent / "assets" / f"{model}.pth"
    network: torch.nn.Module = torchcrepe.Crepe(model)
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.to(device).eval()


@lru_cache(maxsize=1)
def _torchcrepe() -> Any:
    """The package without what it imports in vain: torchaudio does not load beside a CPU build of torch.

    Its modules do not stay in `sys.modules`, so that who imports torchcrepe later gets it whole.
    """
    if "torchcrepe" in sys.modules:
        return sys.modules["torchcrepe"]
    if importlib.util.find_spec("torchcrepe") is None:
        raise DependencyError(f"CREPE needs the package torchcrepe, which is not installed: {INSTALL}")
    placeholders = {name: ModuleType(name) for name in UNUSED if name not in sys.modules}
    sys.modules.update(placeholders)
    try:
        return importlib.import_module("torchcrepe")
    except ImportError as error:
        raise DependencyError(f"the package torchcrepe cannot be loaded ({error}): {INSTALL}") from None
    finally:
        for name in [*placeholders, *(name for name in sys.modules if name.split(".")[0] == "torchcrepe")]:
            sys.modules.pop(name, None)
