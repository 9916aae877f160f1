"""The benchmarks: each module can be imported and explains itself; what they share keeps its promises."""

import cProfile
import importlib
import json
import pstats
import re
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import against, duets, options
from benchmarks.mixtures import Recording, groups, recordings
from benchmarks.scoring import score
from vocsep.errors import AudioError, Interrupted, VocsepError
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE

FOLDER = Path(options.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
SHARED = {
    "against",
    "fuzz_kinds",
    "options",
    "mixtures",
    "scoring",
    "paper_rows",
    "paper_songs",
    "paper_table",
}


def write_recording(folder: Path, voices: int = 2, seconds: float = 1.0, rate: int = SAMPLE_RATE) -> None:
    """Stems of noise, as loud as their voice's number, and their F0: 100 Hz times the voice's number."""
    (folder / "stems").mkdir(parents=True)
    rng = np.random.default_rng(voices)
    for voice in range(1, voices + 1):
        audio = rng.uniform(-0.1, 0.1, round(seconds * rate)) * voice
        soundfile.write(folder / "stems" / f"{voice}.wav", audio, rate, subtype="FLOAT")
    frames = round(seconds * SAMPLE_RATE) // HOP + 1
    grid = np.arange(frames) % 50
    rows = np.stack([100.0 * voice + grid for voice in range(1, voices + 1)])
    F0Tracks(rows).write_csv(folder / "f0_of_stems.csv")


def chosen(
    data: Path, only: str | None = None, start: float = 0.0, duration: float | None = None
) -> Namespace:
    return Namespace(data=data, only=only, start=start, duration=duration)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported_and_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert module.__doc__
    assert hasattr(module, "main") == (name not in SHARED)
    if hasattr(module, "main"):
        with pytest.raises(SystemExit) as left:
            module.main(["--help"])
        assert left.value.code == 0
        help_text = capsys.readouterr().out
        assert help_text.startswith(f"usage: python -m benchmarks.{name} ")
        assert module.__doc__.splitlines()[0] in help_text


def test_the_package_names_every_table() -> None:
    doc = importlib.import_module("benchmarks").__doc__ or ""
    assert [name for name in MODULES if f"``{name}``" not in doc] == []


def test_every_command_that_pages_name_is_a_benchmark() -> None:
    root = FOLDER.parent
    pages = [root / "README.md", *root.glob("docs/*.md"), *root.glob("models/*.yaml"), *FOLDER.glob("*.py")]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "python benchmarks/" not in text, page
        assert set(re.findall(r"python -m benchmarks\.([a-z_]+)", text)) <= set(MODULES), page


def test_a_table_of_nothing_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quality = importlib.import_module("benchmarks.quality")
    assert quality.main([str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "no folder with a folder stems/" in err and err.count("\n") == 1


def test_a_stopped_benchmark_has_the_exit_code_of_a_stopped_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stopped(_: Namespace) -> None:
        raise Interrupted("stopped")

    assert options.run(stopped, options.new_parser("quality", "A table."), []) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_recordings_of_any_rate_come_at_ours_with_their_f0(tmp_path: Path) -> None:
    write_recording(tmp_path / "real" / "duet", 2, 1.0, 24_000)
    write_recording(tmp_path / "real" / "trio", 3, 2.0, 44_100)
    duet, trio = recordings(tmp_path, None, 0.0, None)
    assert (duet.name, trio.name) == ("real/duet", "real/trio")
    assert duet.stems.shape == (2, SAMPLE_RATE) and trio.stems.shape == (3, 2 * SAMPLE_RATE)
    np.testing.assert_array_equal(duet.mixture, duet.stems.sum(axis=0))
    assert trio.reference is not None and trio.reference.voices == 3


def test_an_excerpt_has_the_stems_and_the_f0_of_its_time(tmp_path: Path) -> None:
    write_recording(tmp_path / "long", 2, 8.0)
    (whole,) = recordings(tmp_path, None, 0.0, None)
    (part,) = recordings(tmp_path, None, 2.0, 1.0)
    first = int(2.0 * SAMPLE_RATE / HOP)
    np.testing.assert_array_equal(part.stems, whole.stems[:, first * HOP : first * HOP + SAMPLE_RATE])
    assert whole.reference is not None and part.reference is not None
    frames = part.reference.frames
    expected = whole.reference.frequencies[:, first : first + frames]
    np.testing.assert_allclose(part.reference.frequencies, expected)


def test_a_recording_too_short_for_the_start_is_heard_from_its_beginning(tmp_path: Path) -> None:
    write_recording(tmp_path / "short", 2, 6.0)
    (whole,) = recordings(tmp_path, None, 0.0, None)
    (late,) = recordings(tmp_path, None, 2.0, None)
    np.testing.assert_array_equal(whole.stems, late.stems)


def test_only_chooses_by_path_and_says_when_nothing_is_left(tmp_path: Path) -> None:
    write_recording(tmp_path / "real" / "duet")
    write_recording(tmp_path / "other" / "duet")
    (found,) = options.found_recordings(chosen(tmp_path, "real"))
    assert found.name == "real/duet"
    with pytest.raises(AudioError, match="'opera'"):
        options.found_recordings(chosen(tmp_path, "opera"))


def test_groups_are_parts_of_quartets_and_sections(tmp_path: Path) -> None:
    for name in ("singers_1", "singers_2"):
        write_recording(tmp_path / "song" / name, 4)
    write_recording(tmp_path / "real" / "quartet", 4)  # the only one of its song, and not called so
    found = list(recordings(tmp_path, None, 0.0, None))
    together = {one.name: one for one in groups(found)}
    assert len(together) == 9
    trio = together["song/singers_1, voices 1+3+4"]
    quartets: dict[str, Recording] = {one.name: one for one in found}
    np.testing.assert_array_equal(trio.stems, quartets["song/singers_1"].stems[[0, 2, 3]])
    sections = together["song/singers_1 + singers_2, two a part"]
    assert sections.reference is None and len(sections.references or ()) == 2


def test_the_true_stems_score_best_and_their_scale_does_not_matter(tmp_path: Path) -> None:
    write_recording(tmp_path, 2, 3.0)
    (recording,) = recordings(tmp_path, None, 0.0, None)
    perfect = score(recording.stems, 0.5 * recording.stems)
    mixed = score(recording.stems, np.broadcast_to(recording.mixture, recording.stems.shape))
    assert perfect.mean > 60
    # Voice 2 has twice the amplitude of voice 1, and noise is uncorrelated: -6 and +6 dB.
    assert mixed.voices == pytest.approx([-6.0, 6.0], abs=0.3)
    assert mixed.mean == pytest.approx(0.0, abs=0.3)


def test_quality_prints_the_scores_of_the_rows_that_are_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recording(tmp_path / "real" / "duet", 2, 2.0)
    quality = importlib.import_module("benchmarks.quality")
    assert quality.main([str(tmp_path), "--method", "mixture", "--method", "oracle power", "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert (result["name"], result["seconds"]) == ("real/duet", 2.0)
    mixture, oracle = result["rows"]
    (recording,) = recordings(tmp_path, None, 0.0, None)
    expected = score(recording.stems, np.broadcast_to(recording.mixture, recording.stems.shape))
    assert (mixture["method"], mixture["voices"]) == ("mixture", pytest.approx(expected.voices))
    assert oracle["mean"] > mixture["mean"]


def test_exchanges_are_told_with_voices_shares_and_times() -> None:
    pitch = importlib.import_module("benchmarks.pitch")
    rows = np.repeat([[440.0], [220.0], [110.0]], 200, axis=1)
    truth = F0Tracks(rows)
    rows[:2, 50:100] = rows[1::-1, 50:100].copy()
    estimate = F0Tracks(rows)
    known = pitch.known_of(truth, estimate)
    assert pitch.exchange_lines(known) == [
        "  voice 1 exchanged: 25.0% (25.0% with 2)",
        "  voice 2 exchanged: 25.0% (25.0% with 1)",
        "       0.8 -    1.6 s  1 <-> 2  1 has the pitch of 2 in 100%, 2 that of 1 in 100%",
    ]


def test_of_a_section_the_nearest_singer_counts() -> None:
    pitch = importlib.import_module("benchmarks.pitch")
    singers = (F0Tracks([[440.0, 440.0, 0.0]]), F0Tracks([[450.0, 450.0, 450.0]]))
    nearest = pitch.nearest(singers, F0Tracks([[441.0, 449.0, 445.0]]))
    assert nearest.frequencies.tolist() == [[440.0, 450.0, 450.0]]


def test_stages_of_a_profile_are_the_times_of_their_functions(tmp_path: Path) -> None:
    for wing, name in (("source", "coarse_combs"), ("source", "mixed_combs"), ("estimator", "adapt")):
        (tmp_path / "vocsep" / wing).mkdir(parents=True, exist_ok=True)
        file = "unison.py" if wing == "source" else "adapt.py"
        with (tmp_path / "vocsep" / wing / file).open("a") as out:
            out.write(f"def {name}():\n    return sum(i * i for i in range(20000))\n")
    profile = cProfile.Profile()
    for path in sorted((tmp_path / "vocsep").rglob("*.py")):
        space: dict[str, object] = {}
        exec(compile(path.read_text(), str(path), "exec"), space)
        for function in [one for one in space.values() if getattr(one, "__name__", "") != ""]:
            assert callable(function)
            profile.runcall(function)
    found = against.stage_times(pstats.Stats(profile), tmp_path)
    assert set(found) == {"  combs", "  adaptation"}
    assert found["  combs"] > found["  adaptation"] > 0  # two functions against one


def test_every_stage_that_is_timed_is_a_function_of_the_package() -> None:
    for functions in against.STAGES.values():
        for file, name in functions:
            assert f"def {name}(" in (FOLDER.parent / "vocsep" / file).read_text(encoding="utf-8"), name


def test_a_commit_that_there_is_none_of_is_one_line() -> None:
    with pytest.raises(VocsepError, match=r"^no-such-commit: .+"), against.checkout("no-such-commit"):
        pass


def test_a_duet_is_right_where_each_voice_has_its_own_pitch() -> None:
    truth = np.stack((np.full(40, 220.0), np.full(40, 330.0)))
    truth[1, 30:] = np.nan
    changed = truth.copy()
    changed[:, :10] = truth[::-1, :10]
    assert duets.right_voice(truth, truth) == duets.right_voice(truth, truth[::-1]) == 1
    assert duets.right_voice(truth, changed) == pytest.approx((30 / 40 + 20 / 30) / 2)
    assert duets.at_best(truth, changed) == 1
    np.testing.assert_array_equal(duets.by_height(changed[:, :30]), truth[::-1, :30])
    assert duets.right_voice(truth, truth * 2 ** (1 / 12)) == 0
