"""How a module is called: with the signal alone, with its domain, or with columns of a graph.

A module gets the domain if an argument of its `forward` is annotated as a domain or called domain,
graph or grid, or if its second positional argument is required and neither its annotation nor its
name is that of something else (a tensor, a flag, a mask, a label). A module with an argument
`edge_index` gets the columns of the graph under torch-geometric's names. Every other optional
argument keeps its default; a module that requires more raises a TypeError.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from inspect import Parameter
from typing import Any

from torch import Tensor, nn

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.errors import wrong_dtype, wrong_type
from gnnvision.layers.interface import OnDomain

__all__ = [
    "Form", "call", "call_as", "caller", "check_takes", "form_of", "one_tensor", "two_inputs",
]  # fmt: skip

_NAMES = ("domain", "graph", "grid")
_OTHER_NAME = re.compile(
    r"(return|output|use|is|with|do|train)(_|ing\b)\w*|\w*mask|labels?|targets?|hidden|[a-z]\d|[ty]"
)
_OTHER_KIND = re.compile(r"Tensor\b|\b(bool|int|float|str|list|tuple|dict)\b")
_COLUMNS = ("edge_index", "edge_weight", "edge_attr", "edge_type", "num_nodes", "batch")
_TAKES = "take one signal, or a signal and its domain"


@dataclass(frozen=True)
class Form:
    """The arguments of a module's forward in addition to the signal.

    Args:
        domain: the name of the argument that gets the domain; None if there is none.
        positional: whether this is the second positional argument.
        required: whether it has no default.
        unsure: its name if neither the name nor the annotation identifies a domain.
        columns: the columns of a graph that it takes instead, and whether each is required.
    """

    domain: str | None = None
    positional: bool = True
    required: bool = True
    unsure: str | None = None
    columns: tuple[tuple[str, bool], ...] = ()

    @property
    def signal_alone(self) -> bool:
        """Whether the module takes neither a domain nor columns of a graph."""
        return self.domain is None and not self.columns

    def arguments(
        self, module: nn.Module, x: Tensor, domain: Domain | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The positional and keyword arguments for a signal on a domain."""
        if self.columns:
            return (x,), dict(_held(module, domain, self.columns))
        if self.domain is None or (domain is None and not self.required):
            return (x,), {}
        return ((x, domain), {}) if self.positional else ((x,), {self.domain: domain})


_ALONE, _ON_DOMAIN = Form(), Form("domain")
_forms: dict[type, Form] = {}


def form_of(module: nn.Module) -> Form:
    """The arguments of a module's forward in addition to the signal, cached for each class."""
    kind, own = type(module), "forward" in module.__dict__
    known = _forms.get(kind)
    if known is not None and not own:
        return known
    if isinstance(module, OnDomain):
        return _forms.setdefault(kind, _ON_DOMAIN)
    for name in ("_orig_mod", "module"):  # compiled; DataParallel and its kind, averages
        inside = getattr(module, name, None)
        if kind.__module__.startswith("torch.") and isinstance(inside, nn.Module):
            return form_of(inside)
    if kind.__module__.startswith("torch.nn.") and not own:
        return _forms.setdefault(kind, _ALONE)  # an optional second input is never a domain
    form = _decided(module)
    if not (own or hasattr(module, "signature") or hasattr(module.forward, "schema")):
        _forms[kind] = form
    return form


def call(module: Callable[..., Tensor], x: Tensor, domain: Domain | None) -> Tensor:
    """The output of a module, or of a function of a signal and its domain."""
    if isinstance(module, OnDomain) or not isinstance(module, nn.Module):
        return module(x, domain)
    return call_as(form_of(module), module, x, domain)


def call_as(form: Form, module: nn.Module, x: Tensor, domain: Domain | None) -> Tensor:
    """The output of a module whose form is known, as from `call`."""
    args, more = ((x,), {}) if form is _ALONE else form.arguments(module, x, domain)
    try:
        out: Tensor = module(*args, **more)
        return out
    except (TypeError, AttributeError) as error:
        if form.unsure is None:
            raise
        raise two_inputs(module, form.unsure, error) from error


