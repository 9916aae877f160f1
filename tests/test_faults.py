"""What happens to machines happens here, too: kills, full disks, lost folders, changed files."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny import music, tiny_models

from vocsep.cli import main
from vocsep.errors import AudioError, ModelError
from vocsep.media.locking import locked_output
from vocsep.media.reading import open_audio
from vocsep.media.staging import written_beside
from vocsep.media.writing import StemWriter
from vocsep.model import load_model, save_model
from vocsep.separation.separator import Separator

SUPPORT = Path(__file__).parent / "support"
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
posix = pytest.mark.skipif(os.name != "posix", reason="signals and forks of POSIX")


@pytest.fixture(scope="module")
def separator(tmp_path_factory: pytest.TempPathFactory) -> Separator:
    return Separator(**tiny_models(tmp_path_factory.mktemp("models")), device="cpu", adapt=0)


@posix
@pytest.mark.parametrize("what", ["separate", "fit"])
def test_killed_at_ten_random_moments_and_begun_again_nothing_differs(what: str, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([*sys.path, str(SUPPORT)]),
        "TMPDIR": str(tmp_path / "tmp"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, str(SUPPORT / "killed.py"), what, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "killed" in done.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    if not ROOT or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_the_earlier_stems_as_they_were(small_disk: Path) -> None:
    target = small_disk / "voice_1.wav"
    with StemWriter([target], 8000, 1) as writer:
        writer.write([np.full(800, 0.1)])
    before = target.read_bytes()
    with pytest.raises(AudioError, match="stems cannot be written"):  # noqa: SIM117
        with StemWriter([target], 8000, 1, overwrite=True) as writer:
            for _ in range(100):
                writer.write([np.full(8000, 0.1)])
    assert target.read_bytes() == before and list(small_disk.iterdir()) == [target]


def test_a_full_disk_leaves_the_earlier_model_as_it_was(small_disk: Path) -> None:
    path = small_disk / "a.safetensors"
    save_model(path, {"a": torch.ones(3)}, kind="voices", settings={}, card={})
    with pytest.raises(ModelError, match=r"cannot be written.*No space left"):
        save_model(path, {"a": torch.ones(1_000_000)}, kind="voices", settings={}, card={})
    assert load_model(path, "voices").tensors["a"].tolist() == [1, 1, 1]
    assert list(small_disk.iterdir()) == [path]


@posix
def test_a_folder_without_the_right_to_write_is_named_to_a_plain_user() -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)  # a plain user may go there
        folder = Path(place) / "locked"
        folder.mkdir(mode=0o555)
        if ROOT:
            os.seteuid(65534)
        try:
            with pytest.raises(AudioError, match=f"cannot be written.*{os.strerror(errno.EACCES)}"):
                StemWriter([folder / "a.wav"], 8000, 1)
        finally:
            if ROOT:
                os.seteuid(0)
        assert list(folder.iterdir()) == []


def test_an_output_folder_that_disappears_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "stems"
    with pytest.raises(AudioError, match=r"stems: stems cannot be written"):  # noqa: SIM117
        with StemWriter([folder / "a.wav", folder / "b.wav"], 8000, 1) as writer:
            writer.write([np.zeros(800)] * 2)
            shutil.rmtree(folder)
    assert not folder.exists()


def test_two_runs_into_one_folder_do_not_mix(separator: Separator, tmp_path: Path) -> None:
    audio, tracks = music(1.0)
    soundfile.write(tmp_path / "mix.wav", audio, 16_000)
    refusals = []

    def again(stage: str, share: float) -> None:
        if not refusals:
            try:
                separator.separate_file(tmp_path / "mix.wav", tmp_path / "out", tracks=tracks)
            except AudioError as error:
                refusals.append(str(error))

    report = separator.separate_file(tmp_path / "mix.wav", tmp_path / "out", tracks=tracks, progress=again)
    assert "another run of vocsep is writing there" in refusals[0]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [one.name for one in report.stems]


@posix
def test_two_fits_into_one_output_do_not_mix(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Two real processes; the second is told, the first is stopped by a signal and takes its lock along."""
    (tmp_path / "choir").mkdir()
    soundfile.write(tmp_path / "choir" / "a.wav", music(20.0)[0], 16_000)
    lock = tmp_path / ".vocsep-cache" / "m.safetensors.lock"
    command = ["fit", str(tmp_path / "choir"), "-o", str(tmp_path / "m.safetensors"), "-q", "--device", "cpu"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-m", "vocsep", *command], env=environment) as first:
        until = time.monotonic() + 60
        while not lock.exists():
            assert first.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        assert main(command) == 1
        said = capfd.readouterr().err
        assert f"{tmp_path / 'm.safetensors'}: another run of vocsep is making it" in said
        first.terminate()
    assert first.returncode == 128 + signal.SIGTERM and not lock.exists()


def test_what_a_killed_fit_has_locked_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "cache" / "m.lock"
    lock.parent.mkdir()
    lock.touch()  # kill -9 leaves the file, and no lock
    with locked_output(tmp_path / "m", lock.parent):
        with pytest.raises(ModelError, match="another run"), locked_output(tmp_path / "m", lock.parent):
            pass
        with locked_output(tmp_path / "other", lock.parent):
            pass
    assert not lock.exists() and list(lock.parent.iterdir()) == []


def test_a_recording_that_shrinks_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(400_000), 8000)
    with open_audio(path) as source:
        source.read(0, 1000)
        os.truncate(path, 100_000)
        with pytest.raises(AudioError, match=r"a\.wav: ends at 6\.\d+ s of 50\.000 s: truncated"):
            source.read(0, 400_000)


