"""``vocsep evaluate``: folders, matching, scores of whole songs, and the command."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import typer

from vocsep.cli import app, main
from vocsep.errors import AudioError
from vocsep.evaluation.bss_eval import bss_eval_per_second
from vocsep.evaluation.folders import find_stems, match_stems
from vocsep.evaluation.matching import plan_matching
from vocsep.evaluation.scores import METRICS, evaluate_folders
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.evaluation.spectral_snr import spectral_snr_per_second

RATE = 16_000
Write = Callable[..., Path]


@pytest.fixture
def voices() -> dict[str, np.ndarray]:
    """Three voices of 3 s, smooth noises in bands of their own, ``(samples,)`` by name."""
    generator = np.random.default_rng(0)
    spectra = np.fft.rfft(generator.normal(size=(3, 3 * RATE)))
    bins = np.fft.rfftfreq(3 * RATE, 1 / RATE)
    for row, (low, high) in zip(spectra, ((400, 900), (250, 600), (100, 400)), strict=True):
        row[(bins < low) | (bins > high)] *= 0.01
    waves = np.fft.irfft(spectra)
    return dict(zip(("soprano", "alto", "bass"), 0.1 * waves / waves.std(axis=1, keepdims=True), strict=True))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes float files ``<folder>/<name>.wav`` below the working directory, which is fresh."""
    monkeypatch.chdir(tmp_path)

    def stems(folder: str, rate: int = RATE, **signals: np.ndarray) -> Path:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, signal in signals.items():
            soundfile.write(f"{folder}/{name}.wav", signal, rate, subtype="FLOAT")
        return Path(folder)

    return stems


def off(voices: dict[str, np.ndarray], gain: float, *names: str) -> dict[str, np.ndarray]:
    """Estimates with a share of all voices and some noise in them, under these names or the voices' own."""
    total = sum(voices.values())
    noise = 0.02 * np.random.default_rng(1).normal(size=total.shape)
    return {
        name: signal + gain * (total + noise)
        for name, signal in zip(names or voices, voices.values(), strict=True)
    }


def run(command: str) -> int:
    return main(["evaluate", *command.split()])


@pytest.fixture
def songs(write: Write, voices: dict[str, np.ndarray]) -> None:
    """Two songs, ``truth/one`` and ``truth/two/stems``, and methods ``good`` and ``bad``."""
    other = {name: np.roll(signal, 5000)[: 2 * RATE] for name, signal in voices.items()}
    write("truth/one", **voices)
    write("truth/two/stems", **other)
    write("truth/two", mixture=sum(other.values()))
    for method, gain in (("good", 0.05), ("bad", 0.4)):
        write(f"{method}/one", **off(voices, gain))
        write(f"{method}/two", **off(other, gain, "voice_1", "voice_2", "voice_3"))


# folders


@pytest.mark.usefixtures("songs")
def test_songs_are_found_in_folders_and_in_their_stems() -> None:
    songs = find_stems(Path("truth"))
    assert {name: list(song.stems) for name, song in songs.items()} == {
        "one": ["alto", "bass", "soprano"],
        "two": ["alto", "bass", "soprano"],
    }
    assert songs["two"].stems["alto"] == Path("truth/two/stems/alto.wav")
    assert list(find_stems(Path("truth/two"))) == list(find_stems(Path("truth/two/stems"))) == ["two"]


def test_hidden_files_and_other_files_are_no_stems(write: Write) -> None:
    folder = write("truth", alto=np.ones(RATE), **{".bass": np.ones(RATE)})
    (folder / "f0.csv").write_text("time\n")
    assert list(find_stems(folder)["truth"].stems) == ["alto"]


def test_single_songs_belong_together_whatever_their_names(write: Write) -> None:
    one, other = (find_stems(write(name, alto=np.ones(RATE))) for name in ("song", "stems_of_song"))
    assert match_stems(one, other, Path("x"))["song"].stems["alto"] == Path("stems_of_song/alto.wav")


@pytest.mark.parametrize(
    ("names", "match", "expected"),
    [
        (("Alto", "BASS"), "auto", "name"),
        (("voice_1", "voice_2"), "auto", "best"),
        (("alto", "bass"), "best", "best"),
        (("x", "y"), "order", "order"),
        (("alto", "bass", "alto_synth", "bass_synth", "alto_minus"), "auto", "name"),
        (("alto_synth", "bass_synth"), "auto", "name"),
    ],
)
def test_voices_are_matched_by_name_where_all_agree(
    write: Write, names: tuple[str, ...], match: str, expected: str
) -> None:
    (truth,) = find_stems(write("truth", alto=np.ones(9), bass=np.ones(9))).values()
    (song,) = find_stems(write("guess", **dict.fromkeys(names, np.ones(9)))).values()
    plan = plan_matching(song, truth, match)  # type: ignore[arg-type]
    assert plan.matching == expected and len(plan.voices) == 2
    assert list(plan.synths) == (["alto", "bass"] if "alto_synth" in names else [])


