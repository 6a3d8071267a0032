"""Trained networks as programs for other software: ONNX files, and torch's own `.pt2`.

A program knows tensors only, so that the columns of a graph are its inputs in place of a `Graph`.
The numbers of nodes, edges, graphs and images are free; everything else is fixed.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.export.graph_signature import InputKind

from gnnvision._extras import install_command, missing
from gnnvision._version import __version__
from gnnvision.data import Task
from gnnvision.domains import Domain, Graph, Grid
from gnnvision.domains.device import sum_at
from gnnvision.errors import invalid
from gnnvision.layers.calling import call, check_takes, one_tensor
from gnnvision.layers.hooks import evaluating
from gnnvision.models import network_name

__all__ = ["Exported", "Program", "export_network"]

COLUMNS = ("edge_weight", "edge_attr", "edge_type")
METADATA = "gnnvision.json"  # the name of the metadata in a .pt2 file
_PACKAGES = ("onnx", "onnxscript")
_MEANINGS = {
    "edge_index": "source and target node of each edge, from 0",
    "edge_weight": "weight of each edge",
    "edge_attr": "attributes of each edge",
    "edge_type": "relation of each edge, from 0",
    "batch": "graph of each node, from 0, in ascending order",
    "graph_attr": "attributes of each graph",
}


@dataclass(frozen=True)
class Exported:
    """A network that was written to a file, which other software can run.

    Args:
        path: the file.
        inputs: the name of each input -> its dtype, shape and meaning. A word in a shape is a
            size that may differ from call to call.
        outputs: the same for the output.
        metadata: what the file also says about the network and its data.
    """

    path: Path
    inputs: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]]
    metadata: Mapping[str, Any]

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.metadata['network']} on {self.metadata['dataset']}"]
        for word, described in (("input", self.inputs), ("output", self.outputs)):
            for name, about in described.items():
                shape = ", ".join(map(str, about["shape"]))
                lines.append(f"  {word} {name}: {about['dtype']} ({shape}), {about['meaning']}")
        return "\n".join(lines)


class Program(nn.Module):
    """A network as a function of tensors.

    Args:
        model: a network for images or graphs.

    Shapes:
        x (B, C, H, W) for images, (N, C) for graphs; edge_index (2, E), edge_weight and edge_type
        (E,), edge_attr (E, D), batch (N,), graph_attr (G, D). Output of the network.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor | None = None,
        edge_weight: Tensor | None = None,
        edge_attr: Tensor | None = None,
        edge_type: Tensor | None = None,
        batch: Tensor | None = None,
        graph_attr: Tensor | None = None,
    ) -> Tensor:
        """The output of the network."""
        if edge_index is None:
            domain: Domain = Grid(tuple(x.shape[2:]))
            return one_tensor(call(self.model, x, domain), self.model)
        offsets: Any = None
        if batch is not None:
            if graph_attr is None:
                last: Any = batch.max().item()
                torch._check(last >= 0)  # which tracing cannot know
                count = last + 1
            else:
                count = graph_attr.shape[0]
            sizes = sum_at(batch, torch.ones_like(batch), count)
            offsets = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
        graph = Graph(
            edge_index,
            x.shape[0],
            edge_weight=edge_weight,
            edge_attr=edge_attr,
            edge_type=edge_type,
            offsets=offsets,
            graph_attr=graph_attr,
        )
        return one_tensor(call(self.model, x, graph), self.model)


