"""How a module is called: with the signal only, with its domain, or with an edge_index.

The signature of `forward` decides this, once for each class.
"""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args

from torch import Tensor, nn

from gnnvision.domains import Domain, Graph, Grid
from gnnvision.errors import wrong_dtype, wrong_type
from gnnvision.layers.interface import OnDomain

__all__ = [
    "Form",
    "call",
    "call_as",
    "caller",
    "check_takes",
    "form_of",
    "one_tensor",
    "two_inputs",
]

_DOMAIN_NAMES = ("domain", "graph", "grid")
_DOMAIN_KINDS = {"Domain", "Graph", "Grid"}
# What torch-geometric calls the columns of a graph, and what they are called on ours.
_COLUMNS = {
    "edge_index": "edge_index",
    "edge_weight": "edge_weight",
    "edge_attr": "edge_attr",
    "edge_type": "edge_type",
    "batch": "graph_index",
    "num_nodes": "num_nodes",
}
# Second inputs that are something else, even where they are required and not annotated.
_OTHER_INPUTS = re.compile(
    r"((return|output|use|is|with|do|need|get|apply)_\w+|\w*masks?|labels?|targets?|y|train|training|"
    r"test|mode|alpha|beta|gamma|scale|temperature|tau|sigma|noise|dropout|p|rate|t|time|timesteps?|"
    r"hidden|h0|hx|state|lengths?|seq_lens?|cond\w*|context|prompt|text|tokens?|input_ids|"
    r"input\w*[2-9b]|x\w*[2-9]|img\w*[2-9]|image\w*[2-9]|head|branch|task|task_id|verbose|key|query|"
    r"value|epoch|step|device)"
)
_ONLY_IF_REQUIRED = ("num_nodes",)


