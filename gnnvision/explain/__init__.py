"""Explanations: what part of an answer came from where, for pictures and graphs alike."""

from gnnvision.explain.integrated import integrated_gradients, site_attributions

__all__ = ["integrated_gradients", "site_attributions"]
