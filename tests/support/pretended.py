"""A card that there is none of: tensors that say they are on device "cuda" and keep their numbers in memory.

Every operation that mixes devices fails, as on a real card, whereas `torch._subclasses.FakeTensorMode`, which
has no numbers at all, would stop at the first loop whose length depends on them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

CARD = torch.device("cuda", 0)
# What torch only notes on a tensor, and does at the next operation, would be lost with our tensors' notes.
AT_ONCE = {
    "aten._conj.default": torch.ops.aten.conj_physical.default,
    "aten._neg_view.default": torch.ops.aten.neg.default,
}


class OnCard(torch.Tensor):
    """A tensor that says it is on the card; ``numbers`` are what it holds."""

    numbers: torch.Tensor

    @staticmethod
    def __new__(cls, numbers: torch.Tensor) -> "OnCard":
        made = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            numbers.size(),
            strides=numbers.stride(),
            storage_offset=numbers.storage_offset(),
            dtype=numbers.dtype,
            device="cpu",
        )
        made.numbers = numbers
        return made  # type: ignore[no-any-return]

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return CARD

    def __repr__(self) -> str:  # type: ignore[override]
        return f"OnCard({self.numbers})"

    @classmethod
    def __torch_dispatch__(
        cls, function: Any, types: Iterable[type], given: tuple[Any, ...] = (), named: Any = None
    ) -> Any:
        return run(function, given, named or {})


class _Numbers(torch.autograd.Function):
    """From the card to memory."""

    @staticmethod
    def forward(ctx: Any, one: torch.Tensor) -> torch.Tensor:
        return one.numbers.clone() if isinstance(one, OnCard) else one.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return OnCard(gradients[0])


class _Moves(TorchFunctionMode):
    """What depends on where a tensor is before any operation is run."""

    def __torch_function__(
        self, function: Any, types: Iterable[type], given: tuple[Any, ...] = (), named: Any = None
    ) -> Any:
        named = dict(named or {})
        if function in (torch.Tensor.cpu, torch.Tensor.tolist, torch.Tensor.numpy) and isinstance(
            given[0], OnCard
        ):
            if function is torch.Tensor.numpy:
                raise TypeError("a tensor on the card has no numpy array")
            moved = _Numbers.apply(given[0]) if given[0].requires_grad else given[0].numbers
            return moved if function is torch.Tensor.cpu else moved.tolist()
        if function is torch.tensor and torch.device(named.get("device") or "cpu").type == "cuda":
            return OnCard(function(*given, **{key: one for key, one in named.items() if key != "device"}))
        if function is torch.Tensor.to:
            target = [one for one in (*given[1:], *named.values()) if isinstance(one, (str, torch.device))]
            if len(given) > 1 and isinstance(given[1], torch.Tensor):
                given = (given[0], given[1].device, given[1].dtype, *given[2:])
                target = [given[1]]
            if target and torch.device(target[0]).type == "cpu" and isinstance(given[0], OnCard):
                return function(given[0].cpu(), *given[1:], **named)
            if target and torch.device(target[0]).type == "cuda":
                kinds = [one for one in (*given[1:], *named.values()) if isinstance(one, torch.dtype)]
                converted = function(given[0], kinds[0]) if kinds else given[0]
                return converted if isinstance(converted, OnCard) else OnCard(converted.detach())
        return function(*given, **named)


class _Operations(TorchDispatchMode):
    """Where every operation is run."""

    def __torch_dispatch__(
        self, function: Any, types: Iterable[type], given: tuple[Any, ...] = (), named: Any = None
    ) -> Any:
        return run(function, given, named or {})


def onto_card(module: torch.nn.Module, *given: Any, **named: Any) -> torch.nn.Module:
    """`torch.nn.Module.to`: torch itself cannot exchange parameters for tensors like ours."""
    if torch.device(given[0]).type != "cuda":
        return module
    for part in module.modules():
        for name, one in part._parameters.items():
            if one is not None and not isinstance(one, OnCard):
                part._parameters[name] = torch.nn.Parameter(OnCard(one.detach()), one.requires_grad)
        for name, one in part._buffers.items():
            if one is not None and not isinstance(one, OnCard):
                part._buffers[name] = OnCard(one)
    return module


def _no_gradients(mode: Any) -> None:
    mode.before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)


def _as_before(mode: Any, *raised: Any) -> None:
    torch.set_grad_enabled(mode.before)


@contextmanager
def card() -> Iterator[torch.device]:
    """Pretend that there is a card."""
    with ExitStack() as stack:
        stack.enter_context(patch("torch.cuda._lazy_init", lambda: None))
        stack.enter_context(patch("torch.cuda.is_available", lambda: True))
        stack.enter_context(patch("torch.nn.Module.to", onto_card))
        # Whether a card that is none knows bfloat16 is not asked.
        stack.enter_context(patch("vocsep.precision.has_bfloat16", lambda device="cpu": False))
        # Numbers are drawn in memory, so the card's state of drawing is never looked at.
        stack.enter_context(patch("torch.cuda.get_rng_state", lambda device="cuda": torch.zeros(0)))
        stack.enter_context(patch("torch.cuda.set_rng_state", lambda state, device="cuda": None))
        # Inference tensors have no versions, which tensors like ours are given.
        inference = torch.autograd.grad_mode.inference_mode
        stack.enter_context(patch.object(inference, "__enter__", _no_gradients))
        stack.enter_context(patch.object(inference, "__exit__", _as_before))
        stack.enter_context(_Operations())
        stack.enter_context(_Moves())
        yield CARD


def _follow(function: Callable[..., Any], given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    """Change the shape of a tensor in place, whose numbers have been brought into theirs."""
    before = torch._C._meta_in_tls_dispatch_include()
    with no_dispatch():
        torch._C._set_meta_in_tls_dispatch_include(True)
        try:
            function(*given, **named)
        finally:
            torch._C._set_meta_in_tls_dispatch_include(before)


def run(function: Callable[..., Any], given: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """Run an operation where its tensors are.

    Raises:
        RuntimeError: they are in several places, and that in memory is no single number.
    """
    tensors = [one for one in tree_flatten((given, named))[0] if isinstance(one, torch.Tensor)]
    on_card = any(isinstance(one, OnCard) for one in tensors)
    target = torch.device(named["device"]) if named.get("device") is not None else None
    name = str(function)
    if on_card and target is not None and target.type == "cpu":
        target = None  # `_Moves` brings tensors to memory: this is a gradient, made where its tensor is
    if on_card and name not in ("aten._to_copy.default", "aten.copy_.default"):
        # Indices may lie in memory: torch brings them to the card.
        checked = [given[0], *given[2:3]] if name.startswith(("aten.index.", "aten.index_put")) else tensors
        strangers = [
            one
            for one in checked
            if isinstance(one, torch.Tensor) and not isinstance(one, OnCard) and one.dim()
        ]
        if strangers:
            raise RuntimeError(f"{function}: a tensor in memory {tuple(strangers[0].shape)} meets the card")
    wrappers = {id(one.numbers): one for one in tensors if isinstance(one, OnCard)}

    def bare(one: Any) -> Any:
        return one.numbers if isinstance(one, OnCard) else one

    function = AT_ONCE.get(name, function)
    kept = {key: value for key, value in named.items() if key != "device"}
    if target is not None:
        kept["device"] = torch.device("cpu")
    found = function(*tree_map(bare, given), **tree_map(bare, kept))
    if on_card and torch.Tag.inplace_view in getattr(function, "tags", ()):
        _follow(function, given, named)
    to_card = on_card if target is None else target.type == "cuda"
    if name == "aten.copy_.default":
        to_card = isinstance(given[0], OnCard)

    def dressed(one: Any) -> Any:
        if not isinstance(one, torch.Tensor) or isinstance(one, OnCard):
            return one
        return wrappers[id(one)] if id(one) in wrappers else OnCard(one) if to_card else one

    return tree_map(dressed, found)
