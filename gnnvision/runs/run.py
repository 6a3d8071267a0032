"""A finished run, loaded again: its networks, its task, predictions and explanations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.data import Task
from gnnvision.domains import Domain
from gnnvision.errors import invalid, nearest
from gnnvision.explain import attribute, method_named
from gnnvision.operators.signals import is_sparse
from gnnvision.runs.embedding import embed
from gnnvision.runs.explanation import Explanation
from gnnvision.runs.inputs import Block, Input, Reader
from gnnvision.runs.links import LinkReader
from gnnvision.runs.predictions import Predictions
from gnnvision.training.objective import to_predictions
from gnnvision.training.recipe import Recipe
from gnnvision.training.record import read_result
from gnnvision.training.result import Result
from gnnvision.training.seed_run import arithmetic
from gnnvision.training.stored_network import check_call

__all__ = ["FOR_ALL", "FOR_NODES", "Run"]

FOR_ALL = ("grad_cam", "integrated_gradients", "occlusion")
FOR_NODES = ("gradient", "input_gradient", "integrated_gradients")  # occlusion takes minutes


class Run:
    """A finished run; see `load_run`.

    Args:
        about: the description of the run in its checkpoint.
        networks: of one architecture, each with its weights: the ensemble of the seeds if they
            were kept, else the best one.
        reader: reads the inputs of this kind of run.
        task: loads the task of the run.
        device: where the networks are.
        folder: the run folder; None for a checkpoint outside of one.
    """

    def __init__(
        self,
        about: dict[str, Any],
        networks: Sequence[nn.Module],
        reader: Reader,
        task: Callable[[], Task],
        device: str = "cpu",
        folder: Path | None = None,
    ) -> None:
        self.about = about
        self.networks = tuple(networks)
        self.device = device
        self.folder = folder
        self._reader, self._load_task = reader, task

    @property
    def model(self) -> nn.Module:
        """The first network, in evaluation mode."""
        return self.networks[0]

    @property
    def kind(self) -> str:
        """What the run was trained on: "image", "molecule", "node", "graph" or "link"."""
        return self._reader.kind

    @property
    def target_kind(self) -> str:
        """The kind of target: "classification", "multilabel" or "regression"."""
        return str(self.about["kind"])

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the classes or targets."""
        return self._reader.output_names

    @property
    def title(self) -> str:
        """What the run was trained on, as text."""
        return self._reader.title

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the input channels, where each has a meaning."""
        return self._reader.feature_names

    @property
    def kind_names(self) -> tuple[str, ...]:
        """The names of the kinds of nodes, for graphs that have kinds."""
        return self._reader.kind_names

    @property
    def reader(self) -> Reader:
        """How this kind of run reads its inputs."""
        return self._reader

    def check_kind(self, kind: str) -> None:
        """Check what the run was trained on.

        Args:
            kind: "image", "molecule", "node", "graph" or "link".

        Raises:
            ValueError: if it was trained on another kind of data.
        """
        if self.kind != kind:
            got = f"a run on {self.title!r}, whose inputs are {self.kind}s"
            advice = f"Give the folder of a finished run on {kind}s."
            raise invalid("checkpoint", f"come from a run on {kind}s", got, advice)

    @property
    def recipe(self) -> Recipe:
        """The training settings."""
        return Recipe.from_dict(self.about.get("recipe", {}))

    @cached_property
    def task(self) -> Task:
        """The data of the run with its split, loaded when it is first used.

        They come from the dataset or the path that the run was trained on; a graph of the user's
        own from the run folder, if its file has moved.

        Raises:
            ValueError: if they are not available, or not those of the run.
        """
        return self._load_task()

    @property
    def result(self) -> Result:
        """The result of the run, which can write its report again.

        Raises:
            ValueError: if the folder does not have all files of a finished run.
        """
        if self.folder is None:
            got = "a checkpoint outside of a run folder"
            raise invalid("run", "have its folder", got, "Load the run folder.")
        return read_result(self.folder, self.task, self.model, self.device)

    def __repr__(self) -> str:
        networks = f"{len(self.networks)} networks" if len(self.networks) > 1 else "a network"
        return f"Run on {self.title}: {networks} for {self.kind}s, {self.target_kind}"

    def predict(
        self,
        inputs: Any = None,  # noqa: ANN401
        *,
        nodes: Any = None,  # noqa: ANN401
        edges: Any = None,  # noqa: ANN401
        smiles: str | None = None,
    ) -> Predictions:
        """Predictions for inputs, a row for each in order.

        Args:
            inputs: For images: files, folders of them, or uint8 (B, C, H, W) in the size of the
                training. For molecules: SMILES, or a table of them (a path, a DataFrame or a dict
                of columns). For nodes: ids of nodes of the training graph (None for all), or
                another graph: torch-geometric's `Data`, a networkx graph, or a pair (x, graph).
                For graphs: the numbers from 1 or names of graphs of the task (None for all), or
                pairs (x, graph) or `Data`. For links: pairs of nodes, or nodes whose most
                probable new links are asked for (None for those of all nodes).
            nodes: For nodes: a table of new nodes, a path, a DataFrame or a dict of columns, with
                the columns of the training, or "x" with the features where the run was not
                trained on tables.
            edges: The table of their edges, to each other and to nodes of the training graph.
                Only the part of the graph that the new nodes depend on is computed; the notes of
                the result say how many nodes, and how many known ones have another degree now.
            smiles: For tables of molecules: the column of the SMILES.

        Returns:
            The table. An input that cannot be read has a row with the reason.

        Raises:
            TypeError: if the inputs are those of another kind of run.
            ValueError: if an id is unknown, a column is missing or of another kind, or a label
                was not seen in training.
        """
        return Predictions.join(list(self.stream(inputs, nodes=nodes, edges=edges, smiles=smiles)))

    def stream(self, inputs: Any = None, **options: Any) -> Iterator[Predictions]:  # noqa: ANN401
        """`predict` in blocks of rows, for tables larger than the memory.

        The arguments are those of `predict`; `write_predictions` writes the blocks to a file.
        """
        if inputs is None and options.get("nodes") is None and self.kind in ("image", "molecule"):
            advice = "Name what is to be predicted."
            raise invalid("inputs", f"be given for a run on {self.kind}s", None, advice)
        given = {name: value for name, value in options.items() if value is not None}
        return map(self._predict, self._reader.blocks(inputs, **given))

    def _predict(self, block: Block) -> Predictions:
        count, valid = len(block.ids), block.valid
        values = torch.full((count, self._num_outputs), torch.nan)
        spread = values.clone()
        if valid and block.x is not None:
            outputs = torch.stack([self._outputs(n, block) for n in self.networks])
            values = torch.full((count, outputs.shape[2]), torch.nan)
            spread = values.clone()
            values[valid] = outputs.mean(0)
            if len(self.networks) > 1:
                spread[valid] = outputs.std(0)
        reader = self._reader
        return Predictions(
            ids=tuple(block.ids),
            values=values,
            spread=spread,
            reasons=tuple(block.reasons),
            output_names=self.output_names,
            kind=self.target_kind,
            changes=tuple(block.changes),
            id_name=reader.id_name,
            class_name=reader.class_name,
            networks=len(self.networks),
            before=block.before,
            after=block.after,
            notes=block.notes,
            delimiter=reader.delimiter,
        )

    @property
    def _num_outputs(self) -> int:
        return len(self.output_names)

    def _outputs(self, network: nn.Module, block: Block) -> Tensor:
        """The predictions of one network for the valid rows of a block."""
        assert block.x is not None
        assert block.domain is not None
        with torch.inference_mode(), arithmetic(self.device, self.about["precision"]):
            output = self._reader.output(network, block.x, block.domain).float()
        if block.rows is not None:
            output = output[block.rows.to(output.device)]
        return to_predictions(self.target_kind, output).cpu()

    def embed(self, inputs: Any = None, layer: str | None = None, **options: Any) -> Tensor:  # noqa: ANN401
        """The signal before the head: what the last dense layer or convolution reads.

        The rows are in the order of the inputs, as the ids of `predict`. Where that layer reads a
        value for each pixel, or for each node of several graphs, a row is their mean. For links
        the inputs are nodes, and a row is what the readout of pairs reads for a node. Of an
        ensemble, only the first network is used.

        Args:
            inputs: as for `predict`, with the same options.
            layer: the name of a layer, of which the output is returned instead.
            **options: `nodes`, `edges` and `smiles`, as for `predict`.

        Returns:
            A row for each input in order; NaN for one that cannot be read. Shape (rows, channels).

        Raises:
            ValueError: if there is no such layer, or as for `predict`.
        """
        if isinstance(self._reader, LinkReader) and layer is None:
            return self._reader.embed(self.model, inputs)
        parts: list[tuple[Block, Tensor | None]] = []
        given = {name: value for name, value in options.items() if value is not None}
        blocks = self._reader.blocks(inputs, **given)
        for block in chain.from_iterable(map(self._reader.with_signal, blocks)):
            if block.x is None or block.domain is None:
                parts.append((block, None))
                continue
            with arithmetic(self.device, self.about["precision"]):
                found = embed(self.model, block.x, block.domain, layer)
            parts.append((block, found if block.rows is None else found[block.rows]))
        width = next((rows.shape[1] for _, rows in parts if rows is not None), 0)
        out = []
        for block, rows in parts:
            each = torch.full((len(block.ids), width), torch.nan)
            if rows is not None:
                each[block.valid] = rows
            out.append(each)
        return torch.cat(out) if out else torch.empty(0, width)

    def inputs(self, names: Any) -> list[Input]:  # noqa: ANN401
        """Single inputs with their signal and domain, for explanations and feature maps.

        Args:
            names: image files or folders, SMILES, ids of nodes or graphs of the task, or pairs
                of nodes.

        Raises:
            ValueError: if there are none, or one is not of the kind that the network reads.
        """
        single = isinstance(names, (str, int, os.PathLike))
        single = single or (self.kind == "link" and isinstance(names, tuple))
        listed: list[Any] = [names] if single else list(names)
        if not listed:
            advice = "Name images, SMILES, nodes or graphs."
            raise invalid("inputs", "contain at least one input", "none", advice)
        texts = [name if isinstance(name, (tuple, list)) else str(name) for name in listed]
        return list(self._reader.read(texts))

    def explain(
        self,
        inputs: Any,  # noqa: ANN401
        method: str | Sequence[str] | None = None,
        target: str | int | None = None,
        layer: str | None = None,
    ) -> list[Explanation]:
        """Attributions of the predictions for inputs to their pixels, atoms or nodes.

        Args:
            inputs: as for `inputs`.
            method: one or several of `gnnvision.explain.METHODS`; None for Grad-CAM, integrated
                gradients and occlusion, and for nodes of one graph the gradient, input times
                gradient and integrated gradients.
            target: the class or target to explain, by name or number from 0; None for the
                predicted class, and the first target of a regression.
            layer: for Grad-CAM; None for the last one that has sites.

        Returns:
            An explanation for each input: its attributions by method.

        Raises:
            ValueError: if a name is unknown.
        """
        column = None if target is None else self.output_index(target)
        if column is None and self.target_kind == "regression":
            column = 0
        found = []
        for item in self.inputs(inputs):
            usual = FOR_NODES if self.kind in ("node", "link") else FOR_ALL
            asked = [method] if isinstance(method, str) else list(method or usual)
            x = item.x.to_dense() if is_sparse(item.x) else item.x
            each = {}
            for name in map(method_named, asked):
                used = layer if name.endswith("grad_cam") else None
                each[name] = attribute(
                    self.model, x, item.domain, name, column, used, site=item.node
                )
            explained = int(next(iter(each.values())).target[0])
            found.append(Explanation(item, self.output_names[explained], each))
        return found

    def output_index(self, target: str | int) -> int:
        """The index of an output by its name, in any case, or its number from 0.

        Raises:
            ValueError: if there is none, with the nearest names.
        """
        names = self.output_names
        by_name = {name.lower(): number for number, name in enumerate(names)}
        wanted = str(target).strip().lower()
        if wanted in by_name and not isinstance(target, int):
            return by_name[wanted]
        if wanted.lstrip("-").isdigit():
            if 0 <= int(wanted) < len(names):
                return int(wanted)
            condition = f"be a number from 0 to {len(names) - 1} or a name"
            raise invalid("target", condition, target, f"The network has {len(names)} outputs.")
        near = ", ".join(map(repr, nearest(wanted, names, count=3, cutoff=0.0)))
        advice = f"Did you mean one of {near}? You can also give its number."
        raise invalid("target", "be an output of the network", repr(target), advice)

    def describe(self, inputs: Any = None, **options: Any) -> dict[str, str]:  # noqa: ANN401
        """What is to be predicted by which networks, as a title and a text for each line.

        The arguments are those of `predict`.
        """
        count = len(self.networks)
        names = ", ".join(self.output_names[:4]) + (", ..." if self._num_outputs > 4 else "")
        networks = f"{count:,}, trained on {self.title}, {self.target_kind}: {names}"
        given = {name: value for name, value in options.items() if value is not None}
        return {"networks": networks, **self._reader.describe(inputs, **given)}

    def _check(self, file: Path) -> None:
        """Check that each network has the outputs that its checkpoint describes."""
        for network in self.networks:

            def run(x: Tensor, domain: Domain, network: nn.Module = network) -> Tensor:
                with torch.inference_mode(), arithmetic(self.device, self.about["precision"]):
                    return self._reader.output(network, x, domain)

            output = self._reader.check(run)
            if output is not None:
                check_call(file, lambda output=output: output, self._num_outputs)  # type: ignore[misc]
