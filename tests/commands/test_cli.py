"""The command line: exit codes, one line for each mistake, and what is asked of the rooms below it.

The rooms are replaced by small fakes through ``sys.modules``, where the commands find them when they run.
"""

import io
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
import typer

from vocsep.cli import app, main
from vocsep.errors import AudioError, Interrupted, ModelError, VoicesNotFound
from vocsep.estimator.adapt_settings import AdaptSettings
from vocsep.fit.result import FitProgress, FitResult
from vocsep.fit.song_reader import Taken
from vocsep.media.origin import separated_from
from vocsep.media.writing import StemWriter
from vocsep.methods.registry import METHODS
from vocsep.pitch.tracks import F0Tracks
from vocsep.training.schedule import Progress
from vocsep.training.settings import DEFAULTS
from vocsep.training.train import TrainingResult

ISSUE_FLAGS = {
    "separate": "--voices -n --output -o --model --names --f0 --assign --refine --adapt --method --stems "
    "--synth --minus-one --format --bit-depth --start --duration --device --seed --overwrite -y --quiet "
    "-q --json",
    "f0": "--voices -n --output -o --format --plot --method --assign --refine --start --duration",
    "fit": "--voices -n --supervised --unsupervised --names --per-voice-decoders --output -o --method "
    "--preset --steps --minutes --device --resume --seed --config",
    "demo": "--seed --device --quiet",
    "train pitch": "--output -o --minutes --seed --resume",
    "train postfilter": "--output -o --minutes --seed --resume --examples --pitch-model --model",
    "train refiner": "--output -o --minutes --seed --resume --examples --pitch-model",
}

BAD_USAGE = {
    "separate a.wav -n 0": "0 is not within 1 .. 12",
    "separate a.wav -n 40": "40 is not within 1 .. 12: hardly a partial",
    "separate a.wav -n 4.5": "4.5",
    "separate a.wav --voices=x": "x",
    "separate a.wav --adapt -1": "-1 is not within 0 .. 10000",
    "separate a.wav --refine 11": "11 is not within 0 .. 10",
    "separate a.wav --start -0.5": "-0.5 is not",
    "separate a.wav --start nan": "nan is not",
    "separate a.wav --duration 0": "0 is not more than 0",
    "separate a.wav --duration inf": "inf is not",
    "separate a.wav --seed -3": "-3 is not within",
    "separate a.wav --format aac": "aac",
    "separate a.wav --bit-depth 8": "8",
    "separate a.wav --format flac --bit-depth float": "flac holds 16 or 24",
    "separate a.wav --format mp3 --bit-depth 16": "mp3 has no bit depth",
    "separate a.wav --method magic": "magic",
    "separate a.wav --assign luck": "luck",
    "separate a.wav --device tpu": "tpu",
    "separate a.wav -n 4 --names a,b": "--names holds 2 names, but -n is 4",
    "separate a.wav --names a,,b": "an empty name",
    "separate a.wav --names a,A": "more than once",
    "separate a.wav --names ../a,b": "'../a' cannot be the name of a file",
    "separate a.wav b.wav --f0 t.csv": "t.csv",
    "separate": "RECORDING",
    "separate a.wav --nmes a": "--nmes",
    "f0 a.wav --method crepe -n 2": "-n is 2",
    "f0 a.wav --format csv": "-o",
    "f0 a.wav --plot a.gif": "a.gif",
    "fit d --steps 0": "0 is not within",
    "fit d --minutes 0": "0 is not more than 0",
    "fit d --supervised --unsupervised": "exclude each other",
    "train pitch": "--output",
    "train pitch -o m --minutes -1": "-1 is not more than 0",
    "train postfilter -o m --examples 0": "0 is not within",
    "train refiner -o m --examples 0": "0 is not within",
    "evaluate-f0 truth.csv": "ESTIMATE",
    "nosuch": "nosuch",
}


def _four_seconds() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(32_000), 8_000, format="WAV")
    return file.getvalue()


RECORDING = _four_seconds()


@dataclass
class Report:
    """What `Separator.separate_file` hands back."""

    input: Path
    stems: list[Path]
    statistics: list[Any]
    confidence: list[list[float]]
    removed: list[Path] = field(default_factory=list)
    extra: list[Path] = field(default_factory=list)
    sample_rate: int = 44100
    channels: int = 2
    samples: int = 88200
    seconds_of_audio: float = 2.0
    voices: int = 2
    gain_db: float = 0.0
    warnings: list[str] = field(default_factory=list)
    elapsed: dict[str, float] = field(default_factory=lambda: {"pitch": 0.5, "separating": 0.5})

    def to_dict(self) -> dict[str, Any]:
        return {"input": self.input, "stems": self.stems, "voices": self.voices, "gain_db": self.gain_db}