def caller(model: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that calls the model as `call` does, with its form determined here, once."""
    if not isinstance(model, nn.Module) or (form := form_of(model)) is _ON_DOMAIN:
        return model
    return partial(call_as, form, model)


def check_takes(model: nn.Module, domain: Domain) -> None:
    """Check that a model can be called with a signal on this domain."""
    form, kind = form_of(model), type(model).__name__
    if isinstance(domain, Graph) and form.signal_alone:
        got = f"{kind}, whose forward takes only the signal"
        advice = "Use gv.Sequential for a chain of layers, or define forward(x, graph)."
        raise wrong_dtype("model", "take node features and a graph", got, advice)
    if isinstance(domain, Grid) and form.columns:
        got = f"{kind}, whose forward takes {form.columns[0][0]!r}, on {domain}"
        raise wrong_dtype("model", "take images", got, "Use a network for images.")


def one_tensor(output: object, model: nn.Module) -> Tensor:
    """The output of a model, if it is one tensor."""
    if isinstance(output, Tensor):
        return output
    named = list(output) if isinstance(output, dict) else getattr(output, "_fields", None)
    held = f" of {', '.join(map(repr, named))}" if named else ""
    got = f"{type(output).__name__}{held} from {type(model).__name__}"
    advice = "Wrap the model in a module that returns one of them."
    if getattr(model, "aux_logits", False) is True:
        advice = "Build it with aux_logits=False."
    raise wrong_dtype("model", "return one tensor", got, advice)


def two_inputs(module: nn.Module, name: str, error: Exception) -> TypeError:
    """The error for a module that failed when its second required argument got the domain."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    got = f"{type(module).__name__}, whose forward requires {name!r} and failed with the domain"
    advice = "Wrap a model with two inputs in a module with one; name a domain argument 'domain'."
    return wrong_dtype("model", _TAKES, f"{got} there ({reason})", advice)


# --- the decision, and the columns of a graph ---------------------------------------------------


def _decided(module: nn.Module) -> Form:
    first, *more = _parameters(module) or [_parameter("x")]
    form = _ALONE
    peer = type(module).__module__.startswith("torch_geometric.")
    if peer or any(p.name == "edge_index" for p in more):
        columns = [p for p in more if p.name in _COLUMNS or (peer and p.name == "index")]
        more = [p for p in more if p not in columns]
        form = Form(columns=tuple((p.name, _is_required(p)) for p in columns)) if columns else form
    if form is _ALONE:
        second = [p for p in more[:1] if p.kind is not Parameter.KEYWORD_ONLY]
        found = next(filter(_asks, more), None) or next(filter(_may_ask, second), None)
        if found is not None:
            more.remove(found)
            unsure = None if _asks(found) else found.name
            form = Form(found.name, found in second, _is_required(found), unsure)
    required = " and ".join(repr(p.name) for p in more if _is_required(p))
    if required:
        got = f"{type(module).__name__}, whose forward requires {required} in addition to"
        advice = "Give it a default, or wrap the model in a module with one input."
        raise wrong_dtype("model", _TAKES, f"{got} {first.name!r}", advice)
    return form


def _parameters(module: nn.Module) -> list[Parameter]:
    """Those of forward, without *args and **kwargs."""
    named = getattr(getattr(module, "signature", None), "param_dict", None)
    if isinstance(named, dict):  # a Sequential of torch-geometric
        return [_parameter(name) for name in named]
    if hasattr(module.forward, "schema"):  # a scripted module
        given = [(a.name, a.has_default_value()) for a in module.forward.schema.arguments[1:]]
        return [
            _parameter(name, None if optional else Parameter.empty) for name, optional in given
        ]
    open_ended = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    found = inspect.signature(module.forward).parameters.values()
    return [p for p in found if p.kind not in open_ended]


def _parameter(name: str, default: object = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default)


def _is_required(parameter: Parameter) -> bool:
    return parameter.default is Parameter.empty


def _asks(parameter: Parameter) -> bool:
    """Whether the annotation or the name of an argument identifies a domain."""
    kinds: list[type] = [Domain]
    for kind in kinds:
        kinds += kind.__subclasses__()
    words = re.findall(r"\w+", inspect.formatannotation(parameter.annotation))
    if any(kind.__name__ in words for kind in kinds):
        return True
    plain = isinstance(parameter.default, (bool, int, float, str))
    return parameter.name in _NAMES and not plain and not _is_other(parameter)


def _may_ask(parameter: Parameter) -> bool:
    """Whether an argument is required, and nothing says that it is no domain."""
    named = _OTHER_NAME.fullmatch(parameter.name) is not None
    return _is_required(parameter) and not named and not _is_other(parameter)


def _is_other(parameter: Parameter) -> bool:
    return _OTHER_KIND.search(inspect.formatannotation(parameter.annotation)) is not None


def _held(
    module: nn.Module, domain: Domain | None, columns: tuple[tuple[str, bool], ...]
) -> Iterator[tuple[str, Any]]:
    """Those columns of a graph that it has and the module needs."""
    kind = type(module).__name__
    if not isinstance(domain, Graph):
        condition = f"be a Graph for {kind}, whose forward takes {columns[0][0]!r}"
        raise wrong_type("domain", condition, domain, "Pass the graph.")
    for name, required in columns:
        attribute = "graph_index" if name in ("batch", "index") else name
        value = getattr(domain, attribute)
        if value is None and required:
            condition = f"have {name} for {kind}, whose forward requires {name!r}"
            raise wrong_dtype("domain", condition, repr(domain), f"Make the Graph with {name}.")
        needless = name == "num_nodes" or (name == "batch" and domain.num_graphs == 1)
        # A layer of torch-geometric that was made without attributes has edge_dim=None.
        needless |= name == "edge_attr" and getattr(module, "edge_dim", 1) is None
        if value is not None and (required or not needless):
            yield name, value
