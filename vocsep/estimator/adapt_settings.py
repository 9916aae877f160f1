"""How a recording is adapted to. Nothing heavy is imported here: the command line reads the defaults."""

from dataclasses import dataclass

MOST_STEPS = 10_000  # a run of hours on any file


@dataclass(frozen=True)
class AdaptSettings:
    """How a recording is adapted to.

    Attributes:
        steps: of Adam on each chunk, 1 to `MOST_STEPS`.
        bands: mel-spaced centres from 0 to 8 kHz of the correction.
        rate: of Adam, in decades of power a step, to begin with.
        held: share of the steps at that rate, which falls from then on. last: what is left of it at the end.
        smooth_time: price of a difference between neighbouring frames, per decade.
        smooth_frequency: price of a squared second difference between bands, per decade squared.
        near: price of the squared distance from the network's estimate, per decade squared.
        stride: frames between those that are compared (corrections lie as far apart).
        top: Hz, what lies above is not compared.
    """

    steps: int = 40
    bands: int = 40
    rate: float = 0.75
    held: float = 0.3
    last: float = 0.1
    smooth_time: float = 0.5
    smooth_frequency: float = 0.1
    near: float = 0.05
    stride: int = 4
    top: float = 5_000.0