def export_network(model: nn.Module, task: Task, path: str | os.PathLike[str]) -> Exported:
    """Write a network as a program that runs without this package.

    The program has the inputs of the network, normalized as in training, and its outputs: logits
    for classes, numbers in the units of the targets for a regression. For graphs the inputs are
    `x`, `edge_index` and the columns that the network reads: `edge_weight`, `edge_attr`,
    `edge_type`, `batch`, `graph_attr`. The file also says which, with the names of the outputs and
    the normalization of images: in the metadata of an ONNX file, and as "gnnvision.json" among
    the `extra_files` of a .pt2 file.

    Args:
        model: the network.
        task: data that it takes.
        path: the file to write; its suffix is the format: ".onnx" or ".pt2".

    Raises:
        ValueError: if the suffix is another one, the packages for ONNX are not installed, or a
            layer cannot be exported, with its name and the reason.
    """
    path = Path(path)
    if path.suffix not in (".onnx", ".pt2"):
        raise invalid("path", "end in '.onnx' or '.pt2'", repr(str(path)), "Choose a format.")
    if path.suffix == ".onnx" and (lacking := missing("onnx", *_PACKAGES)):
        got = f"{str(path)!r}, but {' and '.join(lacking)} cannot be found"
        advice = f"Install it with: {install_command('onnx')}, or choose '.pt2'."
        raise invalid("path", "name a format that can be written", got, advice)
    x, domain = _example(task)
    check_takes(model, domain)
    program = Program(copy.deepcopy(model).cpu())
    with evaluating(program), torch.no_grad():
        inputs = _inputs(x, domain, task)
        traced = _trace(program, inputs)
        unused = _unused(traced)
        if unused:
            inputs = {name: value for name, value in inputs.items() if name not in unused}
            traced = _trace(program, inputs)
        _check(traced, program.model, x, domain, inputs)
    about = _describe(model, task, domain, inputs, traced)
    if path.suffix == ".pt2":
        torch.export.save(traced, path, extra_files={METADATA: json.dumps(about)})
    else:
        _write_onnx(traced, path, about)
    return Exported(path, about.pop("inputs"), about.pop("outputs"), about)


def _example(task: Task) -> tuple[Tensor, Domain]:
    """A signal of the task on its domain, of several graphs if there are."""
    for split in ("test", "val", "train"):
        for x, domain, _ in task.batches(split):
            return x.detach().to_dense().cpu(), domain.to("cpu")
    raise invalid("task", "have at least one item", "none", "Use a task with data.")


def _inputs(x: Tensor, domain: Domain, task: Task) -> dict[str, Tensor]:
    """Small inputs of the same kinds, for tracing: values are not looked at."""
    if not isinstance(domain, Graph):
        return {"x": x.new_zeros(2, *x.shape[1:])}
    nodes, edges = 6, 10
    index = torch.arange(2 * edges).reshape(2, edges) % nodes
    out = {"x": x.new_zeros(nodes, x.shape[1]), "edge_index": index}
    for name in COLUMNS:
        column = getattr(domain, name)
        if column is not None:
            out[name] = column.new_ones(edges, *column.shape[1:])
    if _has_many(task, domain):
        out["batch"] = torch.arange(nodes) // 2
        if domain.graph_attr is not None:
            out["graph_attr"] = domain.graph_attr.new_zeros(3, domain.graph_attr.shape[1])
    return out


def _has_many(task: Task, graph: Graph) -> bool:
    """Whether the inputs of a task are batches of graphs."""
    return graph.num_graphs > 1 or getattr(task, "graphs", None) is not None


def _trace(program: Program, inputs: Mapping[str, Tensor]) -> ExportedProgram:
    sizes = {name: Dim(name) for name in ("images", "nodes", "edges", "graphs")}
    nodes, edges = sizes["nodes"], sizes["edges"]
    of: dict[str, dict[int, Any]] = {name: {0: edges} for name in COLUMNS}
    of |= {"x": {0: nodes}, "edge_index": {1: edges}, "batch": {0: nodes}}
    of |= {"graph_attr": {0: sizes["graphs"]}}
    if "edge_index" not in inputs:
        of["x"] = {0: sizes["images"]}
    shapes = {name: of[name] for name in inputs}
    try:
        with _quiet():
            return torch.export.export(
                program, (), dict(inputs), dynamic_shapes=shapes, strict=False
            )
    except Exception as error:
        raise _refusal(program.model, error) from error


def _refusal(model: nn.Module, error: Exception) -> ValueError:
    """The error for a network with a layer that cannot be exported."""
    names = {id(module): name for name, module in model.named_modules()}
    layer: nn.Module = model
    for frame, _ in traceback.walk_tb(error.__traceback__):
        held = frame.f_locals.get("self")
        if isinstance(held, nn.Module) and id(held) in names:
            layer = held
    name = f"layer {names[id(layer)]!r}, a " if names.get(id(layer)) else ""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    got = f"{name}{type(layer).__name__} ({reason})"
    advice = "Replace the layer, or run the network in Python with gnnvision."
    return invalid("model", "have only layers that can be exported", got, advice)


