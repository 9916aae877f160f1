"""A run over an archive: what is done once is not done again, and what fails does not stop the rest."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from copying import Copying

from vocsep.archive.folders import DiskFolder, ResultFolder, result_folder
from vocsep.archive.manifest import MANIFEST, Line, Manifest
from vocsep.archive.run import InThisProcess, Standing, Workers, run_archive
from vocsep.archive.stores import Found, find_in_store, find_on_disk
from vocsep.archive.task import Task, Work, begun
from vocsep.errors import AudioError, VocsepError


def here() -> AbstractContextManager[Workers]:
    return nullcontext(InThisProcess())


class StopsAfter:
    """Works here, and is stopped after so many recordings, before anybody has heard of the last one."""

    def __init__(self, recordings: int) -> None:
        self.recordings = recordings

    def outcomes(self, tasks: Sequence[Task], work: Work) -> Iterator[tuple[Task, Line | BaseException]]:
        for number, outcome in enumerate(InThisProcess().outcomes(tasks, work), start=1):
            if number == self.recordings:
                raise KeyboardInterrupt
            yield outcome


@pytest.fixture
def archive(tmp_path: Path) -> list[Found]:
    (tmp_path / "in").mkdir()
    for number in range(5):
        (tmp_path / "in" / f"song{number}.wav").write_bytes(f"song {number} ".encode() * (number + 1))
    return [find_on_disk(path) for path in sorted((tmp_path / "in").iterdir())]


def lines(output: Path) -> list[Line]:
    return [json.loads(text) for text in (output / MANIFEST).read_text().splitlines()]


def files(output: Path) -> list[str]:
    return sorted(path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())


def copied(output: Path, archive: Sequence[Found]) -> bool:
    """Whether every recording was copied twice, and nothing else lies there."""
    expected = [MANIFEST]
    for found in archive:
        for name in ("one.wav", "two.wav"):
            expected.append(f"{found.path.stem}/{name}")
            if (output / expected[-1]).read_bytes() != Path(found.place).read_bytes():
                return False
    return files(output) == sorted(expected)


def test_everything_is_done_once_and_not_again(archive: list[Found], tmp_path: Path) -> None:
    output = tmp_path / "out"
    first = run_archive(archive, Copying(), str(output), here)
    assert (first.recordings, first.before, first.done, first.failed) == (5, 0, 5, 0)
    assert copied(output, archive)
    assert sorted(line["recording"] for line in lines(output)) == [found.place for found in archive]
    assert first.share == 1.0 and first.audio == 5.0 and first.peak_memory > 1e6
    again = run_archive(archive, Copying(), str(output), here)
    assert (again.before, again.done) == (5, 0) and len(lines(output)) == 5


def test_the_largest_comes_first_and_progress_goes_by_bytes(archive: list[Found], tmp_path: Path) -> None:
    shares: list[float] = []
    run_archive(archive, Copying(), str(tmp_path / "out"), here, tell=lambda at: shares.append(at.share))
    assert [line["label"] for line in lines(tmp_path / "out")] == [f"song{n}" for n in (4, 3, 2, 1, 0)]
    assert shares == pytest.approx([0, 5 / 15, 9 / 15, 12 / 15, 14 / 15, 1])


def test_time_left_is_what_the_rate_says() -> None:
    assert Standing(10, share=0.25, elapsed=30.0).left == pytest.approx(90.0)
    assert Standing(10).left is None


def test_a_stopped_run_goes_on(archive: list[Found], tmp_path: Path) -> None:
    output = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_archive(archive, Copying(), str(output), lambda: nullcontext(StopsAfter(3)))
    assert len(lines(output)) == 2
    rest = run_archive(archive, Copying(), str(output), here)
    assert (rest.before, rest.done, rest.failed) == (2, 3, 0)
    assert copied(output, archive) and len(lines(output)) == 5


def test_what_was_done_unheard_of_is_not_done_again(archive: list[Found], tmp_path: Path) -> None:
    """The run ended between the results and their line in the manifest."""
    tries = tmp_path / "tries"
    tries.mkdir()
    with pytest.raises(KeyboardInterrupt):
        run_archive(archive, Copying(began=tries), str(tmp_path / "out"), lambda: nullcontext(StopsAfter(3)))
    run_archive(archive, Copying(began=tries), str(tmp_path / "out"), here)
    assert len(list(tries.iterdir())) == 5


def test_a_poisonous_recording_stops_nobody_and_is_tried_again_by_the_next_run(
    archive: list[Found], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    bad = Path(archive[2].place)
    good = bad.read_bytes()
    bad.write_bytes(b"poison")
    archive[2] = find_on_disk(bad)
    standing = run_archive(archive, Copying(), str(output), here)
    assert (standing.done, standing.failed) == (4, 1)
    assert standing.errors == [(str(bad), "song2: is poisonous")]
    assert not (output / "song2").exists() and not (output / ".vocsep").exists()
    bad.write_bytes(good)
    archive[2] = find_on_disk(bad)
    assert run_archive(archive, Copying(), str(output), here).done == 1
    assert copied(output, archive)


def test_results_of_others_are_not_replaced_unasked(archive: list[Found], tmp_path: Path) -> None:
    output = tmp_path / "out"
    (output / "song1").mkdir(parents=True)
    (output / "song1" / "one.wav").write_text("mine")
    standing = run_archive(archive, Copying(), str(output), here)
    assert standing.failed == 1 and "song1: exists already" in standing.errors[0][1]
    assert (output / "song1" / "one.wav").read_text() == "mine"
    assert run_archive(archive, Copying(), str(output), here, overwrite=True).done == 1
    assert copied(output, archive)


def test_other_settings_need_to_be_told_to_replace(archive: list[Found], tmp_path: Path) -> None:
    output = str(tmp_path / "out")
    run_archive(archive, Copying(), output, here)
    assert run_archive(archive, Copying(number=2), output, here).failed == 5
    assert run_archive(archive, Copying(number=2), output, here, overwrite=True).done == 5
    assert run_archive(archive, Copying(number=2), output, here, overwrite=True).before == 5


def test_a_recording_that_changed_is_done_again(archive: list[Found], tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_archive(archive, Copying(), str(output), here)
    Path(archive[0].place).write_bytes(b"sung anew")
    archive[0] = find_on_disk(Path(archive[0].place))
    assert run_archive(archive, Copying(), str(output), here).done == 1
    assert copied(output, archive)


def test_namesakes_get_names_that_stay_when_more_come(tmp_path: Path) -> None:
    output, found = tmp_path / "out", []
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mix.wav").write_text(folder)
        found.append(find_on_disk(tmp_path / folder / "mix.wav"))
    run_archive(found[:1], Copying(), str(output), here)
    run_archive(found, Copying(), str(output), here)
    assert sorted(line["label"] for line in lines(output)) == ["b_mix", "c_mix", "mix"]
    assert [(output / name / "one.wav").read_text() for name in ("mix", "b_mix", "c_mix")] == ["a", "b", "c"]


def test_a_line_that_was_cut_off_costs_that_recording_only(archive: list[Found], tmp_path: Path) -> None:
    output = tmp_path / "out"
    run_archive(archive, Copying(), str(output), here)
    text = (output / MANIFEST).read_text()
    (output / MANIFEST).write_text(text[:-20])
    for path in (output / "song0").iterdir():
        path.unlink()
    (output / "song0").rmdir()
    assert run_archive(archive, Copying(), str(output), here).done == 1
    known = Manifest(DiskFolder(output), True, lambda line: None).read()
    assert sorted(known) == [found.place for found in archive]


def both_kinds(tmp_path: Path) -> dict[str, ResultFolder]:
    return {"disk": DiskFolder(tmp_path / "disk"), "store": result_folder(f"memory://{tmp_path.name}/store")}


@pytest.mark.parametrize("kind", ["disk", "store"])
def test_both_kinds_of_folder_do_the_same(kind: str, tmp_path: Path) -> None:
    folder = both_kinds(tmp_path)[kind]
    assert folder.read("a/b") is None and not folder.exists("a") and folder.parts("lines") == []
    folder.write("a/b", b"1")
    folder.write("a/b", b"2")
    assert folder.read("a/b") == b"2" and folder.exists("a/b") and folder.exists("a")
    (tmp_path / "new").write_bytes(b"3")
    folder.take(tmp_path / "new", "a/c")
    assert folder.read("a/c") == b"3" and not (tmp_path / "new").exists()
    for content in (b"x\n", b"y\n"):
        folder.append("lines", content)
    assert b"".join(folder.parts("lines")) == b"x\ny\n"
    folder.remove("a")
    folder.remove("a")
    assert folder.read("a/b") is None and not folder.exists("a")
    with folder.scratch() as scratch:
        (scratch / "half").touch()
    assert not scratch.exists()


@pytest.mark.parametrize("protocol", ["memory", "file"])
def test_an_archive_in_a_store(protocol: str, archive: list[Found], tmp_path: Path) -> None:
    where = f"memory://{tmp_path.name}" if protocol == "memory" else f"file://{tmp_path}/store"
    source = result_folder(f"{where}/in")
    for found in archive:
        copy = tmp_path / "copy"
        copy.write_bytes(Path(found.place).read_bytes())
        source.take(copy, f"1998/{found.path.name}")
    source.write("1998/.hidden.wav", b"no")
    source.write("1998/notes.txt", b"no")
    there = find_in_store(f"{where}/in")
    assert [found.path.name for found in there] == [found.path.name for found in archive]
    assert run_archive(there, Copying(), f"{where}/out", here).done == 5
    output = result_folder(f"{where}/out")
    for found in archive:
        assert output.read(f"{found.path.stem}/two.wav") == Path(found.place).read_bytes()
    assert not output.exists(".vocsep")
    assert run_archive(there, Copying(), f"{where}/out", here).before == 5
    source.write("1998/song0.wav", b"sung anew")
    assert run_archive(find_in_store(f"{where}/in"), Copying(), f"{where}/out", here).done == 1
    assert output.read("song0/one.wav") == b"sung anew"
    with pytest.raises(AudioError, match="no recording there"):
        find_in_store(f"{where}/elsewhere")


def test_a_result_half_moved_into_a_store_is_finished_by_the_next_run(archive: list[Found]) -> None:
    output = result_folder("memory://half/out")
    output.write(begun("song1"), b"")
    output.write("song1/one.wav", b"half of it")
    assert run_archive(archive, Copying(), "memory://half/out", here).failed == 0
    assert output.read("song1/one.wav") == Path(archive[1].place).read_bytes()


def test_an_unknown_kind_of_store_is_said(tmp_path: Path) -> None:
    with pytest.raises(VocsepError, match="nonsense"):
        find_in_store("nonsense://there")
