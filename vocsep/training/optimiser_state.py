"""What Adam has gathered, as named tensors: a run that is taken up again goes on as if it had not stopped."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn
from torch.optim import Optimizer

Named = Iterable[tuple[str, nn.Parameter]]


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose name begins with ``prefix/``, by the rest of it.

    >>> list(below("weights", {"weights/a.b": Tensor(), "other/c": Tensor()}))
    ['a.b']
    """
    start = f"{prefix}/"
    return {name[len(start) :]: tensor for name, tensor in tensors.items() if name.startswith(start)}


def moments(optimiser: Optimizer, parameters: Named) -> dict[str, Tensor]:
    """State of an optimiser: ``adam/NAME/KEY`` for each of the named parameters that has been stepped."""
    return {
        f"adam/{name}/{key}": value
        for name, parameter in parameters
        for key, value in optimiser.state.get(parameter, {}).items()
    }


def restore_moments(optimiser: Optimizer, parameters: Named, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `moments` gave; parameters that it does not know are left alone."""
    for name, parameter in parameters:
        stored = below(f"adam/{name}", tensors)
        if stored:
            # Adam counts its steps on the CPU whatever the device.
            optimiser.state[parameter] = {
                key: value if key == "step" else value.to(parameter.device) for key, value in stored.items()
            }
