"""The size of the signals of a model, and what its outputs depend on, by a trial."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from gnnvision.data import NodeTask
from gnnvision.domains import Frontier, StoredGraph
from gnnvision.errors import invalid
from gnnvision.layers.calling import check_takes
from gnnvision.training.by_layer import hops_of_layers
from gnnvision.training.dependence import hops_of_model
from gnnvision.training.failures import cause_of
from gnnvision.training.seeds import seeded
from gnnvision.training.threads import largest_signal
from gnnvision.training.unit import Shared

__all__ = ["describe_frontier", "measure"]


def measure(shared: Shared) -> None:
    """Measure the model for each stage where that is not done yet.

    Raises:
        ValueError: if the model does not fit the task.
    """
    for stage in shared.stages:
        if stage.values is None:
            model, task = shared.new_model(reset=False), shared.task
            size, is_sampled = stage.recipe.batch_size, stage.recipe.is_sampled
            some = shared.seen(task, stage) if is_sampled else task
            x, domain, _ = next(iter(some.batches("train", size)))
            check_takes(model, domain)
            try:
                if isinstance(task, NodeTask) and is_sampled:
                    if stage.recipe.fanouts is not None:
                        _check_fanouts(model, task, stage.recipe.fanouts)
                elif isinstance(task, NodeTask):
                    stage.hops = hops_of_model(model, task)
                    x, domain, _ = next(iter(shared.seen(task, stage).batches("train")))
                with seeded(0):
                    stage.values = largest_signal(model, x, domain)
            except ValueError as error:
                cause = cause_of(error, shared.task, stage.recipe, 1, len(x), True)
                if cause is None:
                    raise
                raise cause from error


def _check_fanouts(model: nn.Module, task: NodeTask, fanouts: Sequence[int]) -> None:
    """Check that there is a number of neighbors for each hop of the convolutions of a model."""
    graph = task.graph if isinstance(task.graph, StoredGraph) else task.graph.by_target
    hops = hops_of_layers(model, task.rows, graph)
    if hops and sum(hops) != len(fanouts):
        condition = f"have {sum(hops)} numbers, one for each hop of the network's convolutions"
        numbers = ", ".join(["15", *["10"] * (sum(hops) - 1)])
        advice = f"Use for example {numbers}; -1 takes all neighbors."
        raise invalid("fanouts", condition, fanouts, advice)


def describe_frontier(shared: Shared) -> dict[str, str]:
    """How much of a graph a training step computes, for the overview."""
    task, stage = shared.task, shared.stages[0]
    seen = shared.seen(task, stage)
    if seen is task or not isinstance(task, NodeTask):
        return {}
    assert isinstance(seen, NodeTask)
    _, domain, y = next(iter(seen.batches("train", stage.recipe.batch_size)))
    if not isinstance(domain, Frontier):
        return {}
    if seen.clusters is not None:
        count, in_batch = seen.clusters
        words = f"{in_batch} of {count:,} clusters in a batch, others in each epoch"
        edges = f"{domain.steps[0].source.numel():,} edges between them" if domain.steps else ""
        return {
            "sampling": f"{words}: {domain.num_nodes:,} nodes, {edges}",
            "evaluation": "epochs on fixed batches of clusters; at the end all neighbors",
        }
    if seen.fanouts is not None:
        drawn = ", then ".join("all" if n < 0 else f"up to {n}" for n in seen.fanouts)
        words = f"{drawn} neighbors of each node, others in each epoch"
        sizes = f"{domain.num_nodes:,} nodes for the {len(y):,} of a batch"
        return {
            "sampling": f"{words}: {sizes}",
            "evaluation": "epochs on one draw of the validation nodes; at the end all neighbors",
        }
    hops = "1 hop" if domain.hops == 1 else f"{domain.hops} hops"
    nodes = f"{domain.num_nodes:,} of {task.graph.num_nodes:,} nodes"
    return {"frontier": f"{nodes} in training, within {hops} of those with a label"}