class FakeSeparator:
    """Writes empty stems and remembers what it was asked."""

    made: list[dict[str, Any]]
    asked: list[dict[str, Any]]
    failing: dict[str, BaseException]
    report: dict[str, Any]

    def __init__(self, model: Path | None = None, **settings: Any) -> None:
        self.made.append({"model": model, **settings})
        if "model" in self.failing:
            raise self.failing["model"]

    def separate_file(self, path: Path, folder: Path, voices: int | None = None, **wishes: Any) -> Report:
        wishes["progress"]("pitch", 0.0)
        wishes["progress"]("pitch", 1.0)
        self.asked.append({"path": path, "folder": folder, "voices": voices, **wishes})
        if path.name in self.failing:
            raise self.failing[path.name]
        count = voices or 2
        names = wishes.get("names") or [f"voice_{voice}" for voice in range(1, count + 1)]
        stems = [folder / f"{name}.wav" for name in names]
        folder.mkdir(parents=True, exist_ok=True)
        for stem in stems:
            stem.write_bytes(b"")
        statistics = F0Tracks(np.full((count, 10), 440.0)).voice_statistics()
        return Report(path, stems, statistics, [[0.5, 0.9]] * count, voices=count, **self.report)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Puts a module with the given contents where the commands import it from."""

    def replace(name: str, **contents: Any) -> ModuleType:
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return replace


@pytest.fixture
def separator(
    room: Callable[..., ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> type[FakeSeparator]:
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(RECORDING)
    fake = type("Fake", (FakeSeparator,), {"made": [], "asked": [], "failing": {}, "report": {}})
    room("vocsep.separation.separator", Separator=fake)
    return fake


def run(command: str) -> int:
    return main(command.split())


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


# the program


def test_help_is_ready_before_anything_heavy_is_imported() -> None:
    heavy = "('torch', 'numpy', 'scipy', 'soundfile', 'matplotlib')"
    code = f"import sys, vocsep.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vocsep", "--version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("vocsep ")
    assert done.stderr == ""


@pytest.mark.parametrize("command", ISSUE_FLAGS)
def test_every_flag_is_there_and_explained(command: str) -> None:
    found: Any = typer.main.get_command(app)
    for name in command.split():
        found = found.commands[name]
    parameters = found.params
    flags = {name: parameter for parameter in parameters for name in parameter.opts}
    assert set(ISSUE_FLAGS[command].split()) <= set(flags)
    assert all(parameter.help for parameter in parameters)


@pytest.mark.parametrize(
    "command", ["", "separate", "f0", "evaluate", "evaluate-f0", "fit", "demo", "train", "train pitch"]
)
def test_help_is_shown_on_standard_output(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    out, err = capsys.readouterr()
    assert "Usage: vocsep" in out
    assert err == ""


def test_help_names_the_default_of_adaptation(capsys: pytest.CaptureFixture[str]) -> None:
    main(["separate", "--help"])
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"0 is fastest. Default: {AdaptSettings.steps}." in shown


@pytest.mark.parametrize("command", BAD_USAGE)
def test_bad_usage_is_one_line_that_names_the_value_and_exit_code_2(
    command: str, separator: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(lines(err)) == 1
    assert BAD_USAGE[command] in err
    assert separator.made == []


def test_a_defect_is_one_line_unless_debugging(
    separator: type[FakeSeparator], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    separator.failing["a.wav"] = ZeroDivisionError("division by zero")
    monkeypatch.delenv("VOCSEP_DEBUG", raising=False)
    assert main(["separate", "a.wav", "-q"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(lines(err)) == 1
    assert "ZeroDivisionError" in err and "VOCSEP_DEBUG=1" in err and "Traceback" not in err
    monkeypatch.setenv("VOCSEP_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["separate", "a.wav", "-q"])


@pytest.mark.parametrize(
    "stop", [KeyboardInterrupt(), Interrupted("stopped; go on with: vocsep fit --resume")]
)
def test_ctrl_c_is_one_line_and_exit_code_130(
    stop: BaseException, room: Callable[..., ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    def fit(*arguments: object, **settings: object) -> None:
        raise stop

    room("vocsep.fit.fit", fit=fit)
    assert main(["fit", "choir", "-q"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert len(lines(err)) == 1
    assert str(stop) in err and "stopped" in err


# separate


def test_one_recording_goes_straight_into_the_folder(
    separator: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    command = (
        "separate a.wav -n 3 -o out --model m.safetensors --adapt 7 --method comb --assign heuristic --seed 5"
    )
    assert (
        main([*command.split(), "--start", "1.5", "--duration", "2", "--bit-depth", "24", "--minus-one"]) == 0
    )
    [made], [asked] = separator.made, separator.asked
    assert made["model"] == Path("m.safetensors")
    assert (made["adapt"], made["method"], made["assign"], made["seed"]) == (7, "comb", "heuristic", 5)
    assert (asked["path"], asked["folder"], asked["voices"]) == (Path("a.wav"), Path("out"), 3)
    assert (asked["start"], asked["duration"], asked["bit_depth"], asked["format"]) == (1.5, 2.0, 24, None)
    assert asked["minus_one"] and not asked["synth"] and not asked["overwrite"]
    out, err = capsys.readouterr()
    assert all(f"out/voice_{voice}.wav" in out for voice in (1, 2, 3))
    assert "a.wav: pitch" in err


def test_the_stems_of_an_oracle_are_passed_on(separator: type[FakeSeparator]) -> None:
    assert main(["separate", "a.wav", "--method", "oracle-power", "--stems", "true"]) == 0
    [made] = separator.made
    assert (made["method"], made["stems"]) == ("oracle-power", Path("true"))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_its_name_on_the_command_line(method: str, separator: type[FakeSeparator]) -> None:
    assert main(["separate", "a.wav", "--method", method]) == 0
    assert separator.made[0]["method"] == method


def test_without_wishes_the_defaults_of_the_rooms_decide(separator: type[FakeSeparator]) -> None:
    assert main(["separate", "a.wav"]) == 0
    [made], [asked] = separator.made, separator.asked
    assert (made["adapt"], made["method"], made["device"]) == (None, "source-filter", "auto")
    assert (asked["voices"], asked["format"], asked["bit_depth"], asked["names"]) == (None, None, None, None)


def test_names_decide_the_number_of_voices(separator: type[FakeSeparator]) -> None:
    assert main(["separate", "a.wav", "--names", "soprano, alto"]) == 0
    assert separator.asked[0]["voices"] == 2
    assert separator.asked[0]["names"] == ["soprano", "alto"]


def test_several_recordings_get_a_folder_each_and_namesakes_are_told_apart(
    separator: type[FakeSeparator], tmp_path: Path
) -> None:
    for folder in ("day1", "day2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mix.wav").write_bytes(RECORDING)
    (tmp_path / "MIX.flac").write_bytes(RECORDING)
    assert run("separate a.wav day1/mix.wav day2/mix.wav MIX.flac a.wav -o out") == 0
    folders = [str(asked["folder"]) for asked in separator.asked]
    assert folders == ["out/a", "out/day1_mix", "out/day2_mix", f"out/{tmp_path.name}_MIX"]


def test_folders_are_searched_but_not_for_earlier_stems(
    separator: type[FakeSeparator], tmp_path: Path
) -> None:
    (tmp_path / "stems").mkdir()
    (tmp_path / "stems" / "voice_1.wav").write_bytes(b"RIFF")
    assert main(["separate", "."]) == 0
    assert [asked["path"].name for asked in separator.asked] == ["a.wav", "b.wav"]
    assert [asked["folder"] for asked in separator.asked] == [Path("stems/a"), Path("stems/b")]


def test_a_failing_recording_does_not_stop_the_others(
    separator: type[FakeSeparator], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    separator.failing["a.wav"] = AudioError("a.wav: is silent (peak -90 dB, bound -80 dB)")
    assert main(["separate", "empty", "a.wav", "b.wav", "-q", "-n", "2"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(lines(err)) == 3
    assert "a.wav: is silent" in err
    assert "1 of 3 done; failed: empty, a.wav" in lines(err)[-1]
    assert (tmp_path / "stems" / "b" / "voice_2.wav").exists()


def test_an_error_without_a_name_gets_the_name_of_its_recording(
    separator: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    separator.failing["a.wav"] = VoicesNotFound("no voice found")
    assert main(["separate", "a.wav", "-q"]) == 1
    assert capsys.readouterr().err == "vocsep: a.wav: no voice found\n"


def test_a_model_that_cannot_be_used_is_one_line(
    separator: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    separator.failing["model"] = ModelError("m.safetensors: truncated")
    assert main(["separate", "a.wav", "--model", "m.safetensors"]) == 1
    assert capsys.readouterr().err == "vocsep: m.safetensors: truncated\n"


def test_long_messages_stay_on_one_line(
    separator: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    separator.failing["a.wav"] = AudioError(f"{'x' * 300}.wav: [red] is silent")
    assert main(["separate", "a.wav", "-q"]) == 1
    assert capsys.readouterr().err == f"vocsep: {'x' * 300}.wav: [red] is silent\n"


def test_json_is_the_only_thing_on_standard_output(
    separator: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    separator.failing["b.wav"] = AudioError("b.wav: is empty")
    separator.report = {"gain_db": float("nan"), "warnings": ["it is loud"]}
    assert main(["separate", "a.wav", "b.wav", "--json"]) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert [one["stems"] for one in document["files"]] == [["stems/a/voice_1.wav", "stems/a/voice_2.wav"]]
    assert document["files"][0]["gain_db"] is None
    assert document["failed"] == [{"input": "b.wav", "error": "b.wav: is empty"}]
    assert "it is loud" in err


def test_a_common_gain_is_said_aloud(
    separator: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    separator.report = {"gain_db": -1.25}
    assert main(["separate", "a.wav"]) == 0
    assert "-1.25 dB" in capsys.readouterr().err


def test_no_stem_takes_the_place_of_its_recording(
    separator: type[FakeSeparator], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "voice_1.wav").write_bytes(RECORDING)
    assert main(["separate", "voice_1.wav", "-o", ".", "-y"]) == 1
    assert "voice_1.wav: a stem could replace it" in capsys.readouterr().err
    assert (tmp_path / "voice_1.wav").read_bytes() == RECORDING
    assert separator.asked == []


def test_given_pitches_are_read_and_decide_the_number_of_voices(
    separator: type[FakeSeparator], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracks = F0Tracks(np.array([[440.0] * 5, [220.0] * 5, [110.0] * 5]))
    tracks.write_csv(tmp_path / "t.csv")
    assert main(["separate", "a.wav", "--f0", "t.csv"]) == 0
    assert separator.asked[0]["voices"] == 3
    np.testing.assert_allclose(separator.asked[0]["tracks"].frequencies, tracks.frequencies)
    assert main(["separate", "a.wav", "--f0", "t.csv", "-n", "4"]) == 1
    assert "t.csv: holds 3 voices" in capsys.readouterr().err


def test_given_pitches_are_found_by_the_names_of_their_columns(
    separator: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    F0Tracks(np.array([[110.0] * 5, [440.0] * 5]), names=("bass", "soprano")).write_csv("t.csv")
    assert main(["separate", "a.wav", "--f0", "t.csv", "--names", "soprano,bass"]) == 0
    np.testing.assert_allclose(separator.asked[0]["tracks"].frequencies[:, 0], [440.0, 110.0])
    assert main(["separate", "a.wav", "--f0", "t.csv", "--names", "soprano,alto"]) == 1
    said = capsys.readouterr().err
    assert "t.csv: the names soprano, alto do not fit its voices: bass, soprano" in said
    assert len(separator.asked) == 1


def test_a_column_is_no_reason_to_replace_the_recording(
    separator: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    F0Tracks(np.array([[110.0] * 5]), names=("a",)).write_csv("t.csv")
    assert main(["separate", "a.wav", "--f0", "t.csv", "-o", ".", "-y"]) == 1
    assert "a.wav: a stem could replace it" in capsys.readouterr().err
    assert separator.asked == []


def test_a_folder_of_pitches_serves_several_recordings(
    separator: type[FakeSeparator], tmp_path: Path
) -> None:
    (tmp_path / "f0").mkdir()
    for name, voices in (("a", 1), ("b", 2)):
        F0Tracks(np.full((voices, 5), 440.0)).write_csv(tmp_path / "f0" / f"{name}.csv")
    assert main(["separate", "a.wav", "b.wav", "--f0", "f0"]) == 0
    assert [asked["voices"] for asked in separator.asked] == [1, 2]


# f0


@pytest.fixture
def estimator(
    room: Callable[..., ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """A recording ``a.wav`` of 1 s, and an estimator that hears A4 and A3 in it."""
    calls: list[dict[str, Any]] = []

    class PitchEstimator:
        def __init__(self, model: Path | None = None, refiner: Path | None = None, **settings: Any) -> None:
            calls.append({"model": model, "refiner": refiner, **settings})

        def estimate(
            self, audio: Any, voices: int | None = None, progress: Any = None, guide: Any = None
        ) -> F0Tracks:
            calls.append({"samples": len(audio), "voices": voices})
            progress(0.5)
            return F0Tracks(np.repeat([[440.0], [220.0]], len(audio) // 256 + 1, axis=1))

    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", 0.1 * np.sin(np.arange(8000)), 8000)
    room("vocsep.pitch.estimate", PitchEstimator=PitchEstimator)
    return calls


def test_f0_shows_picture_and_table(
    estimator: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["f0", "a.wav", "-n", "2", "--start", "0.5", "--assign", "heuristic"]) == 0
    out = capsys.readouterr().out
    assert "A4 (440.0 Hz)" in out and "A3 (220.0 Hz)" in out and "100%" in out
    assert any(0x2800 < ord(mark) < 0x2900 for mark in out)
    assert estimator[0]["assign"] == "heuristic"
    assert estimator[1] == {"samples": 8000, "voices": 2}


@pytest.mark.parametrize(
    "name, options, begins", [("t.csv", "", "time,voice_1"), ("t.json", "", "{"), ("t.txt", "", "0.000\t440"),
                              ("t", "--format mirex", "0.000\t440"), ("t", "", "time,voice_1")]
)  # fmt: skip
def test_f0_writes_the_format_asked_for(
    estimator: list[dict[str, Any]], name: str, options: str, begins: str
) -> None:
    assert main(["f0", "a.wav", "-q", "-o", name, *options.split()]) == 0
    assert Path(name).read_text().startswith(begins)


def test_f0_calls_the_voices_by_the_names_that_are_given(
    estimator: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["f0", "a.wav", "--names", "alto,bass", "-o", "t.csv"]) == 0
    assert estimator[1]["voices"] == 2
    assert Path("t.csv").read_text().startswith("time,alto,bass")
    assert "alto" in capsys.readouterr().out
    assert main(["f0", "a.wav", "--names", "alto,bass", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["names"] == ["alto", "bass"]
    assert main(["f0", "a.wav", "--names", "alto,bass", "-n", "3"]) == 2


def test_f0_files_are_not_replaced_unasked(
    estimator: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("t.csv").write_text("mine")
    assert main(["f0", "a.wav", "-o", "t.csv"]) == 1
    assert capsys.readouterr().err == "vocsep: t.csv: is already there (-y replaces it)\n"
    assert Path("t.csv").read_text() == "mine"
    assert estimator == []
    assert main(["f0", "a.wav", "-o", "t.csv", "-y"]) == 0
    assert Path("t.csv").read_text().startswith("time")
    assert main(["f0", "a.wav", "-o", "a.wav", "-y"]) == 1
    assert main(["f0", "a.wav", "-o", "nowhere/t.csv"]) == 1
    assert "there is no folder nowhere" in lines(capsys.readouterr().err)[-1]


def test_f0_of_format_json_is_printed_without_an_output(
    estimator: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["f0", "a.wav", "--format", "json", "--start", "0.25"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["voices"][0]["frequencies"][0] == 440.0
    assert main(["f0", "a.wav", "-q", "--start", "0.25", "-o", "t.json"]) == 0
    assert Path("t.json").read_text() == printed
    assert main(["f0", "a.wav", "--format", "mirex"]) == 2


def test_f0_as_json_holds_null_where_nobody_sings(
    estimator: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["f0", "a.wav", "--json", "--start", "0.25"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["voices"] == 2 and document["start"] == 0.25
    assert document["frequencies"][0][0] == 440.0
    assert document["statistics"][1]["median_note"] == "A3"


def test_f0_writes_a_picture(estimator: list[dict[str, Any]]) -> None:
    pytest.importorskip("matplotlib")
    assert main(["f0", "a.wav", "-q", "--plot", "f0.png"]) == 0
    assert Path("f0.png").read_bytes().startswith(b"\x89PNG")


def test_f0_of_a_missing_file_is_one_line(
    estimator: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["f0", "nothing.wav", "-q"]) == 1
    assert capsys.readouterr().err == "vocsep: nothing.wav: no such file\n"


# fit, demo, train


@pytest.fixture
def fitted(
    room: Callable[..., ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []

    def fit(folder: Path, output: Path, settings: Any, *, progress: Any, **options: Any) -> FitResult:
        calls.append({"folder": folder, "output": output, "settings": settings, **options})
        progress(FitProgress("recordings", 0.0, "mass.wav"))
        progress(FitProgress("training", 0.1, "", Progress(step=3, loss=1.5, best=1.25, seconds_left=75.0)))
        return FitResult(
            output, "time", 120, 100, 1.5, 1.25, 1.2, 61.0, "shipped model", 3, 600.0, {3: 1, 4: 2}
        )

    monkeypatch.chdir(tmp_path)
    room("vocsep.fit.fit", fit=fit)
    return calls


def test_fit_ends_with_the_figures_and_the_command_to_use_the_model(
    fitted: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "my choir", "--steps", "120"]) == 0
    [call] = fitted
    assert (call["folder"], call["output"]) == (Path("my choir"), Path("my choir.safetensors"))
    assert (call["settings"].steps, call["settings"].minutes) == (120, None)
    assert not call["resume"] and not call["overwrite"]
    out, err = capsys.readouterr()
    assert "1.500 (shipped model) -> 1.250" in out
    assert "1 with 3 voices and 2 with 4 voices, 10:00 in all" in out
    assert "vocsep separate my_recording.wav -n 4 --model 'my choir.safetensors' -o stems/" in out
    assert "finding pitches" in err and "learning" in err


def test_fit_says_what_was_taken_for_what(
    room: Callable[..., ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    taken = (
        Taken("mass.wav", "mixture", 4),
        Taken("credo", "song", 4, {1: "S.wav", 4: "B.wav"}, "pitch"),
        Taken("take 3", "voice alone", 1, {1: "soprano.wav"}, "names"),
    )

    def fit(folder: Path, output: Path, settings: Any, **options: Any) -> FitResult:
        result = FitResult(output, "steps", 9, 8, 2.0, 1.0, 1.0, 1.0, "shipped model", 3, 60.0, {1: 1, 4: 2})
        losses = ({"mixture": 3.0, "sources": 1.0}, {"mixture": 1.5, "sources": 0.5})
        return replace(result, taken=taken, start_losses=losses[0], best_losses=losses[1])

    room("vocsep.fit.fit", fit=fit)
    assert run("fit d --overwrite") == 0
    out = capsys.readouterr().out
    assert "credo: 2 of 4 voices by pitch: 1 S.wav, 4 B.wav" in out
    assert "take 3: a voice alone, soprano.wav" in out
    assert "mass.wav" not in out
    assert "2.000 (shipped model) -> 1.000" in out
    assert "of mixtures      3.000 -> 1.500" in out and "of stems         1.000 -> 0.500" in out


def test_stems_are_asked_for_and_ignored_by_option(
    fitted: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    for options in ("", "--supervised", "--unsupervised", "--names a,b --per-voice-decoders b"):
        assert run(f"fit d -q {options}") == 0
    settings = [call["settings"] for call in fitted]
    assert [chosen.supervision for chosen in settings] == ["partly", "full", "none", "partly"]
    assert (settings[3].names, settings[3].per_voice_decoders) == (("a", "b"), ("b",))
    assert main(["fit", "d", "--supervised", "--unsupervised"]) == 2
    assert main(["fit", "d", "--per-voice-decoders", "b,b"]) == 2
    assert "--per-voice-decoders: 'b' is given more than once" in capsys.readouterr().err


def test_options_win_over_the_settings_file(fitted: list[dict[str, Any]]) -> None:
    Path("s.yaml").write_text("batch: 3\nvoices: 2\nminutes: 7\nsteps: 50\n")
    assert run("fit d --config s.yaml -n 5 --seed 9 --device cpu --resume -q -o m.safetensors") == 0
    settings = fitted[0]["settings"]
    assert (settings.batch, settings.voices, settings.minutes, settings.steps) == (3, 5, 7.0, 50)
    assert (settings.seed, settings.device) == (9, "cpu")
    assert fitted[0]["resume"] and fitted[0]["output"] == Path("m.safetensors")


def test_unknown_settings_are_refused_by_name(
    fitted: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("s.yaml").write_text("bacth: 3\n")
    assert main(["fit", "d", "--config", "s.yaml"]) == 2
    err = capsys.readouterr().err
    assert len(lines(err)) == 1 and "s.yaml" in err and "bacth" in err
    assert fitted == []


@pytest.fixture
def singing(
    separator: type[FakeSeparator], room: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch
) -> type[FakeSeparator]:
    """A demo of two sines, and a separator that does everything right."""
    time = np.arange(4000) / 16000
    sung = np.stack([0.3 * np.sin(880 * np.pi * time), 0.2 * np.sin(550 * np.pi * time)]).astype(np.float32)

    def sing_demo(seed: int) -> tuple[Any, int, F0Tracks]:
        return sung, 16000, F0Tracks(np.full((2, 16), 440.0))

    silent_stems = separator.separate_file

    def separate_file(
        self: FakeSeparator, path: Path, folder: Path, voices: int | None, **wishes: Any
    ) -> Report:
        report = silent_stems(self, path, folder, voices, **wishes)
        for stem, voice in zip(report.stems, sung, strict=True):
            soundfile.write(stem, voice + 0.1 * sung.sum(axis=0), 16000, subtype="FLOAT")
        return report

    room("vocsep.singers.demo", sing_demo=sing_demo)
    monkeypatch.setattr(separator, "separate_file", separate_file)
    return separator


def test_the_demo_writes_what_was_sung_and_tells_how_well_it_went(
    singing: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo"]) == 0
    mixture, rate = soundfile.read("vocsep-demo/mixture.wav", dtype="float32")
    parts = [
        soundfile.read(f"vocsep-demo/reference/voice_{voice}.wav", dtype="float32")[0] for voice in (1, 2)
    ]
    np.testing.assert_array_equal(mixture, parts[0] + parts[1])
    assert rate == 16000
    out = capsys.readouterr().out
    assert "voice 1" in out and "voice 2" in out and "mean" in out and "dB" in out
    assert "vocsep separate my_recording.wav" in out
    figures = json.loads(Path("vocsep-demo/demo.json").read_text())
    reference, stem = parts[0].astype(float), soundfile.read("vocsep-demo/stems/voice_1.wav")[0]
    target = reference * (stem @ reference) / (reference @ reference)
    expected = 10 * np.log10(np.sum(target**2) / np.sum((stem - target) ** 2))
    assert figures["si_sdr_db"][0] == pytest.approx(expected, abs=1e-3)
    assert figures["si_sdr_mixture_db"][0] < figures["si_sdr_db"][0]


def test_the_demo_replaces_an_earlier_demo_but_nothing_else(
    singing: type[FakeSeparator], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "d", "-q"]) == 0
    assert main(["demo", "d", "--json"]) == 0
    assert [asked["overwrite"] for asked in singing.asked] == [False, True]
    assert len(json.loads(capsys.readouterr().out)["si_sdr_db"]) == 2
    Path("mine").mkdir()
    Path("mine/mixture.wav").write_bytes(b"precious")
    assert main(["demo", "mine"]) == 1
    assert Path("mine/mixture.wav").read_bytes() == b"precious"


@pytest.fixture
def trained(
    room: Callable[..., ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []

    def train(recipe: str, output: Path, settings: Any, *, progress: Any, **options: Any) -> TrainingResult:
        calls.append({"recipe": recipe, "settings": settings, **options})
        progress("singing", 0.5, None)
        progress("learning", 0.1, Progress(step=3, loss=1.5))
        return TrainingResult(output, "time", Progress(step=9, best=1.25, best_step=8))

    monkeypatch.chdir(tmp_path)
    room("vocsep.training.train", train=train)
    for name in DEFAULTS:
        room(f"vocsep.training.{name}", **{name.upper(): f"recipe of {name}"})
    return calls


TRAININGS = {
    "pitch": ("--minutes 2.5 --seed 3 --singers 4 --workers 1", "--pitch-model"),
    "refiner": ("--minutes 2 --examples 5 --singers 4 --no-chorales", "--refiner-model"),
    "voices": ("--minutes 2 --singers 4 --from a.safetensors", "--model"),
    "postfilter": ("--minutes 2 --examples 5 --singers 4 --model m", "--postfilter-model"),
}
PASSED: dict[str, dict[str, Any]] = {
    "pitch": {"minutes": 2.5, "seed": 3, "singers": 4, "workers": 1},
    "refiner": {"minutes": 2.0, "examples": 5, "singers": 4, "chorales": False},
    "voices": {"minutes": 2.0, "singers": 4, "start": Path("a.safetensors")},
    "postfilter": {"minutes": 2.0, "examples": 5, "singers": 4, "model": Path("m")},
}


@pytest.mark.parametrize("name", TRAININGS)
def test_train_passes_its_settings_on(
    name: str, trained: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    given, option = TRAININGS[name]
    assert run(f"train {name} -o m.safetensors {given}") == 0
    out = capsys.readouterr().out
    assert f"{option} m.safetensors" in out and "9 steps, best at 8, held-out loss 1.250" in out
    assert run(f"train {name} -o m.safetensors -q") == 0
    first, plain = trained
    assert first["recipe"] == f"recipe of {name}" and not first["resume"] and not first["overwrite"]
    assert first["settings"] == replace(DEFAULTS[name], **PASSED[name])
    assert plain["settings"] == DEFAULTS[name]
    Path("m.safetensors").write_bytes(b"precious")
    assert main(["train", name, "-o", "m.safetensors"]) == 1
    assert len(trained) == 2
    assert run(f"train {name} -o m.safetensors --resume -q") == 0 and trained[2]["resume"]
    assert run(f"train {name} -o m.safetensors -y -q") == 0 and trained[3]["overwrite"]


@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.parametrize("rest", ["", "-o m.safetensors --minutes 2", "--help", "x y"])
def test_the_old_names_of_trainings_say_the_new_one(
    name: str, rest: str, trained: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"train-{name} {rest}") == 2
    out, err = capsys.readouterr()
    assert out == "" and len(lines(err)) == 1 and f"'vocsep train {name}'" in err
    assert trained == []


def test_trainings_stand_in_a_panel_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "For researchers" in out and "train-" not in out
    assert main(["train"]) == 2
    out = capsys.readouterr().out
    assert all(name in out for name in TRAININGS)


def test_help_knows_defaults_without_loading_networks() -> None:
    """Defaults stand in the settings alone, so the command line must be able to import these at once."""
    code = "import sys, vocsep.cli; print([m for m in ('torch', 'numpy', 'scipy') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(("name", "found"), [("OPENBLAS_NUM_THREADS", "1"), ("OMP_WAIT_POLICY", "passive")])
def test_threads_do_not_wait_for_each_other_unless_told_to(name: str, found: str) -> None:
    code = (
        "import os, sys; from vocsep.cli import main; main(['--version']); "
        f"print(os.environ['{name}'], 'numpy' in sys.modules or 'torch' in sys.modules)"
    )
    plain = {key: value for key, value in os.environ.items() if key != name}
    for environment, expected in ((plain, found), (plain | {name: "3"}, "3")):
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == f"{expected} False", done.stderr


@pytest.mark.parametrize("command", ["separate", "f0"])
def test_a_damaged_recording_is_said_before_networks_are_loaded(command: str, tmp_path: Path) -> None:
    (tmp_path / "torn.wav").write_bytes(b"RIFF no recording")
    code = (
        "import sys; from vocsep.cli import main; "
        f"print(main(['{command}', 'torn.wav', '-n', '4', '-o', 'out']), 'torch' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert found.stdout.split() == ["1", "False"]
    assert "torn.wav" in found.stderr


def test_the_bound_on_voices_is_that_of_the_pitch_stage() -> None:
    from vocsep.commands import options
    from vocsep.pitch import estimate

    assert options.MOST_VOICES == estimate.MOST_VOICES


def test_what_was_cut_off_is_separated_as_far_as_it_goes_and_said_unless_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sound = 0.3 * np.sin(2 * np.pi * 220 * np.arange(32_000) / 16_000)
    soundfile.write("a.wav", sound, 16_000)
    whole = Path("a.wav").read_bytes()
    Path("a.wav").write_bytes(whole[: len(whole) // 2])
    Path("t.csv").write_text("time,voice_1\n0,220.5\n2,220.5\n")
    assert run("separate a.wav --f0 t.csv --adapt 0 --no-postfilter") == 0
    assert "ends at 0.999 s of 2.000 s: the last 1.001 s are missing" in capsys.readouterr().err
    assert len(soundfile.read("stems/voice_1.wav")[0]) == (len(whole) // 2 - 44) // 2
    assert run("separate a.wav --f0 t.csv -o strict --strict") == 1
    assert "are missing" in capsys.readouterr().err and not Path("strict").exists()
    assert run("f0 a.wav --strict") == 1
    assert "are missing" in capsys.readouterr().err


def test_folders_are_searched_for_recordings_and_not_for_stems(
    separator: type[FakeSeparator], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "songs"
    with StemWriter([folder / "voice_1.wav"], 8000, 1, comment=separated_from(folder / "a.wav", 9)) as writer:
        writer.write([np.zeros(9)])
    assert run("separate songs -o out") == 1
    assert "holds no audio besides stems that vocsep separated" in capsys.readouterr().err
    soundfile.write(folder / "a.wav", np.zeros(9), 8000)
    assert run("separate songs -o out") == 0
    assert [asked["path"].name for asked in separator.asked] == ["a.wav"]
    assert "passed over" in capsys.readouterr().err
    assert run("separate songs/voice_1.wav -o out") == 0  # whoever names it means it


@pytest.mark.parametrize("given, kept", [("NFC", "NFD"), ("NFD", "NFC")])
def test_f0_files_are_found_however_accents_are_written(
    separator: type[FakeSeparator], tmp_path: Path, given: str, kept: str
) -> None:
    composed = unicodedata.normalize(given, "Psaume é")
    (tmp_path / "f0").mkdir()
    for name in (composed, "b"):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(9), 8000)
        table = tmp_path / "f0" / f"{unicodedata.normalize(kept, name)}.csv"
        F0Tracks(np.full((1, 9), 440.0)).write_csv(table)
    assert main(["separate", f"{composed}.wav", "b.wav", "--f0", "f0", "-o", "out"]) == 0
    assert all(asked["tracks"] is not None for asked in separator.asked)


def test_json_is_utf8_under_every_code_page(
    separator: type[FakeSeparator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "latin-1"))
    separator.failing["Ténor Ł.wav"] = AudioError("Ténor Ł.wav: damaged")
    assert main(["separate", "Ténor Ł.wav", "-o", "out", "--json"]) == 1
    assert json.loads(written.getvalue().decode("utf-8"))["failed"][0]["input"] == "Ténor Ł.wav"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
def test_a_name_that_is_not_utf8_is_a_matter_of_its_file_alone(
    separator: type[FakeSeparator], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "songs").mkdir()
    odd = os.fsdecode(b"T\xe9nor.wav")
    for name in (odd, "other.wav"):
        (tmp_path / "songs" / name).write_bytes(RECORDING)
    separator.failing[odd] = AudioError(f"{odd}: damaged")
    assert main(["separate", "songs", "-o", "out", "--json"]) == 1
    captured = capfdbinary.readouterr()
    document = json.loads(captured.out)
    assert [one["input"] for one in document["failed"]] == [f"songs/{odd}"]
    assert [Path(one["input"]).name for one in document["files"]] == ["other.wav"]
    assert b"damaged" in captured.err and b"defect" not in captured.err


TIMES = {"0:30": 30.0, "1:02:03": 3723.0, "90.5": 90.5, "0:00.5": 0.5}


@pytest.mark.parametrize("said", TIMES)
def test_times_are_given_as_people_write_them(separator: type[FakeSeparator], said: str) -> None:
    meant = TIMES[said]
    soundfile.write("a.wav", np.zeros(int(8_000 * (meant + 1))), 8_000, subtype="PCM_U8")
    assert run(f"separate a.wav --start {said} --duration {said}") == 0
    assert separator.asked[0]["start"] == separator.asked[0]["duration"] == meant


@pytest.mark.parametrize("said", ["1:75", "1:2:3:4", "1:-5", ":30", "a:b", "1:", "1:60:00", "0:1e1e"])
def test_what_is_no_time_is_named(
    separator: type[FakeSeparator], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"separate a.wav --start {said}") == 2
    assert said in capsys.readouterr().err


def test_quiet_silences_libraries_and_not_our_errors() -> None:
    """A command during which a library writes to the descriptor of standard error, and we do, too."""
    code = (
        "import os, sys, typer\nfrom vocsep.commands.options import Quiet\n"
        "from vocsep.commands.screen import Screen\n"
        "def command(quiet: Quiet = False):\n"
        "  os.write(2, b'library')\n  Screen(quiet=quiet).error('ours')\n"
        "app = typer.Typer()\napp.command()(command)\n"
        "app(sys.argv[1:], standalone_mode=False)\nos.write(2, b'after')"
    )
    done = subprocess.run([sys.executable, "-c", code, "-q"], capture_output=True, text=True, check=True)
    assert done.stderr == "vocsep: ours\nafter"
