"""A name for each recording of a run, by which its results are found."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath

from vocsep.media.names import folded


def labels(recordings: Sequence[PurePath], taken: Collection[str] = ()) -> list[str]:
    """A name for each recording; no two alike, on any file system.

    Namesakes are told apart by the folder that they come from, and then by a number.

    Args:
        recordings: with the folders that they come from.
        taken: names that were given before, in lower case.

    >>> labels([PurePath("a/mix.wav"), PurePath("b/mix.wav"), PurePath("x.wav")])
    ['a_mix', 'b_mix', 'x']
    """
    shared = Counter(folded(recording.stem) for recording in recordings)
    # Names that nobody else claims are given first, so that no invented name takes one of them.
    claimed = {*taken, *(name for name, count in shared.items() if count == 1)}
    given = []
    for recording in recordings:
        name = recording.stem
        if shared[folded(name)] > 1 or folded(name) in taken:
            name = _free_name(f"{recording.parent.name}_{name}", claimed)
            claimed.add(folded(name))
        given.append(name)
    return given


def _free_name(name: str, taken: Iterable[str]) -> str:
    free, number = name, 2
    while folded(free) in taken:
        free, number = f"{name}_{number}", number + 1
    return free
