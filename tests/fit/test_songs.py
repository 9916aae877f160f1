"""What a folder is taken for: mixtures, songs with stems, voices alone, and what cannot be told."""

from pathlib import Path

import numpy as np
import pytest

from vocsep.errors import AudioError
from vocsep.fit.songs import Song, find_songs
from vocsep.media.origin import SEPARATED
from vocsep.media.writing import StemWriter


def touch(root: Path, *names: str) -> None:
    """Empty files: the layout alone decides."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(root: Path) -> dict[str, tuple[str, str, list[str]]]:
    """Path below the root -> name, kind and stems."""
    songs, unclear = find_songs(root)
    assert unclear == []
    return {
        str(song.path.relative_to(root)): (song.name, song.kind, [path.name for path in song.stems])
        for song in songs
    }


def test_files_are_mixtures_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "b.wav", "deep/er/a.flac", "notes.txt", ".hidden/c.wav")
    assert found(tmp_path) == {"b.wav": ("b.wav", "mixture", []), "deep/er/a.flac": ("a.flac", "mixture", [])}


def test_stems_belong_to_the_only_file_beside_them(tmp_path: Path) -> None:
    touch(tmp_path, "one/concert.mp3", "one/stems/bass.wav", "one/Stems.txt", "plain.wav")
    assert found(tmp_path) == {
        "one/concert.mp3": ("concert.mp3", "song", ["bass.wav"]),
        "plain.wav": ("plain.wav", "mixture", []),
    }


def test_among_several_files_the_mixture_is_called_mix(tmp_path: Path) -> None:
    touch(tmp_path, "mixture.wav", "rehearsal.wav", "STEMS/a.wav", "STEMS/b.wav")
    assert found(tmp_path) == {
        "mixture.wav": (f"{tmp_path.name}/mixture.wav", "song", ["a.wav", "b.wav"]),
        "rehearsal.wav": ("rehearsal.wav", "mixture", []),
    }


def test_stems_without_a_mixture_are_a_song_and_one_alone_is_a_voice_alone(tmp_path: Path) -> None:
    touch(tmp_path, "song/stems/2.wav", "song/stems/1.wav", "solo/stems/soprano.wav")
    assert found(tmp_path) == {
        "song/stems": ("song", "song", ["1.wav", "2.wav"]),
        "solo/stems": ("solo", "voice alone", ["soprano.wav"]),
    }


def test_stems_of_which_nobody_knows_the_mixture_are_left_out_and_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "b.wav", "stems/s.wav")
    songs, unclear = find_songs(tmp_path)
    assert [(song.name, song.kind) for song in songs] == [("a.wav", "mixture"), ("b.wav", "mixture")]
    [line] = unclear
    assert str(tmp_path / "stems") in line and "2 recordings lie beside it" in line and "mix" in line


def test_the_folder_that_is_given_is_no_stem_folder_whatever_its_name(tmp_path: Path) -> None:
    touch(tmp_path, "stems/a.wav", "stems/b.wav")
    assert found(tmp_path / "stems") == {"a.wav": ("a.wav", "mixture", []), "b.wav": ("b.wav", "mixture", [])}


def test_folders_in_a_stem_folder_hold_stems_too(tmp_path: Path) -> None:
    touch(tmp_path, "song/stems/high/soprano.wav", "song/stems/low/stems/bass.wav")
    assert found(tmp_path) == {"song/stems": ("song", "song", ["soprano.wav", "bass.wav"])}


def test_a_file_is_a_mixture_even_in_a_stem_folder(tmp_path: Path) -> None:
    touch(tmp_path, "song/stems/soprano.wav")
    path = tmp_path / "song" / "stems" / "soprano.wav"
    assert find_songs(path) == ([Song(path, path)], [])


def test_a_folder_without_audio_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "song" / "stems").mkdir(parents=True)
    with pytest.raises(AudioError, match="no recording"):
        find_songs(tmp_path)


def test_what_vocsep_separated_is_passed_over_wherever_it_lies_and_said(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "choir/b.flac")
    audio = np.zeros((800, 1), np.float32)
    for place, form in (("stems", "wav"), ("choir/out", "flac"), ("choir/stems", "ogg")):
        targets = [tmp_path / place / f"voice_{n}.{form}" for n in (1, 2)]
        with StemWriter(targets, 16000, 1, form, comment=SEPARATED) as writer:
            writer.write([audio, audio])
    songs, unclear = find_songs(tmp_path)
    assert [(song.path.name, song.kind) for song in songs] == [("a.wav", "mixture"), ("b.flac", "mixture")]
    said = "2 files were separated by vocsep"
    places = [tmp_path / place for place in ("choir/out", "choir/stems", "stems")]
    assert unclear == [f"{place}: {said}" for place in places]


def test_a_separated_file_that_is_named_is_used(tmp_path: Path) -> None:
    with StemWriter([tmp_path / "voice_1.wav"], 16000, 1, comment=SEPARATED) as writer:
        writer.write([np.zeros((800, 1), np.float32)])
    songs, _ = find_songs(tmp_path / "voice_1.wav")
    assert [song.kind for song in songs] == ["mixture"]
