"""Separation methods by name: what ``--method`` stands for, and how each is built."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from vocsep.errors import SettingsError
from vocsep.estimator.adapt import DEFAULT_STEPS
from vocsep.estimator.network import Estimator
from vocsep.estimator.stored import load_estimator
from vocsep.filtering.postfilter import load_postfilter
from vocsep.methods.nmf import ScoreInformedNmf
from vocsep.methods.oracle import Kind, OracleMasks
from vocsep.methods.protocol import SeparationMethod
from vocsep.methods.references import ReferenceStems
from vocsep.methods.source_filter import SourceFilter, SourceFilterSettings, levelled_comb, untrained_comb
from vocsep.methods.source_filter_nmf import SourceFilterNmf
from vocsep.methods.unet_masks import UnetMasks, load_unet
from vocsep.model import kind_of

_BASELINE = SourceFilterSettings(steps=0, room=False, partials=False)
FILTERS = ("partials", "mask")  # ways from expected powers to stems; the first is the default


@dataclass(frozen=True)
class MethodSettings:
    """What a method may need to be built.

    Attributes:
        model: weights; None for the shipped ones.
        adapt: steps of adaptation on each stretch of the recording; None for the default.
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
    device: torch.device | str = "cpu"
    postfilter: Path | str | bool = True
    filter: str = FILTERS[0]


@dataclass(frozen=True)
class Method:
    """A separation method, ready for use.

    Attributes:
        name: what ``--method`` calls it.
        estimate: does the work.
        sings: has a source model, so that there are parameters and synthesised voices.
        references: of an oracle: the true stems. They say how many voices there are, and no F0 is needed.
    """

    name: str
    estimate: SeparationMethod
    sings: bool = False
    references: ReferenceStems | None = None

    def prepare(self, names: Sequence[str] | None = None, synth: bool = False) -> None:
        """Get ready for a recording.

        Args:
            names: of its voices, the highest first: a model may have decoders for parts by name.
            synth: whether voices will be synthesised.

        Raises:
            SettingsError: they will be, and this method has no source model.
        """
        if synth and not self.sings:
            raise SettingsError(f"synth: the method {self.name} has no source model to synthesise from")
        start = getattr(self.estimate, "start", None)
        if isinstance(start, Estimator):
            start.names = names


def build_method(name: str, settings: MethodSettings | None = None) -> Method:
    """The method called ``name``, one of `METHODS`; a U-Net's model is enough to ask for ``unet``.

    Raises:
        SettingsError: an unknown name, a negative number of steps, stems without an oracle or the reverse.
        ModelError: weights cannot be used.
        AudioError: stems are not there.
    """
    settings = settings or MethodSettings()
    if name not in _BUILDERS:
        raise SettingsError(f"method: {name!r} is not one of {', '.join(METHODS)}")
    if name == "source-filter" and settings.model is not None and kind_of(settings.model) == "unet":
        name = "unet"
    if settings.adapt is not None and settings.adapt < 0:
        raise SettingsError(f"adapt: {settings.adapt} steps, at least 0 are possible")
    if settings.filter not in FILTERS:
        raise SettingsError(f"filter: {settings.filter!r} is not one of {', '.join(FILTERS)}")
    oracle = name.startswith("oracle-")
    if oracle and settings.stems is None:
        raise SettingsError(f"stems: the method {name} needs the folder of the true stems (--stems)")
    if settings.stems is not None and not oracle:
        raise SettingsError(f"stems: are for the oracle methods, not for the method {name}")
    return _BUILDERS[name](name, settings)


def _source_filter(name: str, settings: MethodSettings) -> Method:
    estimator = load_estimator(settings.model).to(settings.device).eval()
    steps = DEFAULT_STEPS if settings.adapt is None else settings.adapt
    postfilter = None
    if settings.postfilter is not False:
        path = None if settings.postfilter is True else settings.postfilter
        postfilter = load_postfilter(path).to(settings.device)
    wanted = SourceFilterSettings(steps, partials=settings.filter == "partials")
    return Method(name, SourceFilter(estimator, wanted, postfilter), sings=True)


def _levels(name: str, settings: MethodSettings) -> Method:
    return Method(name, SourceFilter(levelled_comb, _BASELINE), sings=True)


def _comb(name: str, settings: MethodSettings) -> Method:
    return Method(name, SourceFilter(untrained_comb, _BASELINE), sings=True)


def _unet(name: str, settings: MethodSettings) -> Method:
    if settings.model is None:
        raise SettingsError("model: the method unet needs one (vocsep fit --method unet makes it)")
    return Method(name, UnetMasks(load_unet(settings.model).to(settings.device)))


def _nmf(name: str, settings: MethodSettings) -> Method:
    return Method(name, ScoreInformedNmf())


def _source_filter_nmf(name: str, settings: MethodSettings) -> Method:
    return Method(name, SourceFilterNmf(seed=settings.seed))


def _oracle(kind: Kind, name: str, settings: MethodSettings) -> Method:
    if settings.stems is None:
        raise ValueError("an oracle without stems")
    references = ReferenceStems(settings.stems)
    return Method(name, OracleMasks(references, kind), references=references)


_BUILDERS: dict[str, Callable[[str, MethodSettings], Method]] = {
    "source-filter": _source_filter,
    "levels": _levels,
    "comb": _comb,
    "unet": _unet,
    "nmf": _nmf,
    "source-filter-nmf": _source_filter_nmf,
    "oracle-ratio": partial(_oracle, "ratio"),
    "oracle-power": partial(_oracle, "power"),
    "oracle-binary": partial(_oracle, "binary"),
}
METHODS = tuple(_BUILDERS)
