"""The page as a file: small, whole, and with nothing outside of it."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from vocsep.errors import AudioError
from vocsep.pitch.tracks import F0Tracks
from vocsep.player.bundle import WEB, bundled
from vocsep.player.page import CENTS, DOUBT, UNISON, Sung, page
from vocsep.player.sound import MARGIN, PIECE, RATE
from vocsep.separation.further import PageFile, Written


def recording(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="recording">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def decoded(piece: str) -> np.ndarray:
    return np.asarray(soundfile.read(io.BytesIO(base64.b64decode(piece)), dtype="float64")[0])


@pytest.fixture(scope="session")
def text(page_file: Path) -> str:
    return page_file.read_text(encoding="utf-8")


def test_a_minute_of_four_voices_takes_less_than_1_2_megabytes(text: str) -> None:
    seconds = recording(text)["samples"] / RATE
    fixed = len(text) - len(re.search(r'id="recording">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert fixed + (len(text) - fixed) / seconds * 60 * 4 / 2 < 1.2e6


def test_the_pieces_are_the_stems(sung: Sung, text: str) -> None:
    known = recording(text)
    for voice, stem in zip(known["voices"], sung.stems, strict=True):
        wanted = soundfile.read(stem)[0]
        joined = []
        for number, piece in enumerate(voice["pieces"]):
            samples = decoded(piece)[0 if number == 0 else MARGIN :]
            joined.append(samples[: min(PIECE, known["samples"] - number * PIECE)])
        sound = np.concatenate(joined)
        assert len(voice["pieces"]) == 2 and len(sound) == known["samples"] == len(wanted) * RATE // 16_000
        spectrum, true = np.fft.rfft(sound), np.fft.rfft(wanted)
        count = int(5000 / 16_000 * len(wanted))  # what mp3 keeps well at this rate
        error = np.abs(spectrum[:count] * len(wanted) / len(sound) - true[:count])
        assert (error**2).sum() < 0.02 * (np.abs(true[:count]) ** 2).sum()


def test_the_frames_hold_pitch_unison_and_doubt(sung: Sung) -> None:
    rows = np.array([[440.0, 441.0, np.nan], [440.0, 220.0, 110.0]])
    sure = np.array([[0.9], [0.1]], np.float32)
    known = recording(page(replace(sung, tracks=F0Tracks(rows), sure=sure)))
    frames = [np.frombuffer(base64.b64decode(voice["f0"]), "<u2") for voice in known["voices"]]
    assert [(frame & CENTS).tolist() for frame in frames] == [[6900, 6904, 0], [6900, 5700, 4500]]
    assert [((frame & UNISON) > 0).tolist() for frame in frames] == [[True, False, False]] * 2
    assert [((frame & DOUBT) > 0).tolist() for frame in frames] == [[False] * 3, [True] * 3]
    assert known["voices"][0]["range"]["median"] == pytest.approx(69, abs=0.05)


def test_nothing_is_outside_of_the_page(text: str) -> None:
    assert not re.search(
        r"""(?:src|href)\s*=\s*["']?(?!data:)\w""", re.sub(r"<script.*?</script>", "", text, flags=re.S)
    )
    assert "Frühling &amp; &lt;Herbst&gt;" in text and "<Herbst>" not in text
    assert "url(" not in "".join(
        (WEB / name).read_text(encoding="utf-8") for name in ("player.css", "page.css")
    )


def test_a_form_of_import_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import * as b from "./b.js";\n')
    with pytest.raises(ValueError, match=r"a\.js: imports or exports"):
        bundled("a.js", tmp_path)


def test_modules_come_after_what_they_import(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { one as first } from "./b.js";\nfirst();\n')
    (tmp_path / "b.js").write_text("export function one() {}\n")
    text = bundled("a.js", tmp_path)
    assert text.index('modules["b.js"] =') < text.index('const { one: first } = modules["b.js"]')


def test_a_voice_that_never_sings_has_no_range(sung: Sung) -> None:
    rows = sung.tracks.frequencies.copy()
    rows[1] = np.nan
    assert recording(page(replace(sung, tracks=F0Tracks(rows))))["voices"][1]["range"] is None


def test_the_page_is_named_for_the_recording(sung: Sung, tmp_path: Path) -> None:
    stems = [tmp_path / stem.name for stem in sung.stems]
    for stem, copy in zip(sung.stems, stems, strict=True):
        copy.write_bytes(stem.read_bytes())
    made = PageFile("concert").write(Written(stems, sung.tracks, 0.0, "float", False, sung.sure))
    assert made == PageFile("concert").targets(stems) == [tmp_path / "concert.html"]
    assert [voice["name"] for voice in recording(made[0].read_text("utf-8"))["voices"]] == ["Sopran", "Baß"]


def test_stems_of_different_lengths_are_refused(sung: Sung, tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    soundfile.write(short, np.zeros(16_000), 16_000)
    with pytest.raises(AudioError, match="not of one length"):
        page(replace(sung, stems=[sung.stems[0], short]))