@dataclass(frozen=True)
class Form:
    """The arguments of a module's forward in addition to the signal.

    Args:
        domain: whether it takes the domain.
        keyword: the name of that argument, if it is not the second positional one.
        required: whether that argument has no default.
        columns: the columns of a graph that it takes instead: the argument, the attribute of
            `Graph`, and whether it is required.
        unsure: the argument that gets the domain only because it is required; None if its name
            or annotation identifies it.
    """

    domain: bool = False
    keyword: str | None = None
    required: bool = True
    columns: tuple[tuple[str, str, bool], ...] = ()
    unsure: str | None = None

    @property
    def signal_alone(self) -> bool:
        """Whether the module takes neither a domain nor columns of a graph."""
        return not (self.domain or self.columns)

    def arguments(
        self, module: nn.Module, x: Tensor, domain: Domain | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The positional and keyword arguments for a signal on a domain.

        Raises:
            TypeError: if the module takes columns of a graph and there is none, or a required
                column that the graph does not have.
        """
        if self.domain:
            if domain is None and not self.required:
                return (x,), {}
            return ((x, domain), {}) if self.keyword is None else ((x,), {self.keyword: domain})
        return (x,), {n: v for n, v in self._held(module, domain).items() if v is not None}

    def _held(self, module: nn.Module, domain: Domain | None) -> dict[str, Any]:
        if not self.columns:
            return {}
        if not isinstance(domain, Graph):
            name, argument = type(module).__name__, self.columns[0][0]
            condition = f"be a Graph for {name}, whose forward takes {argument!r}"
            raise wrong_type("domain", condition, domain, "Pass the graph.")
        out = {}
        for name, attribute, required in self.columns:
            if name == "batch" and not required and domain.num_graphs == 1:
                continue
            if name == "edge_attr" and not required and getattr(module, "edge_dim", 1) is None:
                continue  # a layer of torch-geometric that was made without attributes
            out[name] = getattr(domain, attribute)
            if out[name] is None and required:
                whose = f"{type(module).__name__}, whose forward requires {name!r}"
                condition = f"have {attribute} for {whose}"
                advice = f"Make the Graph with {attribute}."
                raise wrong_dtype("domain", condition, repr(domain), advice)
        return out


_ALONE, _ON_DOMAIN = Form(), Form(domain=True)
_forms: dict[type, Form] = {}


def form_of(module: nn.Module) -> Form:
    """The arguments of a module's forward in addition to the signal, cached for each class.

    A module takes the domain if it implements `OnDomain`, if its second positional argument is
    required, or if an argument is named domain, graph or grid, or annotated as Domain, Graph or
    Grid. A module with an argument `edge_index`, as in torch-geometric, takes the columns of the
    graph. An optional argument of any other name keeps its default.

    Raises:
        TypeError: if it requires more than a signal and its domain.
    """
    known = _forms.get(type(module))
    if known is not None and "forward" not in module.__dict__:
        return known
    form = _decided(module)
    if _is_of_class(module):
        _forms[type(module)] = form
    return form


def call(module: Callable[..., Tensor], x: Tensor, domain: Domain | None) -> Tensor:
    """The output of a module for a signal on a domain.

    Args:
        module: any module; or a function of a signal and its domain.
        x: the signal.
        domain: of the signal.
    """
    if isinstance(module, OnDomain) or not isinstance(module, nn.Module):
        return module(x, domain)
    return call_as(form_of(module), module, x, domain)


def call_as(form: Form, module: nn.Module, x: Tensor, domain: Domain | None) -> Tensor:
    """The output of a module whose form is known, as from `call`."""
    if form is _ALONE:
        out: Tensor = module(x)
        return out
    args, more = form.arguments(module, x, domain)
    if form.unsure is None:
        out = module(*args, **more)
        return out
    try:
        out = module(*args, **more)
    except (TypeError, AttributeError) as error:
        raise two_inputs(module, form.unsure, error) from error
    return out


def caller(model: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function of a signal and its domain that calls the model as `call` does.

    The form of the model is determined here, once, so that a training step costs nothing extra.

    Args:
        model: a module, compiled or not; or a function of a signal and its domain.

    Raises:
        TypeError: if it requires more than a signal and its domain.
    """
    if not isinstance(model, nn.Module):
        return model
    form = form_of(model)
    if form is _ON_DOMAIN:
        return model
    if form is _ALONE:
        return lambda x, domain: model(x)
    return lambda x, domain: call_as(form, model, x, domain)


def check_takes(model: nn.Module, domain: Domain) -> None:
    """Check that a model can be called with a signal on this domain.

    Raises:
        TypeError: if it requires more than a signal and its domain, takes an edge_index and the
            domain is a grid, or takes only the signal and the domain is a graph.
    """
    form = form_of(model)
    if isinstance(domain, Graph) and form.signal_alone:
        got = f"{type(model).__name__}, whose forward takes only the signal"
        advice = "Use gv.Sequential for a chain of layers, or define forward(x, graph)."
        raise wrong_dtype("model", "take node features and a graph", got, advice)
    if isinstance(domain, Grid) and form.columns:
        argument = form.columns[0][0]
        got = f"{type(model).__name__}, whose forward takes {argument!r}, on {domain}"
        raise wrong_dtype("model", "take images", got, "Use a network for images.")


def one_tensor(output: object, model: nn.Module) -> Tensor:
    """The output of a model, if it is one tensor.

    Raises:
        TypeError: if it is not a tensor.
    """
    if isinstance(output, Tensor):
        return output
    kind = type(output).__name__
    named = list(output) if isinstance(output, dict) else getattr(output, "_fields", None)
    held = f" of {', '.join(map(repr, named))}" if named else ""
    made = f" from {type(model).__name__}"
    auxiliary = getattr(model, "aux_logits", False) is True
    advice = "Wrap the model in a module that returns one of them."
    advice = "Build it with aux_logits=False." if auxiliary else advice
    raise wrong_dtype("model", "return one tensor", f"{kind}{held}{made}", advice)


# --- the decision -----------------------------------------------------------------------------


def _decided(module: nn.Module) -> Form:
    if isinstance(module, OnDomain):
        return _ON_DOMAIN
    kind = type(module)
    inside = _inside(module)
    if inside is not None:
        return form_of(inside)
    if kind.__module__.startswith("torch.nn.") and "forward" not in module.__dict__:
        return _ALONE  # an optional second input of theirs is never a domain
    parameters = _parameters(module)
    first, more = (parameters[0] if parameters else None), parameters[1:]
    columns = _columns(module, more)
    if columns:
        _check_no_more(module, first, [p for p in more if p.name not in _COLUMNS])
        return Form(columns=columns)
    asking = next((p for p in more if _asks(p)), None)
    second = more[0] if more and more[0].kind is not inspect.Parameter.KEYWORD_ONLY else None
    unsure = None
    if asking is None and second is not None and _is_required(second):
        other = _OTHER_INPUTS.fullmatch(second.name.lower()) is not None
        if _says_domain(second.annotation) is None and not other:
            asking, unsure = second, second.name
    _check_no_more(module, first, [p for p in more if p is not asking])
    if asking is None:
        return _ALONE
    if asking is second and unsure is None and _is_required(asking):
        return _ON_DOMAIN
    by_name = None if asking is second else asking.name
    return Form(True, by_name, _is_required(asking), unsure=unsure)


def _is_of_class(module: nn.Module) -> bool:
    """Whether all modules of its class are called like it."""
    own = "forward" in vars(module) or hasattr(module, "signature")
    return not (own or _inside(module) is not None or hasattr(module.forward, "schema"))


def _inside(module: nn.Module) -> nn.Module | None:
    """The module inside a torch wrapper that passes on its arguments."""
    if not type(module).__module__.startswith("torch."):
        return None
    for name in ("_orig_mod", "module"):  # compiled; DataParallel and its kind, averaged weights
        held = getattr(module, name, None)
        if isinstance(held, nn.Module):
            return held
    return None


def _parameters(module: nn.Module) -> list[inspect.Parameter]:
    """Those of forward, without *args and **kwargs."""
    named = getattr(getattr(module, "signature", None), "param_dict", None)
    if isinstance(named, dict):  # a Sequential of torch-geometric
        return [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in named]
    schema = getattr(module.forward, "schema", None)
    if schema is not None:  # a scripted module
        return [
            inspect.Parameter(
                argument.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=argument.default_value if argument.has_default_value() else _EMPTY,
                annotation=str(argument.type),
            )
            for argument in schema.arguments[1:]
        ]
    try:
        found = inspect.signature(module.forward, eval_str=True)
    except Exception:  # an annotation that exists only for type checkers
        found = inspect.signature(module.forward)
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p for p in found.parameters.values() if p.kind not in open_ended]


