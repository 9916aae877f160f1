"""Signals end a command as Ctrl-C does: nothing half-written stays, and the exit code names it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vocsep.commands.stopping import stopped_by_signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_an_interrupt_and_names_its_exit_code(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # under nohup these tests would ignore it
    try:
        with pytest.raises(KeyboardInterrupt), stopped_by_signals() as stop:
            signal.raise_signal(number)
        assert stop.code(130) == 128 + number
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_what_is_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals() as stop:
            signal.raise_signal(signal.SIGHUP)
        assert stop.code(0) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def run() -> None:
        with stopped_by_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_stopped_separation_leaves_nothing_behind(tmp_path: Path) -> None:
    """The real command, stopped while it works on a recording of 40 s."""
    rate = 16_000
    time_axis = np.arange(40 * rate) / rate
    voices = sum(np.sin(2 * np.pi * hertz * k * time_axis) / k for hertz in (220, 330) for k in range(1, 9))
    soundfile.write(tmp_path / "song.wav", 0.05 * voices, rate)
    (tmp_path / "temporary").mkdir()
    environment = os.environ | {
        "TMPDIR": str(tmp_path / "temporary"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [
        sys.executable,
        "-m",
        "vocsep",
        "separate",
        "song.wav",
        "-n",
        "2",
        "-o",
        "stems",
        "--adapt",
        "0",
    ]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "stems").glob(".vocsep-*")):  # the first stems are on their way
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped" in said.splitlines()[-1]
    assert not (tmp_path / "stems").exists()
    assert list((tmp_path / "temporary").iterdir()) == []
