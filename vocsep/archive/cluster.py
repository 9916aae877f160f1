"""Workers of a Dask cluster (https://distributed.dask.org): processes of this machine, or of any
cluster whose scheduler has an address.

Of each recording a worker gets no more than where it lies. As many are given out as there are threads, so
that of a dead worker one recording is lost and not many. The scheduler gives it to another worker, `TRIES`
times in all (on a cluster of others as often as its ``allowed-failures`` says); who has outlived that many
workers is taken to have killed them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from vocsep.archive.manifest import Line
from vocsep.archive.task import Task, Work, perform
from vocsep.errors import DependencyError, VocsepError
from vocsep.memory import keep_freed_memory

TRIES = 3  # of a recording whose workers die
LOOK_EVERY = 5.0  # s after which workers are counted again, as they come and go
CONFIGURATION = {
    # By default a worker that takes more than 15 s to begin again, on a busy machine, is given up for good.
    "distributed.deploy.lost-worker-timeout": "10 minutes",
    "distributed.scheduler.allowed-failures": TRIES - 1,
    "distributed.scheduler.worker-saturation": 1.0,  # the rest waits here
    "distributed.admin.log-format": "",
}


class Cluster:
    """Workers that a client of a scheduler speaks to; made by `local_cluster` or `cluster_at`.

    Args:
        client: of the scheduler.
        own: how many workers of its own the client's cluster is to have; none if they are others'.
    """

    def __init__(self, client: Any, own: int = 0) -> None:
        self._client, self._own = client, own

    def outcomes(self, tasks: Sequence[Task], work: Work) -> Iterator[tuple[Task, Line | BaseException]]:
        """See `vocsep.archive.run.Workers`.

        Raises:
            VocsepError: the scheduler is gone.
        """
        distributed = _packages()[1]

        waiting = list(reversed(tasks))
        running: dict[Any, Task] = {}
        try:
            while waiting or running:
                threads = sum(self._client.nthreads().values())
                if threads < self._own:
                    self._client.cluster.scale(self._own)  # begins those that Dask has given up
                while waiting and len(running) < max(1, threads):
                    task = waiting.pop()
                    future = self._client.submit(on_worker, task, work, pure=False)
                    running[future] = task
                try:
                    finished = distributed.wait(list(running), LOOK_EVERY, "FIRST_COMPLETED").done
                except distributed.TimeoutError:
                    continue
                for future in finished:
                    yield running.pop(future), _outcome(future)
        finally:
            self._client.cancel(list(running), force=True)


def _outcome(future: Any) -> Line | BaseException:
    if future.status in ("cancelled", "lost"):
        raise VocsepError("the scheduler is gone; the same command goes on where it was")
    try:
        line: Line = future.result()
    except _packages()[1].KilledWorker:
        return VocsepError(f"{TRIES} workers died of it one after the other (out of memory?)")
    except Exception as error:
        return error
    return line


def on_worker(task: Task, work: Work) -> Line:
    """`perform` with one thread, as there are as many workers as cores; Dask's nanny has told malloc to keep
    nothing."""
    import torch

    torch.set_num_threads(1)
    keep_freed_memory()
    return perform(task, work)


@contextmanager
def local_cluster(workers: int) -> Iterator[Cluster]:
    """So many processes of this machine, each with one thread; one that dies is replaced.

    Raises:
        DependencyError: distributed is not installed.
    """
    dask, distributed = _packages()
    with (
        dask.config.set(CONFIGURATION),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            dashboard_address="127.0.0.1:0",  # None would be port 8787 of every interface
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield Cluster(client, workers)


@contextmanager
def cluster_at(address: str, patience: float = 10.0) -> Iterator[Cluster]:
    """The workers of a scheduler that is running somewhere; they need vocsep, and see the same folders.

    Args:
        address: of the scheduler.
        patience: s until nobody is taken to be there.

    Raises:
        DependencyError: distributed is not installed.
        VocsepError: nobody answers there.
    """
    _, distributed = _packages()
    try:
        client = distributed.Client(address, timeout=patience)
    except (OSError, ValueError, TimeoutError) as error:
        raise VocsepError(
            f"{address}: no scheduler answers ({' '.join(str(error).split()) or 'timeout'})"
        ) from None
    with client:
        yield Cluster(client)


def _packages() -> tuple[Any, Any]:
    try:
        import dask
        import distributed
    except ImportError:
        raise DependencyError(
            'several processes need the package distributed: pip install "vocsep[cluster]"'
        ) from None
    return dask, distributed