def test_a_reference_may_be_called_like_a_synthesised_voice(write: Write) -> None:
    (song,) = find_stems(write("truth", lead=np.ones(9), lead_synth=np.ones(9))).values()
    plan = plan_matching(song, song, "auto")
    assert list(plan.stems) == ["lead", "lead_synth"] and plan.synths == {}


# scores


@pytest.mark.parametrize("seed", range(3))
def test_the_permutation_is_found(write: Write, voices: dict[str, np.ndarray], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(3)
    names = [f"voice_{place + 1}" for place in order]
    synths = {f"{name}_synth": -signal for name, signal in zip(names, voices.values(), strict=True)}
    guess = write("guess", **off(voices, 0.2, *names), **synths)
    (method,) = evaluate_folders(write("truth", **voices), {"guess": guess}, filters=False).methods
    found = {one.voice: (one.stem, one.synth) for one in method.songs[0].voices}
    expected = zip(voices, names, strict=True)
    assert found == {v: (guess / f"{name}.wav", guess / f"{name}_synth.wav") for v, name in expected}
    assert (method.pooled("spectral_snr_synth") == 100).all()


def test_synthesised_voices_alone_are_matched_by_their_spectra(
    write: Write, voices: dict[str, np.ndarray]
) -> None:
    names = ("b_synth", "c_synth", "a_synth")
    guess = write("guess", **dict(zip(names, (-signal for signal in voices.values()), strict=True)))
    (method,) = evaluate_folders(write("truth", **voices), {"guess": guess}).methods
    found = {one.voice: one.synth for one in method.songs[0].voices}
    assert found == {v: guess / f"{name}.wav" for v, name in zip(voices, names, strict=True)}
    assert np.isnan(method.pooled("si_sdr")).all() and (method.pooled("spectral_snr_synth") == 100).all()


def test_in_order_is_in_order(write: Write, voices: dict[str, np.ndarray]) -> None:
    guess = write("guess", **off(voices, 0.1, "c", "a", "b"))  # a: alto, b: bass, c: soprano
    truth = write("truth", **voices)
    (method,) = evaluate_folders(truth, {"guess": guess}, match="order", filters=False).methods
    assert [(one.voice, one.stem and one.stem.stem) for one in method.songs[0].voices] == [
        ("alto", "a"),
        ("bass", "b"),
        ("soprano", "c"),
    ]


def test_other_rates_channels_and_lengths_cost_little(write: Write, voices: dict[str, np.ndarray]) -> None:
    guess = {
        name: np.stack(2 * [soxr.resample(signal, RATE, 44_100)[:-2000]], axis=1)
        for name, signal in off(voices, 0.1).items()
    }
    truth = write("truth", **voices)
    same = evaluate_folders(truth, {"guess": write("same", **off(voices, 0.1))}, filters=False)
    other = evaluate_folders(truth, {"guess": write("other", rate=44_100, **guess)}, filters=False)
    scores = [one.methods[0].pooled("si_sdr").reshape(3, 3)[:, :2] for one in (same, other)]
    np.testing.assert_allclose(*scores, atol=0.5)
    assert (same.notes, other.notes) == ([], [])


def test_lengths_that_differ_by_more_than_a_tenth_are_noted(
    write: Write, voices: dict[str, np.ndarray]
) -> None:
    guess = off(voices, 0.1)
    guess["alto"], guess["bass"] = guess["alto"][: 2 * RATE], np.pad(guess["bass"], (0, 2000))
    truth = write("truth", **(voices | {"soprano": voices["soprano"][: -RATE // 2]}))
    result = evaluate_folders(truth, {"guess": write("guess", **guess)}, filters=False)
    assert result.notes == [
        "truth/soprano.wav: ends 0.5 s before the longest reference of truth",
        "guess/alto.wav: is 1.0 s shorter than its references, silence is added",
        "guess/bass.wav: is 0.1 s longer, and is cut",
    ]
    alto = result.methods[0].pooled("si_sdr", "alto")
    assert alto[2] == -60 and (alto[:2] > 0).all()
    assert (result.methods[0].pooled("si_sdr", "bass") > 0).all()


@pytest.mark.usefixtures("songs")
def test_scores_are_pooled_over_voices_and_songs() -> None:
    result = evaluate_folders(Path("truth"), {"good": Path("good"), "bad": Path("bad")})
    good, bad = result.methods
    assert [(song.song, song.matching) for song in good.songs] == [("one", "name"), ("two", "best")]
    assert good.voices == ["alto", "bass", "soprano"]
    for metric in METRICS:
        parts = [good.pooled(metric, voice, song) for song in ("one", "two") for voice in good.voices]
        np.testing.assert_array_equal(np.concatenate(parts), good.pooled(metric))
        assert good.pooled(metric).shape == (15,)
    stems, truth = (
        np.stack([soundfile.read(f"{folder}/one/{voice}.wav")[0] for voice in good.voices])
        for folder in ("bad", "truth")
    )
    invariant, filtered = (bss_eval_per_second(truth, stems, RATE, taps) for taps in (None, 512))
    expected = {
        "si_sdr": si_sdr_per_second(truth, stems, RATE),
        "si_sir": invariant.sir,
        "si_sar": invariant.sar,
        "sdr": filtered.sdr,
        "sir": filtered.sir,
        "sar": filtered.sar,
        "spectral_snr": spectral_snr_per_second(truth, stems, RATE),
    }
    for metric, rows in expected.items():
        np.testing.assert_allclose(bad.pooled(metric, song="one"), rows.ravel(), atol=1e-3)
    for metric in METRICS.keys() - {"spectral_snr_synth"}:
        assert np.mean(good.pooled(metric) > bad.pooled(metric)) > 0.7, metric


# the command


@pytest.mark.usefixtures("songs")
class TestCommand:
    def test_every_option_is_explained(self) -> None:
        command = typer.main.get_command(app).commands["evaluate"]  # type: ignore[attr-defined]
        options = {name for parameter in command.params for name in parameter.opts}
        assert options >= {"--match", "--name", "--csv", "--plot", "--json", "--quiet", "-q", "-y"}
        assert all(parameter.help for parameter in command.params)

    def test_tables_show_voices_songs_methods_and_p_values(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("truth good bad --name first,second") == 0
        out = capsys.readouterr().out
        assert "first: SI-SDR in dB (voices matched by name, by the best permutation)" in out
        result = evaluate_folders(Path("truth"), {"good": Path("good")}, filters=False).methods[0]
        alto = result.pooled("si_sdr", "alto")
        quartiles = " to ".join(f"{value:.1f}" for value in np.percentile(alto, (25, 75)))
        line = next(line for line in out.splitlines() if "alto" in line)
        assert line.split()[2:] == [f"{alto.mean():.1f}", f"{np.median(alto):.1f}", *quartiles.split(), "5"]
        for name in ("SI-SIR", "SI-SAR", "SDR", "SIR", "SAR", "SNR", "one", "two", "all"):
            assert name in out
        assert "t-tests" in out
        assert max(map(len, out.splitlines())) <= 88

    def test_json_holds_every_summary_and_pair(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("truth good bad --json --no-bss-eval") == 0
        document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
        good, bad = document["methods"]
        scored = evaluate_folders(Path("truth"), {"good": Path("good")}, filters=False).methods[0]
        values = scored.pooled("si_sdr")
        assert good["scores"]["si_sdr"] == {
            "mean": pytest.approx(values.mean()),
            "median": pytest.approx(np.median(values)),
            "first_quartile": pytest.approx(np.percentile(values, 25)),
            "third_quartile": pytest.approx(np.percentile(values, 75)),
            "seconds": 15,
        }
        assert good["scores"]["sdr"]["mean"] is None and good["scores"]["sdr"]["seconds"] == 0
        voice = bad["songs"][1]["voices"][2]
        assert (voice["reference"], voice["stem"]) == ("truth/two/stems/soprano.wav", "bad/two/voice_1.wav")
        assert voice["scores"]["si_sir"]["seconds"] == 2 and bad["songs"][1]["matching"] == "best"
        (pair,) = document["comparisons"]
        assert (pair["first"], pair["second"], document["compared"]) == ("good", "bad", "si_sdr")
        difference = good["scores"]["si_sdr"]["mean"] - bad["scores"]["si_sdr"]["mean"]
        assert pair["difference"] == pytest.approx(difference) and pair["p"] < 0.05

    def test_csv_has_a_row_for_each_second(self) -> None:
        assert run("truth good bad --csv scores.csv -q") == 0
        with Path("scores.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 30 and list(rows[0]) == ["method", "song", "voice", "second", *METRICS]
        result = evaluate_folders(Path("truth"), {"good": Path("good")}).methods[0]
        for metric in METRICS:
            column = [row[metric] for row in rows if row["method"] == "good"]
            values = np.array([float(cell) if cell else np.nan for cell in column])
            np.testing.assert_allclose(values, result.pooled(metric), atol=1e-4)
        assert [row["second"] for row in rows[:5]] == ["0", "1", "2", "0", "1"]
        assert sorted(path.name for path in Path().iterdir()) == ["bad", "good", "scores.csv", "truth"]

    @pytest.mark.parametrize("methods", ["good", "good bad"])
    def test_a_picture_names_every_method(self, methods: str) -> None:
        pytest.importorskip("matplotlib")
        assert run(f"truth {methods} --no-bss-eval --plot scores.svg -q") == 0
        text = Path("scores.svg").read_text()  # matplotlib tells each text in a comment
        assert all(f"<!-- {name} -->" in text for name in methods.split())
        assert ("p-values" in text) == (len(methods.split()) > 1)
        assert "<!-- SI-SDR in dB, every second of every voice -->" in text

    def test_files_are_not_replaced_unasked(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("scores.csv").write_text("mine")
        assert run("truth good --csv scores.csv") == 1
        assert "scores.csv: is already there" in capsys.readouterr().err
        assert Path("scores.csv").read_text() == "mine"
        assert run("truth good --no-bss-eval --csv scores.csv -y -q") == 0
        assert Path("scores.csv").read_text().startswith("method,")

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ("nowhere good", "nowhere: no such folder"),
            ("truth/one/bass.wav good", "bass.wav: is a file, a folder of stems is needed"),
            ("empty good", "empty: holds no audio files"),
            ("truth good/one", "good/one: lacks two; songs are matched by the names of their folders"),
            ("truth/one few", "few: 1 estimates (alto) for 3 references (alto, bass, soprano)"),
            ("truth/two good/two --match name", "good/two: the names voice_1, voice_2, voice_3 are not"),
            ("truth/one text", "text/alto.wav: damaged"),
            ("silent good/one", "silent/alto.wav: silent"),
            ("rest good/one", "rest/alto.wav: silent in every whole second"),
            ("twice good/one", "alto.wav: there is alto.flac too"),
            (
                "truth/one odd",
                "odd: stems and synthesised voices are not of the same names (alto, bass, soprano, tenor)",
            ),
        ],
    )
    def test_mistakes_are_one_line_and_exit_code_1(
        self,
        command: str,
        message: str,
        write: Write,
        voices: dict[str, np.ndarray],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("PATH", "")  # what ffmpeg says of a text is another message, and not ours
        Path("empty").mkdir()
        write("few", alto=voices["alto"])
        write("text", **voices)
        Path("text/alto.wav").write_text("no sound")
        write("silent", **(voices | {"alto": np.zeros(RATE)}))
        rest = np.r_[np.zeros(3 * RATE), np.ones(RATE // 2)]
        write("rest", **(voices | {"alto": rest}))
        write("twice", **voices)
        soundfile.write("twice/alto.flac", voices["alto"], RATE)
        write("odd", tenor_synth=voices["alto"], **voices)
        assert run(f"{command} -q") == 1
        out, err = capsys.readouterr()
        assert out == "" and len(err.splitlines()) == 1 and message in err

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ("truth", "ESTIMATES"),
            ("truth good --match luck", "luck"),
            ("truth good bad --name one", "--name holds 1 names for 2 folders"),
            ("truth good bad --name one,", "an empty name"),
            ("truth good/one bad/one", "two methods are called 'one'; tell them apart with --name"),
            ("truth good --plot scores.gif", "scores.gif"),
        ],
    )
    def test_bad_usage_is_exit_code_2(
        self, command: str, message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(command) == 2
        out, err = capsys.readouterr()
        assert out == "" and len(err.splitlines()) == 1 and message in err


@pytest.mark.usefixtures("songs")
def test_songs_without_references_are_left_out_and_noted(write: Write) -> None:
    write("good/three", alto=np.ones(RATE))
    result = evaluate_folders(Path("truth"), {"good": Path("good")}, filters=False)
    assert [song.song for song in result.methods[0].songs] == ["one", "two"]
    assert result.notes == ["good: no references for three, left out"]


def test_a_missing_song_is_found_out_before_anything_is_read(write: Write) -> None:
    write("truth/one", alto=np.zeros(9))
    write("truth/two", alto=np.zeros(9))
    write("guess/one", alto=np.zeros(9))
    with pytest.raises(AudioError, match="guess: lacks two"):
        evaluate_folders(Path("truth"), {"guess": Path("guess")})
