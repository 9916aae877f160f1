"""What methods are built from. Nothing heavy is imported here: the command line reads the defaults."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

DEFAULT_METHOD = "source-filter"
FILTERS = ("partials", "mask")  # ways from expected powers to stems; the first is the default


@dataclass(frozen=True)
class MethodSettings:
    """What a method may need to be built.

    Attributes:
        model: weights; None for the shipped ones.
        adapt: steps of adaptation on each chunk of the recording; None for the default, which is that of
            `vocsep.estimator.adapt_settings`.
        stems: folder of the true stems.
        seed: of what begins at random.
        device: where weights go.
        postfilter: of the masks of an estimator: the shipped one, that in a file, or False for none.
        filter: one of `FILTERS`: whether partials fitted to the waveform correct what masks give.
    """

    model: Path | str | None = None
    adapt: int | None = None
    stems: Path | str | None = None
    seed: int = 0
    device: "torch.device | str" = "cpu"
    postfilter: Path | str | bool = True
    filter: str = FILTERS[0]