def _unused(traced: ExportedProgram) -> set[str]:
    """The names of the inputs that nothing depends on."""
    places = {node.name: node for node in traced.graph.nodes if node.op == "placeholder"}
    specs = [s for s in traced.graph_signature.input_specs if s.kind is InputKind.USER_INPUT]
    names = [s.arg.name for s in specs]
    return {name for name in names if not places[name].users}


def _check(
    traced: ExportedProgram,
    model: nn.Module,
    x: Tensor,
    domain: Domain,
    inputs: Mapping[str, Tensor],
) -> None:
    """Check that the program has the outputs of the network."""
    given = {"x": x} | {n: getattr(domain, n) for n in inputs if n not in ("x", "batch")}
    if "batch" in inputs:
        given["batch"] = domain.graph_index  # type: ignore[attr-defined]
    expected = one_tensor(call(model, x, domain), model)
    got = traced.module()(**given)
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    if got.shape != expected.shape or not torch.allclose(got, expected, 1e-3, 1e-4 * (1 + scale)):
        found = "a program with other outputs than the network"
        advice = "Please report it, with the network."
        raise invalid("model", "have only layers that can be exported", found, advice)


def _describe(
    model: nn.Module,
    task: Task,
    domain: Domain,
    inputs: Mapping[str, Tensor],
    traced: ExportedProgram,
) -> dict[str, Any]:
    """What the file says about the network, as JSON types."""
    given = {k: v for k, v in task.input_description().items() if k != "training_molecules"}
    rows = "images" if isinstance(domain, Grid) else "graphs" if "batch" in inputs else "nodes"
    sizes: dict[str, tuple[Any, ...]] = {
        "x": ("images" if isinstance(domain, Grid) else "nodes",),
        "batch": ("nodes",),
    }
    sizes |= {"edge_index": (2, "edges"), "graph_attr": ("graphs",)}
    sizes |= dict.fromkeys(COLUMNS, ("edges",))
    meaning = "features of each node"
    if isinstance(domain, Grid):
        meaning = "images, normalized"
        if "mean" in given:
            meaning += f": (pixel / 255 - {given['mean']}) / {given['std']} for each channel"
    described = {}
    for name, value in inputs.items():
        known = sizes[name]
        described[name] = {
            "dtype": str(value.dtype).removeprefix("torch."),
            "shape": [*known, *value.shape[len(known) :]],
            "meaning": _MEANINGS.get(name, meaning),
        }
    kinds = {
        "classification": "logits of the classes",
        "multilabel": "logits of the labels",
        "regression": "predictions in the units of the targets",
    }
    (node,) = traced.graph.output_node().args[0]
    value = node.meta["val"]
    output = {
        "dtype": str(value.dtype).removeprefix("torch."),
        "shape": [rows, *map(int, value.shape[1:])],
        "meaning": kinds[task.kind],
    }
    return {
        "gnnvision": __version__,
        "network": network_name(model),
        "dataset": task.card.title,
        "kind": task.kind,
        "class_names": list(task.class_names),
        "input": given,
        "inputs": described,
        "outputs": {"y": output},
    }


def _write_onnx(traced: ExportedProgram, path: Path, about: Mapping[str, Any]) -> None:
    with _quiet():
        program = torch.onnx.export(
            traced.run_decompositions({torch.ops.aten.index_add.default: _index_add}),
            dynamo=True,
            verbose=False,
            input_names=list(about["inputs"]),
            output_names=list(about["outputs"]),
        )
        assert program is not None
        for key, value in about.items():
            text = value if isinstance(value, str) else json.dumps(value)
            program.model.metadata_props[key] = text
        program.save(path)


def _index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, alpha: float = 1) -> Tensor:
    """`index_add` as a scatter_add, which ONNX has; what torch writes otherwise is not safe.

    That is a ScatterND, which onnxruntime runs in several threads that overwrite one another.
    """
    shape = [1] * source.ndim
    shape[dim] = -1
    return x.scatter_add(dim, index.view(shape).expand_as(source), alpha * source)


@contextmanager
def _quiet() -> Iterator[None]:
    """A context without torch's remarks on its own implementation."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