def test_a_recording_that_grows_while_it_is_read_is_as_long_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(40_000, 0.5), 8000)
    with open_audio(path) as source:
        with path.open("ab") as file:
            file.write(bytes(20_000))
        assert source.info.samples == len(source.read(0, 100_000)) == 40_000


def test_clocks_that_jump_change_nothing(
    separator: Separator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, tracks = music(1.0)
    soundfile.write(tmp_path / "mix.wav", audio, 16_000)
    made = []
    for name, jump in (("calm", 0.0), ("jumping", 1e9)):
        real = time.time
        monkeypatch.setattr(time, "time", lambda real=real, jump=jump: real() - jump)
        report = separator.separate_file(tmp_path / "mix.wav", tmp_path / name, tracks=tracks)
        assert all(0 <= seconds < 600 for seconds in report.elapsed.values())
        made.append([stem.read_bytes() for stem in report.stems])
    assert made[0] == made[1]


def test_a_model_of_another_version_is_refused_with_both_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vocsep.model.MODEL_VERSION", 0)
    save_model(tmp_path / "old", {"a": torch.ones(3)}, kind="voices", settings={}, card={})
    monkeypatch.undo()
    with pytest.raises(ModelError, match="has model version 0, this vocsep reads version 1"):
        load_model(tmp_path / "old", "voices")


@posix
@pytest.mark.parametrize(
    "changed", [{"LANG": "C", "LC_ALL": "C", "HOME": None}, {"NO_COLOR": "1", "COLUMNS": "40"}], ids=str
)
def test_odd_surroundings_do_not_matter(changed: dict[str, str | None], tmp_path: Path) -> None:
    """Help, and an error about a name that is not ASCII, in a folder that cannot be written to."""
    folder = tmp_path / "read only"
    folder.mkdir(mode=0o555)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **changed}
    kept = {name: value for name, value in environment.items() if value is not None}
    code = "import sys; from vocsep.cli import main; main(['f0', '-h']); sys.exit(main(['f0', 'Ténor.wav']))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=folder, env=kept, check=False
    )
    assert done.returncode == 1
    assert b"no such file" in done.stderr and b"Traceback" not in done.stderr
    assert b"\x1b[" not in done.stdout + done.stderr
    if "COLUMNS" in changed:
        assert max(map(len, done.stdout.decode().splitlines())) <= 40


def test_a_write_that_is_interrupted_leaves_the_target(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("before")
    # What runs in the background of a shell ignores Ctrl-C, these tests as well.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), written_beside(target) as staged:
            staged.write_text("half")
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert target.read_text() == "before" and list(tmp_path.iterdir()) == [target]
