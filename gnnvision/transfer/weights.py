"""Read weights from files without executing code, and match them to a network."""

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

from gnnvision.errors import invalid
from gnnvision.transfer.weights_file import stored_weights

__all__ = ["load_weights", "num_outputs_of", "read_weights"]

_SIDE_OUTPUTS = ("AuxLogits.", "aux1.", "aux2.")  # of Inception, in training only
_OPTIONAL = ".num_batches_tracked"  # older files lack it, and nothing depends on it
# Name components added by wrappers: DataParallel, torch.compile, FSDP.
_WRAPPERS = frozenset(
    ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
)
_COUNTER = "n_averaged"  # of torch.optim.swa_utils.AveragedModel
# torchvision reads the files of its first DenseNets the same way.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])(?=\.)")
# The keys under which training scripts store weights, the most common first.
_USUAL = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "module", "")
_SHAPES = re.compile(r"size mismatch for (\S+): .*?(\[[\d, ]*\]).*?(\[[\d, ]*\])", re.DOTALL)
Tensors = Mapping[str, Tensor]


def read_weights(
    path: str | os.PathLike[str], network: nn.Module | None = None, name: str = "the network"
) -> dict[str, Tensor]:
    """Read the tensors of a file, by name.

    The format is recognized by content, not by file ending. Half precision is converted to
    float32. The weights may be stored directly or under a key, as in
    `{"state_dict": ..., "epoch": 3}`; other entries are ignored.

    Args:
        path: a `.safetensors` file, or one of torch.save: `.pth`, `.pt`, `.bin`, `.ckpt`, ...
        network: the network of the weights. If given, the names returned are those of its
            `state_dict()`: prefixes that all names share ("module.", "_orig_mod.", "model.",
            ...) are removed if all names match without them.
        name: of the network, for error messages.

    Raises:
        ValueError: if the file does not exist, has another format, is truncated, requires code
            execution, contains several networks, or belongs to another network.
    """
    found = stored_weights(path)
    file = os.fspath(path)
    if network is None:
        usual = next((key for key in _USUAL if key in found), None)
        return _plain_tensors(found[_only_key(found, file) if usual is None else usual], file)
    fits = {key: _fit(network, tensors) for key, tensors in found.items()}
    complete = {key: fit for key, fit in fits.items() if fit.names_match}
    if not complete:
        raise _mismatch(min(fits.values(), key=lambda fit: fit.problems), name, file)
    key, *others = complete
    for other in others:
        if not _equal(complete[key].tensors, complete[other].tensors):
            got = (
                f"{file!r}, whose {key or 'top level'!r} and {other!r} both fit {name} and differ"
            )
            raise invalid("weights", "contain one network", got, "Save one of them separately.")
    return _plain_tensors(complete[key].tensors, file)


def load_weights(network: nn.Module, tensors: dict[str, Tensor], name: str, file: str) -> None:
    """Load tensors into a network; both must have exactly the same names and shapes.

    Args:
        network: modified in place.
        tensors: by the names of `network.state_dict()`, or with prefixes as in `read_weights`.
        name: of the network, for error messages.
        file: the source of the tensors, for error messages.

    Raises:
        ValueError: if a tensor is missing, unexpected, or has another shape or dtype; the network
            is not changed then.
    """
    fit = _fit(network, tensors)
    if fit.problems != (0, 0):
        raise _mismatch(fit, name, file)
    own = network.state_dict()
    for key, tensor in fit.tensors.items():
        if key in own and own[key].is_floating_point() and not tensor.is_floating_point():
            got = f"{file!r} with {key!r} of {tensor.dtype} instead of {own[key].dtype}"
            advice = "Save the weights before quantization."
            raise invalid("weights", f"belong to {name}", got, advice)
    _load(network, fit.tensors)


def num_outputs_of(tensors: dict[str, Tensor], head: str) -> int | None:
    """The number of outputs of stored weights; None if they belong to another network.

    Args:
        tensors: by name.
        head: the name of the network's last layer.
    """
    matrix = tensors.get(f"{head}.weight")
    return None if matrix is None or matrix.ndim != 2 else matrix.shape[0]


# --- matching names -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fit:
    """How well named tensors fit a network.

    Args:
        tensors: by name.
        missing: names of the network without a tensor.
        unexpected: names of tensors that the network lacks.
        mismatched: names with different shapes, and the two shapes.
    """

    tensors: OrderedDict[str, Tensor]
    missing: list[str]
    unexpected: list[str]
    mismatched: list[tuple[str, str, str]]

    @property
    def names_match(self) -> bool:
        """Whether all names match."""
        return not (self.missing or self.unexpected)

    @property
    def problems(self) -> tuple[int, int]:
        """The number of names and of shapes that do not match."""
        return len(self.missing) + len(self.unexpected), len(self.mismatched)


def _fit(network: nn.Module, tensors: Tensors) -> _Fit:
    """The renaming of tensors that fits a network best; the original names if these fit."""
    fits = []
    for renamed in _renamings(network, tensors):
        for metadata in _metadata(network, renamed):
            fit = _try_load(network, renamed, metadata)
            if fit is not None and fit.problems == (0, 0):
                return fit
            fits += [fit] if fit is not None else []
    return min(fits, key=lambda fit: fit.problems)


