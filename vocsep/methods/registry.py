"""Separation methods by name: what ``--method`` stands for, and where each is built.

A module is imported when its method is asked for, so that the command line can list the names, and nobody
waits for a method that he does not use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from vocsep.errors import SettingsError
from vocsep.methods.settings import DEFAULT_METHOD, FILTERS, MethodSettings

if TYPE_CHECKING:
    from vocsep.methods.protocol import Method

# Name -> module of `vocsep.methods` whose function ``build(name, settings)`` makes the `Method`.
_MODULES = {
    "source-filter": "source_filter",
    "levels": "source_filter",
    "comb": "source_filter",
    "unet": "unet_masks",
    "nmf": "nmf",
    "source-filter-nmf": "source_filter_nmf",
    "oracle-ratio": "oracle",
    "oracle-power": "oracle",
    "oracle-binary": "oracle",
}
METHODS = tuple(_MODULES)


def build_method(name: str, settings: MethodSettings | None = None) -> "Method":
    """The method called ``name``, one of `METHODS`; a U-Net's model is enough to ask for ``unet``.

    Raises:
        SettingsError: an unknown name, a negative number of steps, stems without an oracle or the reverse.
        ModelError: weights cannot be used.
        AudioError: stems are not there.
    """
    from vocsep.model import kind_of

    settings = settings or MethodSettings()
    if name not in _MODULES:
        raise SettingsError(f"method: {name!r} is not one of {', '.join(METHODS)}")
    if name == DEFAULT_METHOD and settings.model is not None and kind_of(settings.model) == "unet":
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
    method: Method = import_module(f"vocsep.methods.{_MODULES[name]}").build(name, settings)
    return method
