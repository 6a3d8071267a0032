"""The usual network and recipe for each kind of data, as `gnnvision train` chooses them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from gnnvision import data, models
from gnnvision.domains import StoredGraph
from gnnvision.errors import invalid, one_of
from gnnvision.models.registry import argument_types
from gnnvision.training import Recipe
from gnnvision.training.presets import (
    GRAPH_PRESETS,
    IMAGE_PRESETS,
    LINK_RECIPE,
    NODE_RECIPES,
    SAMPLED_RECIPE,
)

__all__ = ["Setup", "usual_training"]

HIDDEN = 64
LARGE = 5_000_000  # edges: a graph with more is trained on by sampling
FEW_IMAGES = 2_000
SYMBOLS = ("digits", "mnist")  # flipped, they would mean something else


@dataclass(frozen=True)
class Setup:
    """What is trained, and how.

    Args:
        task: with the augmentation, if any.
        model: the network.
        recipe: how to train it.
        seeds: the usual number of seeds.
        ensemble: whether the networks of all seeds are kept, to predict together.
        inputs: what `gnnvision predict` takes, as an example.
        notes: what the network does not read, as sentences.
    """

    task: data.Task
    model: nn.Module
    recipe: Recipe
    seeds: int
    ensemble: bool = True
    inputs: str = ""
    notes: tuple[str, ...] = ()


def usual_training(
    task: data.Task,
    network: str | None = None,
    *,
    class_weights: bool = False,
    flip: bool = True,
    settings: Mapping[str, Any] | None = None,
) -> Setup:
    """The usual network and recipe for a task.

    Args:
        task: what was loaded.
        network: the name of another network.
        class_weights: whether rare classes have a larger weight.
        flip: whether a mirrored image means the same.
        settings: other values of arguments of the network and of fields of the recipe.

    Raises:
        ValueError: if the network is unknown, or does not fit this kind of data, or a setting has
            no effect with the others.
    """
    if network is not None:
        one_of("model", network, models.names())
    given = dict(settings or {})
    of_recipe = {name: given.pop(name) for name in Recipe.__dataclass_fields__ if name in given}
    if isinstance(task, data.NodeTask):
        setup = _of_nodes(task, network, given)
    elif isinstance(task, data.LinkTask):
        setup = _of_links(task, network, given)
    elif isinstance(task, data.GraphTask):
        setup = _of_graphs(task, network, given)
    elif isinstance(task, data.ImageTask):
        setup = _of_images(task, network, flip, given)
    else:
        kinds = "the nodes of a graph, graphs, molecules or images"
        raise invalid("--dataset", f"be {kinds}", type(task).__name__, "Train it in Python.")
    if class_weights:
        balanced = dataclasses.replace(setup.recipe, class_weights="balanced")
        setup = dataclasses.replace(setup, recipe=balanced)
    return dataclasses.replace(setup, recipe=_with_settings(setup.recipe, of_recipe))


def _with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with other values, without those of its own that they make ineffective."""
    if not settings:
        return recipe
    changed = Recipe.from_dict({**recipe.to_dict(), **settings})
    for name, value in settings.items():
        if getattr(changed, name) != value:
            raise invalid(name, "have an effect with the other settings", value, "Leave it out.")
    return changed


def _of_nodes(task: data.NodeTask, network: str | None, own: Mapping[str, Any]) -> Setup:
    sizes = {
        "in_channels": task.in_channels, "hidden_channels": HIDDEN,
        "num_classes": task.num_outputs, "num_layers": 2, "dropout": 0.5,
        "rescale": task.kind == "regression",
    }  # fmt: skip
    graph = task.graph
    is_large = isinstance(graph, StoredGraph) or graph.num_edges > LARGE
    plain = graph.edge_weight is None and task.kind != "regression"
    usual = "graphsage" if is_large and plain else "classic_gcn"
    model = _build(network or usual, {**sizes, **own})
    unread = [
        name.replace("_", " ")
        for name in ("edge_attr", "edge_type")
        if getattr(graph, name) is not None
    ]
    notes = [f"The network does not read the {' and '.join(unread)} of the graph."]
    unlabeled = bool((task.y < 0).any()) if task.kind == "classification" else True
    return Setup(
        task, model, SAMPLED_RECIPE if is_large else NODE_RECIPES["classic"],
        1 if is_large else 5,
        inputs="--output predicted.csv" if unlabeled else "",
        notes=tuple(notes if unread else ()),
    )  # fmt: skip


def _of_links(task: data.LinkTask, network: str | None, own: Mapping[str, Any]) -> Setup:
    sizes = {"in_channels": task.in_channels, "hidden_channels": 32, "latent_channels": 16}
    model = _build(network or "gae", {**sizes, **own})
    inputs = "--output links.csv"
    return Setup(task, model, LINK_RECIPE, 5, ensemble=False, inputs=inputs)


def _of_graphs(task: data.GraphTask, network: str | None, own: Mapping[str, Any]) -> Setup:
    known = {preset.network: preset for preset in GRAPH_PRESETS.values()}
    preset = known.get(network or "bond_network", GRAPH_PRESETS["lecture"])
    sizes = {"in_channels": task.in_channels, "num_outputs": task.num_outputs}
    model = _build(network or preset.network, {**sizes, **preset.settings(task), **own})
    molecules = isinstance(task, data.MoleculeTask)
    if task.num_graph_attr and preset.network != "bond_network":
        advice = "Use bond_network, or leave --inputs and --descriptors out."
        raise invalid("--model", "read descriptors and further inputs", repr(network), advice)
    inputs = "new.csv --output predicted.csv" if molecules else ""
    return Setup(task, model, preset.recipe(task), 3, inputs=inputs)


def _of_images(
    task: data.ImageTask, network: str | None, flip: bool, own: Mapping[str, Any]
) -> Setup:
    flip = flip and task.name not in SYMBOLS
    few = len(task.split.train) < FEW_IMAGES
    numbers = task.kind == "regression"
    name = network or ("small_resnet" if few or numbers else "whitened_cnn")
    strong = name == "whitened_cnn"
    preset = IMAGE_PRESETS["few" if few and not strong else "quick" if strong else "lectures"]
    augmented = task.with_augment(preset.augment(min(task.grid.shape), flip))
    if strong:
        augmented = augmented.with_test_views("mirror+shift" if flip else "none")
    sizes = {
        "in_channels": task.in_channels, "num_classes": task.num_outputs,
        "image_size": task.grid.shape, "rescale": numbers, **preset.settings,
    }  # fmt: skip
    note = (
        f"{len(task.split.train):,} training images are few: a pretrained network, with "
        "gnnvision.transfer.fine_tune, needs less of them."
    )
    return Setup(
        augmented, _build(name, {**sizes, **own}), preset.recipe, 1, ensemble=False,
        inputs="PHOTOS --output predicted.csv", notes=(note,) * few,
    )  # fmt: skip


def _build(name: str, sizes: Mapping[str, Any]) -> nn.Module:
    """The network with those of the sizes that it takes."""
    takes = argument_types(name)
    if "in_channels" not in takes:
        raise invalid("--model", "be a network for this kind of data", repr(name))
    renamed = {"num_classes": "num_outputs", "num_outputs": "num_classes"}
    given = {key if key in takes else renamed.get(key, key): value for key, value in sizes.items()}
    return models.build(name, **{key: value for key, value in given.items() if key in takes})