def _renamings(network: nn.Module, tensors: Tensors) -> Iterator[OrderedDict[str, Tensor]]:
    """The tensors under their own names, and without the prefixes that wrappers add."""
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
    """Rename tensors, and the module versions in their metadata."""
    out = OrderedDict((change(name), tensor) for name, tensor in tensors.items())
    if (metadata := getattr(tensors, "_metadata", None)) is not None:
        moved = {change(f"{name}.x").rpartition(".")[0]: info for name, info in metadata.items()}
        vars(out)["_metadata"] = moved
    return out


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _metadata(network: nn.Module, tensors: Tensors) -> Iterator[Any]:
    """The module versions that the weights may have been saved with.

    Torchvision's networks use them to read the names of older versions. Only a `state_dict()`
    saved by `torch.save` contains them.
    """
    yield getattr(network.state_dict(), "_metadata", None)
    yield getattr(tensors, "_metadata", None)
    yield None


def _try_load(network: nn.Module, tensors: Tensors, metadata: Any) -> _Fit | None:  # noqa: ANN401
    """Compare tensors with the network without loading them; None if it cannot read them."""
    blank = _meta_copy(network)
    shapes = _shapes(blank)
    results: list[tuple[list[str], list[str]]] = []

    def keep(module: nn.Module, keys: Any) -> None:  # noqa: ANN401 - torch's own class
        results.append((list(keys.missing_keys), list(keys.unexpected_keys)))

    blank.register_load_state_dict_post_hook(keep)
    reason = ""
    try:
        _load(blank, _with(tensors, metadata))
    except RuntimeError as error:
        reason = str(error)
    except ValueError:
        return None
    if not results:
        return None
    missing = [name for name in results[-1][0] if not name.endswith(_OPTIONAL)]
    mismatched = [(name, given, own) for name, given, own in _SHAPES.findall(reason)]
    if not mismatched and _shapes(blank) != shapes:  # rebuilt as in an older version
        mismatched = [("the layers", "of an older version", "those of this version")]
    return _Fit(_with(tensors, metadata), missing, results[-1][1], mismatched)


def _meta_copy(network: nn.Module) -> nn.Module:
    """A copy on the meta device, which takes no memory."""
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
        # A copy on the meta device loads no values.
        warnings.simplefilter("ignore", UserWarning)
        network.load_state_dict(tensors, strict=False)


# --- errors ---------------------------------------------------------------------------------


def _mismatch(fit: _Fit, name: str, file: str) -> ValueError:
    """The error for weights that do not fit the network."""
    reasons = []
    if fit.missing:
        reasons.append(f"without {fit.missing[0]!r}{_more(fit.missing)}")
    if fit.unexpected:
        reasons.append(f"with unexpected {fit.unexpected[0]!r}{_more(fit.unexpected)}")
    if not reasons:
        key, given, own = fit.mismatched[0]
        shape = f"{_tuple(given)} instead of {_tuple(own)}{_more(fit.mismatched)}"
        reasons.append(f"with {key!r} of shape {shape}")
    advice = "Name the network that they belong to."
    return invalid("weights", f"belong to {name}", f"{file!r} {' and '.join(reasons)}", advice)


def _tuple(shape: str) -> str:
    return f"({shape[1:-1]})" if shape.startswith("[") else shape


def _more(names: Sequence[object]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _only_key(found: Mapping[str, Tensors], file: str) -> str:
    """The only key that weights are stored under."""
    if len(found) > 1:
        got = f"{file!r} with tensors under {', '.join(map(repr, found))}"
        raise invalid("weights", "contain one network", got, "Save one of them separately.")
    return next(iter(found))


def _equal(some: Tensors, others: Tensors) -> bool:
    return some.keys() == others.keys() and all(
        tensor.shape == others[name].shape and torch.equal(tensor, others[name])
        for name, tensor in some.items()
    )


def _plain_tensors(tensors: Tensors, file: str) -> dict[str, Tensor]:
    """The tensors as dense, finite float32; an error if they are not."""
    for name, tensor in tensors.items():
        if tensor.is_quantized or tensor.is_sparse or tensor.is_meta:
            kind = "without values" if tensor.is_meta else f"of {tensor.dtype}"
            advice = "Save the weights before quantization or conversion."
            got = f"{file!r} with {name!r} {kind}"
            raise invalid("weights", "be dense tensors", got, advice)
        if tensor.is_floating_point() and not bool(tensor.float().isfinite().all()):
            got = f"{file!r} with NaN or infinity in {name!r}"
            advice = "Use weights from before the training diverged."
            raise invalid("weights", "be finite", got, advice)
    out: OrderedDict[str, Tensor] = OrderedDict()
    for name, tensor in tensors.items():
        narrow = tensor.is_floating_point() and tensor.element_size() < 4
        out[name] = tensor.float() if narrow else tensor
    vars(out).update(vars(tensors))
    return out
