"""The studio in a browser, from a dropped recording to exported stems, and again after a reload."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from vocsep.singers.demo import sing_demo

SECONDS = 7
PATIENCE = 120  # s for anything: machines are loaded


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a studio in a process of its own."""
    pytest.importorskip("uvicorn", reason="needs the extra [studio]")
    pytest.importorskip("starlette", reason="needs the extra [studio]")
    command = [sys.executable, "-m", "vocsep", "studio", "--no-browser", "--adapt", "0", "-o"]
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [*command, str(tmp_path_factory.mktemp("desk"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert process.stdout is not None
    with process.stdout as lines:
        yield lines.readline().strip()
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short duet."""
    stems, rate, _ = sing_demo(0)
    path = tmp_path_factory.mktemp("concert") / "Frühlings-Duett.wav"
    soundfile.write(path, stems[[0, 3], : SECONDS * rate].sum(axis=0), rate)
    return path


def until(page: Any, wanted: str) -> Any:
    """Wait until an expression is true; the studio's policy lets Playwright wait for none itself."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = page.evaluate(wanted)
        if value:
            return value
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {wanted}")


def median(page: Any) -> float:
    """Median pitch of what is chosen, as a MIDI number."""
    return float(
        page.evaluate("""() => {
          const { selection, tracks } = vocsep.picture;
          const [a, b] = [selection.start, selection.end].map((time) => Math.ceil(time / tracks.hop));
          const sung = [...tracks.midi[selection.voice].slice(a, b)].filter((one) => one === one).sort();
          return sung[sung.length >> 1]; }""")
    )


def test_a_recording_is_separated_corrected_and_exported(
    address: str,
    recording: Path,
    open_page: Callable[..., Any],
    faults_of_access: Callable[[Any], list[str]],
    tmp_path: Path,
) -> None:
    page = open_page(address)
    page.locator("#file").wait_for(state="attached")
    assert faults_of_access(page) == []
    page.set_input_files("#file", recording)
    page.select_option("#voices", "2")
    page.fill("#names", "Sopran, Baß")
    assert faults_of_access(page) == []
    page.get_by_role("button", name="Separate the voices").click()
    page.get_by_role("button", name="Cancel what is being done").wait_for()
    page.locator(".editor").wait_for(timeout=1000 * PATIENCE)
    until(page, "vocsep.picture.tracks?.notes.length > 3 && vocsep.picture.spectrogram !== null")
    assert page.evaluate("vocsep.project.voices.map((voice) => voice.name)") == ["Sopran", "Baß"]
    listen(page)
    correct(page)
    assert faults_of_access(page) == []
    page.keyboard.press("r")
    until(page, "vocsep.project.dirty.length === 0")
    assert page.evaluate("vocsep.transport.source.revision") > 0
    export(page, tmp_path)
    after_a_reload(page)
    on_a_phone(page, faults_of_access)


def listen(page: Any) -> None:
    page.keyboard.press("Space")
    until(page, "vocsep.transport.time > 0.3")
    page.keyboard.press("1")
    assert page.evaluate("[vocsep.mixer.gain(0), vocsep.mixer.gain(1)]") == [1, 0]
    page.keyboard.press("1")
    page.evaluate("vocsep.transport.setSpeed(0.5)")  # WebAssembly, under the studio's policy
    page.evaluate("vocsep.transport.setSpeed(1)")
    page.keyboard.press("t")
    until(page, "vocsep.transport.extra !== null")
    page.keyboard.press("t")
    page.keyboard.press("Space")


def correct(page: Any) -> None:
    """Choose a note and move it by the keyboard, take it back, do it again; draw with the mouse."""
    first = until(page, "vocsep.shown")
    page.keyboard.press(".")
    before = median(page)
    page.keyboard.press("Shift+ArrowUp")
    until(page, f"vocsep.shown === {first + 1} && vocsep.project.dirty.length === 1")
    assert median(page) == pytest.approx(before + 12, abs=0.01)
    page.keyboard.press("Control+z")
    until(page, f"vocsep.shown === {first + 2} && vocsep.project.dirty.length === 0")
    assert median(page) == pytest.approx(before, abs=0.01)
    page.keyboard.press("Control+Shift+Z")
    until(page, f"vocsep.shown === {first + 3} && vocsep.project.dirty.length === 1")
    page.keyboard.press("d")
    box = page.locator(".picture").bounding_box()
    y = page.evaluate("vocsep.picture.view.y(60)")
    page.mouse.move(box["x"] + 700, box["y"] + y)
    page.mouse.down()
    page.mouse.move(box["x"] + 760, box["y"] + y, steps=6)
    page.mouse.up()
    until(page, f"vocsep.shown === {first + 4}")
    assert median(page) == pytest.approx(60, abs=0.2)
    page.keyboard.press("Delete")
    until(page, f"vocsep.shown === {first + 5}")
    page.keyboard.press("v")


def export(page: Any, folder: Path) -> None:
    page.get_by_role("button", name="Export stems, pitches and notes").click()
    page.get_by_label("Pitches (CSV)").check()
    page.get_by_role("button", name="Write the files").click()
    with page.expect_download() as coming:
        page.get_by_role("link", name="Baß.wav").click()
    coming.value.save_as(folder / "bass.wav")
    assert soundfile.info(folder / "bass.wav").duration == pytest.approx(SECONDS)


def after_a_reload(page: Any) -> None:
    revision = page.evaluate("vocsep.project.revision")
    page.reload()
    page.locator(".editor").wait_for()
    assert until(page, "vocsep.picture.tracks !== null && vocsep.project.revision") == revision


def on_a_phone(page: Any, faults_of_access: Callable[[Any], list[str]]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    assert faults_of_access(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_cannot_be_opened_is_said(address: str, open_page: Callable[..., Any]) -> None:
    page = open_page(address)
    other = page.get_by_role("button", name="Open another recording")
    page.wait_for_timeout(300)
    if other.is_visible():
        other.click()
    page.fill("#path", "/nowhere/at-all.wav")
    page.get_by_role("button", name="Open this path").click()
    page.locator(".problem").wait_for()
    assert "nowhere" in page.locator(".problem").inner_text()
