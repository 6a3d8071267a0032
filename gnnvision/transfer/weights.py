"""Weights from files: read without running anything, and only into the network they are of."""

from __future__ import annotations

import copy
import os
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.transfer.weights_file import stored_weights

__all__ = ["fill", "num_outputs_of", "read_weights"]

_SIDE_OUTPUTS = ("AuxLogits.", "aux1.", "aux2.")  # of Inception, in training only
_SINCE = ".num_batches_tracked"  # older files lack it, and nothing depends on it
# What wrappers of a network put into its names: DataParallel, torch.compile, FSDP.
_WRAPPERS = frozenset(
    ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
)
_COUNTER = "n_averaged"  # of torch.optim.swa_utils.AveragedModel
# As torchvision itself reads the files of its first DenseNets.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])(?=\.)")
# Under which names training scripts keep the weights, the most usual first.
_USUAL = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "module", "")
_SHAPES = re.compile(r"size mismatch for (\S+): .*?(\[[\d, ]*\]).*?(\[[\d, ]*\])", re.DOTALL)
Tensors = Mapping[str, Tensor]


def read_weights(
    path: str | os.PathLike[str], network: nn.Module | None = None, name: str = "the network"
) -> dict[str, Tensor]:
    """The tensors of a file, by name.

    What a file is, its content says and not its ending. Half precision is made float32. The
    weights may lie in the file as such or below a name, as `{"state_dict": ..., "epoch": 3}`;
    what is beside them is left out.

    Args:
        path: a `.safetensors` file, or one of torch.save: `.pth`, `.pt`, `.bin`, `.ckpt`, ...
        network: that the weights are of. With it, the names that come back are those of its
            `state_dict()`: prefixes that are common to all names ("module.", "_orig_mod.",
            "model.", ...) are left out where all names fit then.
        name: of the network, for errors.

    Raises:
        ValueError: if it is not there, is no such file, is cut short, holds anything that only
            code could read, holds several networks, or is of another network.
    """
    found = stored_weights(path)
    file = os.fspath(path)
    if network is None:
        usual = next((place for place in _USUAL if place in found), None)
        return _checked(found[_sole(found, file) if usual is None else usual], file)
    fits = {place: _fit(network, tensors) for place, tensors in found.items()}
    whole = {place: fit for place, fit in fits.items() if fit.named}
    if not whole:
        raise ValueError(_refusal(min(fits.values(), key=lambda fit: fit.wrong), name, file))
    place, *others = whole
    for other in others:
        if not _equal(whole[place].tensors, whole[other].tensors):
            raise ValueError(
                f"'weights' must hold one network, got {file!r}, of which {place or 'the top'!r} "
                f"and {other!r} both fit {name} and differ. Save one of them in a file of its own."
            )
    return _checked(whole[place].tensors, file)


def fill(network: nn.Module, tensors: dict[str, Tensor], name: str, file: str) -> None:
    """Load tensors into a network: all of them, and for all it has.

    Args:
        network: to fill.
        tensors: by the names of `network.state_dict()`, or as `read_weights` takes them.
        name: of the network, for errors.
        file: where the tensors are from, for errors.

    Raises:
        ValueError: if one is missing, has no place, another shape or another kind of number;
            nothing is loaded then.
    """
    fit = _fit(network, tensors)
    if fit.wrong != (0, 0):
        raise ValueError(_refusal(fit, name, file))
    own = network.state_dict()
    for key, tensor in fit.tensors.items():
        if key in own and own[key].is_floating_point() and not tensor.is_floating_point():
            raise ValueError(
                f"'weights' must be those of {name}, got {file!r} with {key!r} of {tensor.dtype} "
                f"for {own[key].dtype}. Save the weights before they are quantized."
            )
    _load(network, fit.tensors)


def num_outputs_of(tensors: dict[str, Tensor], head: str) -> int | None:
    """How many outputs weights have; None where they are of another network.

    Args:
        tensors: by name.
        head: the name of the network's last layer.
    """
    matrix = tensors.get(f"{head}.weight")
    return None if matrix is None or matrix.ndim != 2 else matrix.shape[0]


# --- which names are meant ------------------------------------------------------------------


@dataclass(frozen=True)
class _Fit:
    """How well tensors fit a network under some names.

    Args:
        tensors: under these names.
        missing: names of the network that are not among them.
        beyond: names among them that the network lacks.
        odd: names with another shape than the network's, and the two shapes.
    """

    tensors: OrderedDict[str, Tensor]
    missing: list[str]
    beyond: list[str]
    odd: list[tuple[str, str, str]]

    @property
    def named(self) -> bool:
        """Whether all names fit."""
        return not (self.missing or self.beyond)

    @property
    def wrong(self) -> tuple[int, int]:
        """How much does not fit."""
        return len(self.missing) + len(self.beyond), len(self.odd)


def _fit(network: nn.Module, tensors: Tensors) -> _Fit:
    """The names under which tensors fit a network best; those they have, if these fit."""
    fits = []
    for renamed in _renamings(network, tensors):
        for metadata in _metadata(network, renamed):
            fit = _tried(network, renamed, metadata)
            if fit is not None and fit.wrong == (0, 0):
                return fit
            fits += [fit] if fit is not None else []
    return min(fits, key=lambda fit: fit.wrong)


