"""The arithmetic of a network: shapes, parameters, costs and receptive fields."""

from gnnvision.inspect.layer import LayerSummary
from gnnvision.inspect.measured import summary
from gnnvision.inspect.network import Summary
from gnnvision.inspect.reach import Reach
from gnnvision.inspect.table import HEAD, amount, in_bytes, shape_text

__all__ = [
    "HEAD",
    "LayerSummary",
    "Reach",
    "Summary",
    "amount",
    "in_bytes",
    "shape_text",
    "summary",
]
