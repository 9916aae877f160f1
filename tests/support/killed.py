"""Kills a separation or a fit at ten random moments (``kill -9``), begins again, and compares with one that
nobody killed. `tests/test_faults.py` runs it in a process of its own, which forks: so nothing is loaded anew.

    python tests/support/killed.py separate|fit FOLDER
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch
from tiny import music, tiny_models

import vocsep.fit.fit
from vocsep.estimator.network import Estimator
from vocsep.estimator.settings import EstimatorSettings
from vocsep.estimator.stored import save_estimator
from vocsep.fit.fit import FitSettings, checkpoint_of, fit
from vocsep.model import load_model
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.separator import Separator
from vocsep.spectra import frame_count

KILLS = 10


def in_a_child(work: Callable[[], None], kill_after: float | None = None) -> float:
    """Run it in a fork; how long it took. One that was not killed must end well."""
    began = time.monotonic()
    process = os.fork()
    if not process:
        try:
            work()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, status
    assert kill_after is not None or not os.WIFSIGNALED(status)
    return time.monotonic() - began


def separations(folder: Path) -> None:
    audio, tracks = music(1.2, 22_050, 2)
    soundfile.write(folder / "mix.flac", audio, 22_050)
    data = (folder / "mix.flac").read_bytes()
    (folder / "twice.flac").write_bytes(data + data)  # is decoded to a temporary file first
    separator = Separator(**tiny_models(folder), device="cpu", adapt=1)

    def separate(into: str) -> Callable[[], None]:
        wishes = {"tracks": tracks, "overwrite": True, "format": "wav"}
        return lambda: void(separator.separate_file(folder / "twice.flac", folder / into, **wishes))

    took = in_a_child(separate("calm"))
    left = 0
    for _ in range(KILLS):
        in_a_child(separate("killed"), random.uniform(0, took))
        for path in (folder / "killed").glob("[!.]*"):  # what bears its name is whole
            assert path.read_bytes() == (folder / "calm" / path.name).read_bytes()
        left += len(list((folder / "killed").glob(".vocsep-*")))
    in_a_child(separate("killed"))
    assert same(folder / "calm", folder / "killed")
    assert not list(Path(os.environ["TMPDIR"]).iterdir())
    print(f"{KILLS} killed, {left} hidden files left and removed")


def fits(folder: Path) -> None:
    (folder / "choir").mkdir()
    times = np.arange(2 * 16_000) / 16_000
    tones = [np.sin(2 * np.pi * f * k * times) / k for f in (220, 330) for k in range(1, 9)]
    soundfile.write(folder / "choir" / "a.wav", 0.1 * np.sum(tones, axis=0), 16_000)
    small = EstimatorSettings(bands=8, units=8, blocks=1, lsf_order=4)
    save_estimator(folder / "start", Estimator(small), {})
    base = {"steps": 20, "minutes": None, "batch": 1, "seconds": 0.5, "validate_every": 2, "warm_up": 0}
    estimator = {"units": 8, "blocks": 1, "bands": 8, "lsf_order": 4}
    settings = FitSettings.from_dict({**base, "device": "cpu", "estimator": estimator})

    def learn(output: Path) -> Callable[[], None]:
        return lambda: void(
            fit(folder / "choir", output, settings, resume=checkpoint_of(output).exists(), overwrite=True)
        )

    torch.optim.Adam([torch.zeros(1)])  # loads what it needs here, and not in each of the children
    calm, killed = folder / "calm.safetensors", folder / "killed.safetensors"
    in_a_child(learn(calm))
    wanted = load_model(calm, "voices").tensors
    took = in_a_child(learn(folder / "again.safetensors"))  # what was read lies in the cache now
    resumed = 0
    for number in range(KILLS):
        killed.unlink(missing_ok=True)
        in_a_child(learn(killed), took * (number + random.random()) / KILLS)
        if checkpoint_of(killed).exists() or not killed.exists():
            resumed += checkpoint_of(killed).exists()
            in_a_child(learn(killed))
        learned = load_model(killed, "voices").tensors
        assert learned.keys() == wanted.keys()
        assert all(torch.equal(learned[name], wanted[name]) for name in wanted)
    hidden = [path for path in folder.glob(".vocsep-*") if path.is_file()]  # the cache is a folder
    assert not hidden and not checkpoint_of(killed).exists()
    assert resumed, "no kill found a checkpoint"
    print(f"{KILLS} killed, {resumed} went on from a checkpoint, all equal bit for bit")


class TwoTones:
    """Stands for the pitch stage, which is not what is tried here."""

    def __init__(self, *arguments: object, **options: object) -> None: ...

    def estimate(self, audio: np.ndarray, *more: object) -> F0Tracks:
        return F0Tracks(np.repeat([[330.0], [220.0]], frame_count(len(audio)), axis=1))


def same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files, hidden ones included."""
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (one, other)]
    return contents[0] == contents[1]


def void(result: object) -> None: ...


if __name__ == "__main__":
    torch.set_num_threads(1)
    random.seed(int(os.environ.get("VOCSEP_SEED", "0")))
    vocsep.fit.fit.PitchEstimator = TwoTones  # type: ignore[misc, assignment]
    {"separate": separations, "fit": fits}[sys.argv[1]](Path(sys.argv[2]))