def _renamings(network: nn.Module, tensors: Tensors) -> Iterator[OrderedDict[str, Tensor]]:
    """The tensors as they are, and without what wrappers put before or into their names."""
    own = network.state_dict()
    plain = _renamed(tensors, lambda name: name)
    if _COUNTER not in own:
        plain.pop(_COUNTER, None)
    tried: list[set[str]] = []
    for start in (plain, _renamed(plain, _unwrapped)):
        current = start
        while True:
            for each in (current, _renamed(current, lambda n: _OLD_DENSENET.sub(r"\1\2", n))):
                if set(each) not in tried and len(each) == len(plain):
                    tried.append(set(each))
                    for name in [n for n in each if n.startswith(_SIDE_OUTPUTS) and n not in own]:
                        del each[name]
                    yield each
            prefixes = {name.partition(".")[0] for name in current}
            if len(prefixes) != 1 or not all("." in name for name in current):
                break
            current = _renamed(current, lambda name: name.partition(".")[2])


def _renamed(tensors: Tensors, change: Callable[[str], str]) -> OrderedDict[str, Tensor]:
    """Tensors under other names, and what is known of the modules that they are of."""
    out = OrderedDict((change(name), tensor) for name, tensor in tensors.items())
    if (metadata := getattr(tensors, "_metadata", None)) is not None:
        moved = {change(f"{name}.x").rpartition(".")[0]: held for name, held in metadata.items()}
        vars(out)["_metadata"] = moved
    return out


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _metadata(network: nn.Module, tensors: Tensors) -> Iterator[Any]:
    """The versions that the modules may have had when the weights were saved.

    Torchvision's networks read the names of their older versions by them. They are lost where
    the weights are saved as anything but a `state_dict()` of `torch.save`.
    """
    yield getattr(network.state_dict(), "_metadata", None)
    yield getattr(tensors, "_metadata", None)
    yield None


def _tried(network: nn.Module, tensors: Tensors, metadata: Any) -> _Fit | None:  # noqa: ANN401
    """What the network says to the tensors, which are not loaded; None where it cannot read."""
    blank = _blank(network)
    shapes = _shapes(blank)
    told: list[tuple[list[str], list[str]]] = []

    def keep(module: nn.Module, keys: Any) -> None:  # noqa: ANN401 - torch's own class
        told.append((list(keys.missing_keys), list(keys.unexpected_keys)))

    blank.register_load_state_dict_post_hook(keep)
    reason = ""
    try:
        _load(blank, _with(tensors, metadata))
    except RuntimeError as error:
        reason = str(error)
    except ValueError:
        return None
    if not told:
        return None
    missing = [name for name in told[-1][0] if not name.endswith(_SINCE)]
    odd = [(name, given, own) for name, given, own in _SHAPES.findall(reason)]
    if not odd and _shapes(blank) != shapes:  # built as it was in an older version
        odd = [("the layers", "of an older version", "those of this one")]
    return _Fit(_with(tensors, metadata), missing, told[-1][1], odd)


def _blank(network: nn.Module) -> nn.Module:
    """A copy without the numbers, which takes no memory."""
    memo: dict[int, Any] = {}
    for parameter in network.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), parameter.requires_grad)
    for buffer in network.buffers():
        memo[id(buffer)] = buffer.detach().to("meta")
    return copy.deepcopy(network, memo)


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def _with(tensors: Tensors, metadata: Any) -> OrderedDict[str, Tensor]:  # noqa: ANN401
    out = OrderedDict(tensors)
    vars(out).pop("_metadata", None)
    if metadata is not None:
        vars(out)["_metadata"] = metadata
    return out


def _load(network: nn.Module, tensors: OrderedDict[str, Tensor]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a blank copy takes no numbers
        network.load_state_dict(tensors, strict=False)


# --- what is refused ------------------------------------------------------------------------


def _refusal(fit: _Fit, name: str, file: str) -> str:
    reasons = []
    if fit.missing:
        reasons.append(f"no {fit.missing[0]!r}{_more(fit.missing)}")
    if fit.beyond:
        reasons.append(f"{fit.beyond[0]!r}{_more(fit.beyond)}, for which it has no place")
    if not reasons:
        key, given, own = fit.odd[0]
        reasons.append(f"{key!r} of shape {_tuple(given)} for {_tuple(own)}{_more(fit.odd)}")
    return (
        f"'weights' must be those of {name}, got {file!r} with {' and with '.join(reasons)}. "
        "Name the network that they belong to."
    )


def _tuple(shape: str) -> str:
    return f"({shape[1:-1]})" if shape.startswith("[") else shape


def _more(names: Sequence[object]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _sole(found: Mapping[str, Tensors], file: str) -> str:
    """The only place where weights are, if there is one."""
    if len(found) > 1:
        raise ValueError(
            f"'weights' must hold one network, got {file!r} with tensors below "
            f"{', '.join(map(repr, found))}. Save one of them in a file of its own."
        )
    return next(iter(found))


def _equal(some: Tensors, others: Tensors) -> bool:
    return some.keys() == others.keys() and all(
        tensor.shape == others[name].shape and torch.equal(tensor, others[name])
        for name, tensor in some.items()
    )


def _checked(tensors: Tensors, file: str) -> dict[str, Tensor]:
    """The tensors as the networks here compute: dense, finite and of single precision."""
    for name, tensor in tensors.items():
        if tensor.is_quantized or tensor.is_sparse or tensor.is_meta:
            kind = "no numbers" if tensor.is_meta else str(tensor.dtype)
            raise ValueError(
                f"'weights' must be plain tensors, got {file!r} with {name!r} of {kind}. Save "
                "the weights before they are quantized or emptied."
            )
        if tensor.is_floating_point() and not bool(tensor.float().isfinite().all()):
            raise ValueError(
                f"'weights' must be finite, got {file!r} with NaN or infinity in {name!r}. Take "
                "weights from before the training diverged."
            )
    out: OrderedDict[str, Tensor] = OrderedDict()
    for name, tensor in tensors.items():
        narrow = tensor.is_floating_point() and tensor.element_size() < 4
        out[name] = tensor.float() if narrow else tensor
    vars(out).update(vars(tensors))
    return out
