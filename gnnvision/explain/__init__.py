"""Explanations: what part of an answer came from where, for pictures and graphs alike."""

from gnnvision.explain.attribution import METHODS, Attribution, attribute, method_named
from gnnvision.explain.cam_layer import last_spatial
from gnnvision.explain.depths import depths
from gnnvision.explain.faithful import Faithfulness, OverInputs, over_inputs
from gnnvision.explain.feature_maps import FeatureMaps, feature_maps
from gnnvision.explain.filters import Filters, filters
from gnnvision.explain.integrated import integrated_gradients, site_attributions
from gnnvision.explain.intervals import Interval
from gnnvision.explain.layers import Layer, Layers, find_layer, layers
from gnnvision.explain.pooled import clusters
from gnnvision.explain.quality import faithfulness, pointing_game
from gnnvision.explain.randomize import cascade, randomized
from gnnvision.explain.receptive import Field, reaches, receptive_field, receptive_fields
from gnnvision.explain.sanity import Sanity, sanity_check, sanity_checks

__all__ = [
    "METHODS",
    "Attribution",
    "Faithfulness",
    "FeatureMaps",
    "Field",
    "Filters",
    "Interval",
    "Layer",
    "Layers",
    "OverInputs",
    "Sanity",
    "attribute",
    "cascade",
    "clusters",
    "depths",
    "faithfulness",
    "feature_maps",
    "filters",
    "find_layer",
    "integrated_gradients",
    "last_spatial",
    "layers",
    "method_named",
    "over_inputs",
    "pointing_game",
    "randomized",
    "reaches",
    "receptive_field",
    "receptive_fields",
    "sanity_check",
    "sanity_checks",
    "site_attributions",
]
