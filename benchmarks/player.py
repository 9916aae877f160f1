"""How quick the studio's page is, and what it looks like: `python -m benchmarks.player`.

A finished project of ten minutes (the demo's quartet over and over, 44.1 kHz, two channels) is opened by
``vocsep studio`` in a Chromium that draws with the processor alone. Prints how long it takes from asking for
the page to its picture and to the first sound, how many pictures a second it draws while it scrolls by a
screen a second and while it plays, what of the processor each takes (of a loaded machine the better figure),
and the memory of the page. `--pictures FOLDER` writes the screenshots of docs/ instead: the
demo separated in the studio, and the page of ``separate --page``, on a desk and on a telephone.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from studio_process import Studio

from benchmarks.options import new_parser, run
from vocsep.errors import DependencyError
from vocsep.singers.demo import sing_demo
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.studio.project import Project
from vocsep.studio.project_file import write_arrays

RATE = 44_100  # Hz, of the long recording
NAMES = ("soprano", "alto", "tenor", "bass")
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
LISTEN = """async () => {
  const { transport } = vocsep;
  const asked = performance.now();
  const playing = transport.play();
  while (!transport.gate) await new Promise((done) => setTimeout(done, 1));
  const ear = transport.context.createAnalyser();
  transport.gate.connect(ear);
  const heard = new Float32Array(ear.fftSize);
  do {
    await new Promise((done) => setTimeout(done, 1));
    ear.getFloatTimeDomainData(heard);
  } while (!heard.some((value) => Math.abs(value) > 1e-4));
  await playing;
  return performance.now() - asked;
}"""
SCROLL = """async (seconds) => {
  const { picture, project } = vocsep;
  const begun = performance.now();
  let count = 0;
  while (performance.now() - begun < 1000 * seconds) {
    picture.view.moveTo(project.seconds / 3 + ((performance.now() - begun) / 1000) * picture.view.shown);
    picture.redraw();
    await new Promise((done) => picture.addEventListener("painted", done, { once: true }));
    count++;
  }
  return count / seconds;
}"""
FOLLOW = """async (seconds) => {
  let count = 0;
  const counted = () => count++;
  vocsep.picture.addEventListener("painted", counted);
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  vocsep.picture.removeEventListener("painted", counted);
  return count / seconds;
}"""


def benchmark(options: argparse.Namespace) -> None:
    """Print the figures, or write the pictures."""
    with tempfile.TemporaryDirectory() as work, browser() as chromium:
        if options.pictures is not None:
            write_pictures(chromium, Path(work), options.pictures)
        else:
            measure(chromium, Path(work), options.seconds)


def measure(chromium: Any, work: Path, seconds: float) -> None:
    """Print how quick the page is and what memory it takes."""
    studio = Studio("-o", work / "projects", long_project(work, seconds))
    try:
        page = chromium.new_context(
            viewport=dict(zip(("width", "height"), SIZES["desk"], strict=True))
        ).new_page()
        begun = time.perf_counter()
        page.goto(studio.address)
        until(page, "window.vocsep && vocsep.picture.tracks !== null")
        opened = time.perf_counter() - begun
        sound = page.evaluate(LISTEN) / 1000
        print(
            f"picture {opened:.2f} s after asking for the page, first sound {opened + sound:.2f} s after it"
        )
        counted(chromium, "while it plays, 20 s in sight", page, FOLLOW)
        page.evaluate("vocsep.transport.pause()")
        for shown in (seconds, 60.0, 20.0, 5.0):
            scale = f"({SIZES['desk'][0]} / {shown}) / vocsep.picture.view.perSecond"
            page.evaluate(f"vocsep.picture.view.zoom({scale}, 0)")
            page.evaluate(SCROLL, 5)  # the tiles have come
            counted(chromium, f"scrolling, {shown:.0f} s in sight", page, SCROLL)
        print(f"memory of the page: {memory(chromium):.0f} MB")
        page.evaluate("vocsep.transport.play()")
        for place in np.linspace(0, seconds - 30, 10):
            page.evaluate(f"vocsep.transport.seek({place})")
            page.wait_for_timeout(1500)
        print(f"memory of the page after playing in ten places: {memory(chromium):.0f} MB")
    finally:
        studio.kill()


def long_project(work: Path, seconds: float) -> Path:
    """A finished project whose stems are the demo's, over and over."""
    stems, rate, tracks = sing_demo(0)
    folder = work / "long"
    folder.mkdir()
    stereo = np.stack([np.resize(soxr.resample(stem, rate, RATE), round(seconds * RATE)) for stem in stems])
    for name, stem in zip(NAMES, stereo, strict=True):
        soundfile.write(folder / f"{name}.wav", np.stack([stem, stem], axis=1), RATE, subtype="FLOAT")
    whole = stereo.sum(axis=0)
    soundfile.write(work / "long.wav", np.stack([whole, whole], axis=1), RATE, subtype="PCM_16")
    frames = round(seconds * SAMPLE_RATE / HOP) + 1
    rows = np.nan_to_num(np.stack([np.resize(row, frames) for row in tracks.frequencies]))
    write_arrays(folder / "pitches-1.safetensors", estimated=rows, alternative=np.zeros_like(rows))
    sure = np.full((len(rows), round(seconds)), 0.8, np.float32)
    write_arrays(folder / "separated-1.safetensors", f0=rows, sure=sure)
    project = Project.create(folder, str(work / "long.wav"))
    files = {"pitches": "pitches-1.safetensors", "separated": "separated-1.safetensors"}
    project.commit(voices=NAMES, stems_revision=1, revision=1, **files)
    project.close()
    return folder