_EMPTY = inspect.Parameter.empty
_TAKES = "take one signal, or a signal and its domain"


def _columns(
    module: nn.Module, parameters: list[inspect.Parameter]
) -> tuple[tuple[str, str, bool], ...]:
    """The columns of a graph that a module in torch-geometric's style takes."""
    names = dict(_COLUMNS)
    if type(module).__module__.startswith("torch_geometric."):
        if "Aggregation" in {kind.__name__ for kind in type(module).__mro__}:
            names["index"] = "graph_index"
    elif not any(p.name == "edge_index" for p in parameters):
        return ()
    return tuple(
        (p.name, names[p.name], _is_required(p) or p.name == "index")
        for p in parameters
        if p.name in names and (_is_required(p) or p.name not in _ONLY_IF_REQUIRED)
    )


def _asks(parameter: inspect.Parameter) -> bool:
    """Whether the name or annotation of an argument identifies a domain."""
    said = _says_domain(parameter.annotation)
    if said is not None:
        return said
    plain = isinstance(parameter.default, (bool, int, float, str))
    return parameter.name in _DOMAIN_NAMES and not plain


def _says_domain(annotation: object) -> bool | None:
    """Whether an annotation names a domain; None if it leaves that open."""
    if annotation is _EMPTY or annotation is Any or annotation is object:
        return None
    if isinstance(annotation, str):
        words = set(re.findall(r"\w+", annotation))
        if words & _DOMAIN_KINDS:
            return True
        return False if words & {"Tensor", "bool", "int", "float", "str"} else None
    parts = get_args(annotation)
    if parts:
        said = {_says_domain(part) for part in parts if part is not NoneType}
        return True if True in said else False if said == {False} else None
    if isinstance(annotation, type):
        if issubclass(annotation, Domain):
            return True
        other = issubclass(annotation, Tensor) or annotation.__module__ == builtins.__name__
        return False if other else None
    return None


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is _EMPTY


def _check_no_more(
    module: nn.Module, first: inspect.Parameter | None, others: list[inspect.Parameter]
) -> None:
    """Nothing else is required.

    Raises:
        TypeError: if a parameter is.
    """
    required = [p.name for p in others if _is_required(p)]
    if required:
        signal = "the signal" if first is None else repr(first.name)
        names = " and ".join(map(repr, required))
        got = f"{type(module).__name__}, whose forward requires {names} in addition to {signal}"
        advice = "Give it a default, or wrap the model in a module with one input."
        raise wrong_dtype("model", _TAKES, got, advice)


def two_inputs(module: nn.Module, name: str, error: Exception) -> TypeError:
    """The error for a module that failed when its second required argument got the domain."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    got = (
        f"{type(module).__name__}, whose forward requires {name!r} and failed with the domain "
        f"there ({reason.rstrip('.')})"
    )
    advice = "Wrap a model with two inputs in a module with one; name a domain argument 'domain'."
    return wrong_dtype("model", _TAKES, got, advice)
