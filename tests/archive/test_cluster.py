"""Worker processes that die: what they were at is done by others, once, and nothing is left half done."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch
from copying import Copying

from vocsep.archive.cluster import Cluster, cluster_at, local_cluster
from vocsep.archive.folders import DiskFolder
from vocsep.archive.manifest import MANIFEST, Manifest
from vocsep.archive.run import run_archive
from vocsep.archive.stores import Found, find_on_disk
from vocsep.errors import VocsepError

LocalCluster = pytest.importorskip("distributed", reason="needs the extra [cluster]").LocalCluster
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")


def recordings(folder: Path, contents: Sequence[str]) -> list[Found]:
    folder.mkdir()
    for number, content in enumerate(contents):
        (folder / f"song{number:02d}.wav").write_text(content * 10)
    return [find_on_disk(path) for path in sorted(folder.iterdir())]


def test_killed_workers_lose_nothing_and_deadly_recordings_are_given_up(tmp_path: Path) -> None:
    """One worker is killed from outside, one by a recording that kills once, three by one that kills."""
    contents = [f"song {number}" for number in range(8)] + ["unlucky", "deadly", "poison"]
    found = recordings(tmp_path / "in", contents)
    tries, output = tmp_path / "tries", tmp_path / "out"
    tries.mkdir()
    killed: list[str] = []

    def kill_one() -> None:
        while not killed:
            for path in list(tries.glob("song0[0-7]-0-*")):
                killed.append(path.name)
                os.kill(int(path.name.split("-")[2]), signal.SIGKILL)
                return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    standing = run_archive(found, Copying(0.2, tries), str(output), partial(local_cluster, 2))
    killer.join()
    assert (standing.done, standing.failed) == (9, 2)
    assert {Path(place).stem for place, _ in standing.errors} == {"song09", "song10"}
    assert "3 workers died" in dict(standing.errors)[found[9].place]
    count = {f"song{n:02d}": len(list(tries.glob(f"song{n:02d}-*"))) for n in range(11)}
    # Of three deaths that count against a recording, one may be of a worker that had it in its queue.
    assert 2 <= count.pop("song09") <= 3
    assert count == dict.fromkeys(count, 1) | {killed[0].split("-")[0]: 2, "song08": 2}
    for one in found[:9]:
        for name in ("one.wav", "two.wav"):
            assert (output / one.path.stem / name).read_bytes() == Path(one.place).read_bytes()
    assert len(list(output.iterdir())) == 10 and not (output / ".vocsep").exists()
    text = (output / MANIFEST).read_text().splitlines()
    assert len(text) == 11
    known = Manifest(DiskFolder(output), True, lambda line: None).read()
    assert sum(line["status"] == "done" for line in known.values()) == 9
    workers = {line["worker"] for line in known.values() if line["status"] == "done"}
    assert len(workers) >= 2


def test_workers_that_were_given_up_are_begun_again(tmp_path: Path) -> None:
    """As Dask does with those that take too long to begin again."""

    @contextmanager
    def without_workers() -> Iterator[Cluster]:
        with local_cluster(1) as cluster:
            own = cluster._client.cluster
            own.sync(own.workers.pop(0).close)
            assert not cluster._client.nthreads()
            yield cluster

    found = recordings(tmp_path / "in", ["one", "two"])
    standing = run_archive(found, Copying(), str(tmp_path / "out"), without_workers)
    assert (standing.done, standing.failed) == (2, 0)


def test_a_cluster_at_an_address_does_the_same(tmp_path: Path) -> None:
    found, threads = recordings(tmp_path / "in", ["one", "two", "three"]), torch.get_num_threads()
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        there = partial(cluster_at, cluster.scheduler_address)
        standing = run_archive(found, Copying(), str(tmp_path / "out"), there)
    torch.set_num_threads(threads)  # the worker is a thread of this process
    assert (standing.done, standing.failed) == (3, 0)


def test_a_scheduler_that_does_not_answer_is_said(tmp_path: Path) -> None:
    found = recordings(tmp_path / "in", ["one"])
    there = partial(cluster_at, "tcp://127.0.0.1:9", patience=0.5)
    with pytest.raises(VocsepError, match=r"tcp://127.0.0.1:9: no scheduler answers"):
        run_archive(found, Copying(), str(tmp_path / "out"), there)
    assert not (tmp_path / "out").exists()
