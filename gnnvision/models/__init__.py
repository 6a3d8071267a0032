"""Networks by name, each a few lines of layers."""

from gnnvision.models.gcn import Block, classic_gcn, gcn

__all__ = ["Block", "classic_gcn", "gcn"]
