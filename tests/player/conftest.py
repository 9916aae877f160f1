"""A browser without network, and a page to open in it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from vocsep.pitch.tracks import F0Tracks
from vocsep.player.page import Sung, write_page
from vocsep.singers.demo import sing_demo

SECONDS = 24
HOSTS = ("127.0.0.1", "localhost")
Opener = Callable[..., Any]


@pytest.fixture(scope="session")
def sung(tmp_path_factory: pytest.TempPathFactory) -> Sung:
    """Stems of two voices of the demo, one and a half times, so that they have a seam."""
    stems, rate, tracks = sing_demo(0)
    folder = tmp_path_factory.mktemp("page")
    names = ["Sopran", "Baß"]
    paths = [folder / f"{name}.wav" for name in names]
    for path, stem in zip(paths, np.tile(stems[[0, 3]], 2)[:, : SECONDS * rate], strict=True):
        soundfile.write(path, stem, rate, subtype="FLOAT")
    rows = np.tile(tracks.frequencies[[0, 3], : 16 * 125 // 2], 2)[:, : SECONDS * 125 // 2 + 1]
    sure = np.full((2, SECONDS), 0.9, np.float32)
    sure[1, 3:6] = 0.1
    return Sung("Frühling & <Herbst>", names, paths, F0Tracks(rows, names=tuple(names)), sure)


@pytest.fixture(scope="session")
def page_file(sung: Sung, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mail") / "Frühling.html"
    write_page(sung, path)
    return path


@pytest.fixture(scope="module")  # its event loop must end before other tests begin theirs
def browser() -> Iterator[Any]:
    """Chromium of this system, driven by Playwright."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright, which is in the extra [test]")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        opened = playwright.chromium.launch(executable_path=found, args=options)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Opener]:
    """Opens an address; fails where the console has an error or anything but this machine is asked."""
    faults: list[str] = []
    contexts: list[Any] = []

    def opened(address: str, width: int = 1440, height: int = 900, theme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, accept_downloads=True
        )
        contexts.append(context)
        context.route("**/*", lambda route: _only_here(route, faults))
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda line: faults.append(line.text) if _is_fault(line) else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def _is_fault(line: Any) -> bool:
    """Errors of the console; that a request was refused (400) is said on the page, and no fault of it."""
    return line.type == "error" and "status of 400" not in line.text


def _only_here(route: Any, faults: list[str]) -> None:
    address = route.request.url
    inside = address.startswith(("file:", "data:", "blob:"))
    if inside or address.split("/")[2].split(":")[0] in HOSTS:
        route.continue_()
    else:
        faults.append(f"asks for {address}")
        route.abort()


@pytest.fixture(scope="session")
def faults_of_access() -> Callable[[Any], list[str]]:
    """Serious and critical faults that axe-core finds on a page."""
    script = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")

    def found(page: Any) -> list[str]:
        page.evaluate(script)
        result = page.evaluate("axe.run()")
        return [
            f"{one['id']}: {one['help']} {one['nodes'][0]['html'][:200]}"
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    return found
