"""The size of the signals of a model, and what its outputs depend on, by a trial."""

from __future__ import annotations

from gnnvision.data import NodeTask
from gnnvision.domains import Frontier
from gnnvision.layers.calling import check_takes
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
            size = stage.recipe.batch_size
            some = shared.seen(task, stage) if stage.recipe.fanouts else task
            x, domain, _ = next(iter(some.batches("train", size)))
            check_takes(model, domain)
            try:
                if isinstance(task, NodeTask):
                    if stage.recipe.fanouts is None:
                        stage.hops = hops_of_model(model, task)
                    else:
                        check_fanouts(model, task, stage.recipe.fanouts)
                    x, domain, _ = next(iter(shared.seen(task, stage).batches("train")))
                with seeded(0):
                    stage.values = largest_signal(model, x, domain)
            except ValueError as error:
                cause = cause_of(error, shared.task, stage.recipe, 1, len(x), True)
                if cause is None:
                    raise
                raise cause from error


def describe_frontier(shared: Shared) -> dict[str, str]:
    """How much of a graph a training step computes, for the overview."""
    task, stage = shared.task, shared.stages[0]
    seen = shared.seen(task, stage)
    if seen is task or not isinstance(task, NodeTask):
        return {}
    _, domain, _ = next(iter(seen.batches("train")))
    if not isinstance(domain, Frontier):
        return {}
    hops = "1 hop" if domain.hops == 1 else f"{domain.hops} hops"
    nodes = f"{domain.num_nodes:,} of {task.graph.num_nodes:,} nodes"
    return {"frontier": f"{nodes} in training, within {hops} of those with a label"}
