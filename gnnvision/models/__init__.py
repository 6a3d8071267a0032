"""Networks by name, each a few lines of layers."""

from gnnvision.models.gcn import classic_gcn, gcn

__all__ = ["classic_gcn", "gcn"]