def write_pictures(chromium: Any, work: Path, folder: Path) -> None:
    """Screenshots of the studio and of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    stems, rate, _ = sing_demo(0)
    concert = work / "concert.wav"
    soundfile.write(concert, stems.sum(axis=0), rate)
    studio = Studio("--adapt", "0", "-o", work / "projects")
    try:
        studio.ask("open", {"path": str(concert)})
        studio.do("separate", {"voices": 4, "names": list(NAMES)}, 600)
        for size in SIZES:
            shot(chromium, studio.address, size, "dark", folder / f"studio_{size}.png", at_work)
        shot(chromium, studio.address, "desk", "light", folder / "studio_light.png", at_work)
        html = page_of(work / "projects" / "concert", work)
        for size in SIZES:
            shot(chromium, html.as_uri(), size, "light", folder / f"page_{size}.png", playing)
    finally:
        studio.kill()


def page_of(folder: Path, work: Path) -> Path:
    """The page of a project."""
    from vocsep.player.page import Sung, write_page

    project = Project.open(folder)
    assert project.tracks is not None
    sung = Sung("Concert", NAMES, project.stems, project.tracks, project.sure)
    project.close()
    write_page(sung, work / "page.html")
    return work / "page.html"


def shot(
    chromium: Any, address: str, size: str, theme: str, target: Path, act: Callable[[Any], None]
) -> None:
    """One screenshot, after something was done."""
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    page = context.new_page()
    page.goto(address)
    until(page, "window.vocsep && vocsep.picture.tracks !== null")
    act(page)
    page.wait_for_timeout(1500)
    page.screenshot(path=target)
    context.close()
    print(target)


def at_work(page: Any) -> None:
    """A note is chosen in the studio."""
    page.evaluate("vocsep.transport.seek(4.2)")
    page.evaluate("vocsep.editor.setVoice(1)")
    page.keyboard.press(".")


def playing(page: Any) -> None:
    """The page is in the middle of the piece, with one part louder."""
    page.evaluate("vocsep.transport.seek(5.6)")
    page.evaluate("vocsep.mixer.setMine(1)")


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium of this system.

    Raises:
        DependencyError: it, or Playwright, is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        raise DependencyError("this needs playwright: pip install '.[test]'") from None
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise DependencyError("this needs Chromium: apt-get install chromium")
    options = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=options)
        yield opened
        opened.close()


def until(page: Any, wanted: str) -> None:
    """Wait until an expression is true; the studio's policy lets Playwright wait for none itself."""
    while not page.evaluate(wanted):
        page.wait_for_timeout(10)


def counted(chromium: Any, name: str, page: Any, script: str) -> None:
    """Print pictures a second, and what all processes of the browser compute for each."""
    seconds, before = 5, sum(process["cpuTime"] for process in processes(chromium))
    rate = page.evaluate(script, seconds)
    busy = sum(process["cpuTime"] for process in processes(chromium)) - before
    each = 1000 * busy / max(rate * seconds, 1)
    print(f"{name}: {rate:.0f} pictures a second, {each:.0f} ms of the processor each")


def processes(chromium: Any) -> list[dict[str, Any]]:
    """What a browser runs, with ``type``, ``id`` and ``cpuTime`` in s."""
    session = chromium.new_browser_cdp_session()
    known: list[dict[str, Any]] = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return known


def memory(chromium: Any) -> float:
    """What the largest page of a browser holds, in MB."""
    held = []
    for process in processes(chromium):
        if process["type"] == "renderer":
            status = Path(f"/proc/{process['id']}/status").read_text(encoding="ascii")
            held += [int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")]
    return max(held)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("player", __doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="of the recording (default: 600)")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="write screenshots, measure nothing")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
