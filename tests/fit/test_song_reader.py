"""Songs with stems made ready: the mixture's F0, each stem beside its row, at the mixture's level."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from vocsep.errors import AudioError, SettingsError, VoicesNotFound
from vocsep.fit.recordings import Recordings, gather
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import SAMPLE_RATE, frame_count
from vocsep.training.excerpt_pool import ExcerptPool

F0 = {"high": 523.0, "middle": 392.0, "low": 131.0}  # Hz, of the voices of `song`
SECONDS = 2.0


class FakePitch:
    """The voices of `song` that sound, by the energy at their F0, the highest first."""

    asked: list[int | None]

    def __init__(self) -> None:
        self.asked = []

    def __call__(self) -> "FakePitch":
        return self

    def estimate(
        self,
        audio: NDArray[np.float32],
        voices: int | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> F0Tracks:
        self.asked.append(voices)
        spectrum = np.abs(np.fft.rfft(audio[: round(SECONDS * SAMPLE_RATE)]))
        strongest = sorted(F0.values(), key=lambda f: spectrum[round(f * SECONDS)], reverse=True)
        sounding = [f for f in F0.values() if spectrum[round(f * SECONDS)] > 0.1 * spectrum.max()]
        if not sounding:
            raise VoicesNotFound("nobody sings")
        rows = sorted(strongest[: voices or len(sounding)], reverse=True)
        return F0Tracks(np.repeat(np.array(rows)[:, None], frame_count(len(audio)), axis=1))


@pytest.fixture
def pitch() -> FakePitch:
    return FakePitch()


def voice(name: str, level: float = 0.1, seconds: float = SECONDS) -> NDArray[np.float64]:
    return level * np.sin(2 * np.pi * F0[name] * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def write(path: Path, audio: NDArray[np.float64], rate: int = SAMPLE_RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate, subtype="FLOAT")


def gathered(choir: Path, pitch: FakePitch, **more: object) -> Recordings:
    return gather(choir, choir.parent / "cache", pitch, "fake", seconds=1.0, **more)  # type: ignore[arg-type]


def test_stems_without_a_mixture_add_up_to_it(tmp_path: Path, pitch: FakePitch) -> None:
    choir = tmp_path / "choir"
    for number, name in enumerate(F0):
        write(choir / "song" / "stems" / f"{number}.wav", voice(name, 0.1 * (number + 1)))
    found = gathered(choir, pitch)
    [track], [taken] = found.tracks, found.taken
    assert pitch.asked == [3]  # as many as stems
    assert track.given == (True, True, True) and track.sources is not None
    np.testing.assert_allclose(
        np.sum([s for s in track.sources if s is not None], axis=0), track.audio, atol=1e-6
    )
    for row, (source, name) in enumerate(zip(track.sources, F0, strict=True)):
        assert track.f0[row, 5] == F0[name]
        np.testing.assert_allclose(source, voice(name, 0.1 * (row + 1)), atol=1e-6)
    assert (taken.name, taken.kind, taken.told_by) == ("song", "song", "order")
    assert taken.stems == {1: "0.wav", 2: "1.wav", 3: "2.wav"}


def test_some_stems_find_their_rows_by_name_or_by_pitch(tmp_path: Path, pitch: FakePitch) -> None:
    mixture = sum(voice(name) for name in F0)
    for song, stem in (("named", "bass.wav"), ("nameless", "x.wav")):
        write(tmp_path / "choir" / song / "mix.wav", np.asarray(mixture))
        write(tmp_path / "choir" / song / "stems" / stem, voice("low"))
    found = gathered(tmp_path / "choir", pitch, names=["soprano", "alto", "bass"])
    assert [taken.told_by for taken in found.taken] == ["names", "pitch"]
    for track, taken in zip(found.tracks, found.taken, strict=True):
        assert track.given == (False, False, True)
        assert track.names == ("soprano", "alto", "bass")
        assert list(taken.stems) == [3]
        assert track.sources is not None and track.sources[2] is not None
        np.testing.assert_allclose(track.sources[2], voice("low"), atol=1e-6)
    # the mixture decides how many sing; only the stem without a name was listened to
    assert sorted(pitch.asked, key=str) == [1, None]


def test_a_voice_alone_is_its_own_mixture(tmp_path: Path, pitch: FakePitch) -> None:
    write(tmp_path / "choir" / "solo" / "stems" / "Soprano take 2.wav", voice("high"))
    found = gathered(tmp_path / "choir", pitch, voices=3)
    [track], [taken] = found.tracks, found.taken
    assert pitch.asked == [1]  # whatever number is asked for: that is for mixtures
    assert (track.f0.shape[0], track.given, track.names) == (1, (True,), ("soprano",))
    assert track.sources is not None and track.sources[0] is track.audio
    assert (taken.kind, taken.stems) == ("voice alone", {1: "Soprano take 2.wav"})
    assert found.parts == ("soprano",)


def test_stems_are_put_on_the_level_of_the_mixture(tmp_path: Path, pitch: FakePitch) -> None:
    mixture = 3.0 * np.asarray(sum(voice(name) for name in F0))
    write(tmp_path / "choir" / "mix.wav", mixture)
    write(tmp_path / "choir" / "stems" / "soprano.wav", voice("high"))
    [track] = gathered(tmp_path / "choir", pitch, names=["soprano", "alto", "bass"]).tracks
    assert track.sources is not None and track.sources[0] is not None
    np.testing.assert_allclose(track.sources[0], 3 * voice("high"), rtol=0.01, atol=1e-3)
    [batch] = ExcerptPool([track], 1.0).held_out(4)
    assert batch.sources is not None and batch.given is not None
    assert batch.mixture.abs().max() == 1.0
    assert batch.sources[0, 0].abs().max() == pytest.approx(0.3 / np.abs(mixture).max(), rel=0.02)
    assert batch.sources[0, 1:].abs().max() == 0 and batch.given.tolist() == [[True, False, False]]


def test_what_is_not_in_the_mixture_is_left_out_and_named(tmp_path: Path, pitch: FakePitch) -> None:
    choir = tmp_path / "choir"
    write(choir / "mix.wav", voice("high") + voice("low"))
    write(choir / "stems" / "soprano.wav", voice("middle"))
    write(choir / "stems" / "alto.wav", voice("high", seconds=3.0))
    (choir / "stems" / "tenor.wav").write_bytes(b"RIFF")
    found = gathered(choir, pitch)
    assert [track.sources for track in found.tracks] == [None]
    assert found.taken[0].kind == "mixture"  # what it was used as
    lines = sorted(found.passed_over)
    assert len(lines) == 3 and all("\n" not in line for line in lines)
    assert "alto.wav: is 3.0 s long, its song 2.0 s" in lines[0]
    assert "soprano.wav: is not in its mixture" in lines[1]
    assert "tenor.wav" in lines[2]
    with pytest.raises(SettingsError, match=r"supervised: .*choir has no stems that can be used"):
        gathered(choir, pitch, supervision="full")


def test_a_folder_called_stems_with_mixtures_is_not_added_up(tmp_path: Path, pitch: FakePitch) -> None:
    write(tmp_path / "choir" / "stems" / "monday.wav", voice("high"))
    write(tmp_path / "choir" / "stems" / "tuesday.wav", voice("high", seconds=5.0))
    write(tmp_path / "choir" / "sub" / "a.wav", voice("low"))
    found = gathered(tmp_path / "choir", pitch)
    assert [track.name for track in found.tracks] == ["a.wav"]
    assert "monday.wav: is 2.0 s long, its song 5.0 s: rename the folder" in found.passed_over[0]
    for number in range(11):
        write(tmp_path / "choir" / "stems" / f"{number}.wav", voice("high"))
    assert "13 stems, 12 are possible" in gathered(tmp_path / "choir", pitch).passed_over[0]


def test_supervision_decides_what_is_used(tmp_path: Path, pitch: FakePitch) -> None:
    choir = tmp_path / "choir"
    write(choir / "plain.wav", voice("high") + voice("low"))
    write(choir / "solo" / "stems" / "soprano.wav", voice("high", 0.2))
    for name in ("high", "low"):
        write(choir / "song" / "stems" / f"{name}.wav", voice(name, 0.3))
    used = {
        supervision: [
            (track.name, track.given) for track in gathered(choir, pitch, supervision=supervision).tracks
        ]
        for supervision in ("none", "partly", "full")
    }
    assert used["none"] == [("plain.wav", ()), ("song", ())]
    assert used["partly"] == [("plain.wav", ()), ("solo", (True,)), ("song", (True, True))]
    assert used["full"] == [("solo", (True,)), ("song", (True, True))]
    [line] = gathered(choir, pitch, supervision="full").passed_over
    assert "plain.wav: has no stems" in line


def test_a_folder_without_stems_cannot_supervise(tmp_path: Path, pitch: FakePitch) -> None:
    write(tmp_path / "choir" / "a.wav", voice("high"))
    with pytest.raises(
        SettingsError, match=r"supervised: .*choir has no stems.*a\.wav: has no stems"
    ) as caught:
        gathered(tmp_path / "choir", pitch, supervision="full")
    assert "\n" not in str(caught.value)


def test_everything_is_found_once(tmp_path: Path, pitch: FakePitch) -> None:
    for name in F0:
        write(tmp_path / "choir" / "stems" / f"{name}.wav", voice(name))
    write(tmp_path / "choir" / "mix.wav", 2 * np.asarray(sum(voice(name) for name in F0)))
    once, again = (gathered(tmp_path / "choir", pitch).tracks[0] for _ in range(2))
    assert pitch.asked == [None]
    assert once.sources is not None and again.sources is not None
    for first, second in zip(once.sources, again.sources, strict=True):
        assert isinstance(first, np.memmap) and np.array_equal(first, second)


def test_more_stems_than_voices_heard_are_looked_for(tmp_path: Path, pitch: FakePitch) -> None:
    write(tmp_path / "choir" / "mix.wav", voice("high") + voice("low", 0.008))
    write(tmp_path / "choir" / "stems" / "a.wav", voice("high"))
    write(tmp_path / "choir" / "stems" / "b.wav", voice("low", 0.008))
    [track] = gathered(tmp_path / "choir", pitch).tracks
    assert pitch.asked == [None, 2]
    assert track.given == (True, True)


def test_a_song_none_of_whose_stems_can_be_read_is_passed_over(tmp_path: Path, pitch: FakePitch) -> None:
    (tmp_path / "choir" / "stems").mkdir(parents=True)
    (tmp_path / "choir" / "stems" / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match="none of its stems can be used"):
        gathered(tmp_path / "choir", pitch)
