"""The table of the network's layers."""

from __future__ import annotations

from torch import Tensor

from gnnvision.report.observe import trace, units
from gnnvision.report.parts import Run, Section, Table

__all__ = ["network"]


def network(run: Run) -> Section | None:
    """The section of the network: its layers as they ran on the real data."""
    task, model = run.result.task, run.result.model
    x, domain, _ = next(iter(task.batches("test")))
    _, calls = trace(model, x, domain)
    ran = {call.module: call for call in calls}
    rows = [("input", "", _shape(x), "")]
    counted: set[int] = set()
    for name, module in units(model):
        fresh = {id(p): p.numel() for p in module.parameters() if id(p) not in counted}
        if list(module.children()) and module not in ran:
            # Parts of a container have rows of their own.
            fresh = {id(p): p.numel() for p in module.parameters(recurse=False)}
        counted |= fresh.keys()
        call = ran.get(module)
        shape = "inside its block" if call is None else _shape(call.output)
        if call is not None and call.times > 1:
            shape += f", {call.times} times"
        if call is None and not fresh:
            continue
        kind = type(module).__name__ + _settings(module.extra_repr())
        rows.append((name, kind, shape, f"{sum(fresh.values()):,}" if fresh else "0"))
    total = sum(parameter.numel() for parameter in model.parameters())
    rows.append(("all", type(model).__name__, "", f"{total:,}"))
    lead = f"The network has {total:,} parameters: the numbers that training sets."
    note = (
        "Shapes are those of the signal after each layer, read off while the network ran on the "
        "data of this page."
    )
    table = Table(("Layer", "Kind", "Output shape", "Parameters"), rows, 3, total=True)
    return Section("The network", lead, (), [table], note)


def _shape(x: Tensor) -> str:
    sparse = "" if x.layout.__str__() == "torch.strided" else " sparse"
    return " × ".join(f"{size:,}" for size in x.shape) + sparse


def _settings(text: str) -> str:
    short = text.split(", bias=")[0].split(", inplace=")[0].replace("inplace=False", "")
    short = short.replace("in_features=", "").replace("out_features=", "")
    return f" ({short})" if short else ""
