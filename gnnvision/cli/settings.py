"""Settings of a training that have no flag of their own, as NAME=VALUE: --set and --vary."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from gnnvision import data, models
from gnnvision.cli.datasets import nodes
from gnnvision.cli.defaults import Setup, usual_training
from gnnvision.errors import invalid, nearest, one_of
from gnnvision.models.arguments import fits
from gnnvision.models.registry import argument_types
from gnnvision.training import Choices, Range, Recipe
from gnnvision.training.search_space import Value, read_space, read_value

__all__ = [
    "GIVEN",
    "MODEL",
    "check_given_once",
    "load_task",
    "network_of",
    "setup_of",
    "varied_settings",
]

SHORT = {"hidden": "hidden_channels", "layers": "num_layers"}
# What the data say, and what no setting of a training is.
GIVEN = (
    "in_channels", "num_classes", "num_outputs", "image_size", "bond_channels", "descriptors",
    "rescale", "weights", "evaluate_every",
)  # fmt: skip
MODEL = "model"
_FLAGS = (
    "epochs",
    "lr",
    "batch_size",
    "class_weights",
    "fanouts",
    "model",
)  # settings that have a flag of their own


def load_task(config: Any) -> data.Task:  # noqa: ANN401 - of command_train, which imports this
    """The data that the flags of `gnnvision train` name."""
    options: dict[str, Any] = config.load_options(descriptors=True, on_invalid="molecules")
    task = data.load(config.dataset, **options)
    return data.to_links(nodes(task)) if config.links else task


def network_of(config: Any, task: data.Task) -> str:  # noqa: ANN401
    """The name of the network that is trained on a task."""
    return str(vars(usual_training(task, config.model).model)["spec"]["name"])


def setup_of(
    config: Any,  # noqa: ANN401
    task: data.Task,
    settings: Mapping[str, Value] | None = None,
) -> Setup:
    """The network and the recipe as the flags say, but for those of the recipe itself, as --lr.

    Args:
        config: the flags.
        task: the data.
        settings: other settings than those of `--set`, of a trial.

    Raises:
        ValueError: if a setting is unknown, of the wrong kind, without effect, or given twice.
    """
    more = dict(settings or {})
    network = str(more.pop(MODEL)) if MODEL in more else config.model
    fixed: dict[str, Value] = {}
    if config.set:
        check_given_once(config, ())
        fixed = _fixed_settings(config.set, network or network_of(config, task))
    return usual_training(
        task, network, class_weights=config.class_weights, flip=config.flip,
        settings=fixed | more,
    )  # fmt: skip


def check_given_once(config: Any, varied: Iterable[str]) -> None:  # noqa: ANN401
    """Check that no setting is given by two of `--set`, `--vary` and a flag of its name.

    Args:
        config: the flags.
        varied: the names of the settings of `--vary`.

    Raises:
        ValueError: if one is.
    """
    fixed = _pairs("--set", config.set)
    for name in varied:
        if name in fixed:
            raise invalid(f"--set {name}", "be left out", "also --vary", "It cannot be both.")
    for name in (*fixed, *varied):
        given = getattr(config, name, None)
        if name in _FLAGS and given not in (None, (), False):
            flag, other = f"--{name.replace('_', '-')}", "--set" if name in fixed else "--vary"
            raise invalid(flag, f"be left out with {other} {name}", given, "Leave one out.")


def _fixed_settings(words: Sequence[str], network: str) -> dict[str, Value]:
    settings = {name: read_value(text) for name, text in _pairs("--set", words).items()}
    known = _kinds([network])
    for name, value in settings.items():
        _check_name("--set", name, known, [network])
        _check_value("--set", name, value, known[name])
    return settings


def varied_settings(words: Sequence[str], network: str) -> dict[str, Range | Choices]:
    """The settings of `--vary`, checked.

    Args:
        words: each NAME=RANGE or NAME=VALUES.
        network: the name of the network, unless that varies too.

    Raises:
        ValueError: if one is unknown, given twice, or its values are of the wrong kind.
    """
    pairs = _pairs("--vary", words)
    try:
        space = read_space(pairs)
    except (ValueError, TypeError) as error:
        if not pairs:
            advice = "Give for example --vary lr=1e-4..1e-1 hidden=16,32,64 dropout=0..0.8."
            raise invalid("--vary", "name a setting", "none", advice) from None
        raise ValueError(f"--vary {error}") from None
    networks = [network]
    if MODEL in space:
        chosen = space[MODEL]
        if isinstance(chosen, Range):
            raise invalid("--vary model", "be names of networks", str(chosen))
        known_networks = models.names()
        networks = [one_of("--vary model", str(name), known_networks) for name in chosen.values]
    known = _kinds(networks)
    for name, one in space.items():
        if name == MODEL:
            continue
        _check_name("--vary", name, known, networks)
        values = one.values if isinstance(one, Choices) else (one.low, one.high)
        for value in values:
            _check_value("--vary", name, value, known[name])
        if isinstance(one, Range) and one.is_whole and fits(0.5, known[name]):
            space[name] = Range(float(one.low), float(one.high), one.log)  # dropout=0..1
    return space


def _pairs(flag: str, words: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name or not text:
            example = "lr=0.01" if flag == "--set" else "lr=1e-4..1e-1"
            raise invalid(flag, "be NAME=VALUE", repr(word), f"Give for example {example}.")
        name = name.strip("-").replace("-", "_")
        name = SHORT.get(name, name)
        if name in found:
            raise invalid(flag, "name each setting once", f"{name} twice", "Leave one out.")
        found[name] = text
    return found


def _kinds(networks: Sequence[str]) -> dict[str, Any]:
    """The annotations of all settings that every one of the networks has."""
    own = [argument_types(name) for name in networks]
    shared = {n: kind for n, kind in own[0].items() if all(n in other for other in own)}
    found = get_type_hints(Recipe) | shared
    return {name: kind for name, kind in found.items() if name not in GIVEN}


def _check_name(flag: str, name: str, known: Mapping[str, Any], networks: Sequence[str]) -> None:
    if name in known:
        return
    near = nearest(name, [*known, *SHORT])
    advice = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(known)}."
    where = f"be a field of a recipe or an argument of {' and '.join(networks)}"
    raise invalid(f"{flag} {name}", where, "an unknown name", advice)


def _check_value(flag: str, name: str, value: Value, kind: Any) -> None:  # noqa: ANN401
    if not fits(value, kind):
        raise invalid(f"{flag} {name}", f"be {_words(kind)}", repr(value))


def _words(kind: Any) -> str:  # noqa: ANN401
    """What an annotation allows, in words."""
    if kind is None or kind is types.NoneType:
        return "none"
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    plain = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
    if kind in plain:
        return plain[kind]
    inner = get_args(kind)
    return " or ".join(dict.fromkeys(map(_words, inner))) if inner else "of another kind"
