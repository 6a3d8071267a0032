"""Explanations of trained networks, with the same functions for images and graphs."""

from gnnvision._renamed import former_names
from gnnvision.explain.attribution import METHODS, Attribution, attribute, method_named
from gnnvision.explain.by_depth import layers_by_depth
from gnnvision.explain.cam_layer import last_spatial
from gnnvision.explain.curves import Faithfulness, MeanGains, mean_gains
from gnnvision.explain.feature_maps import FeatureMaps, feature_maps
from gnnvision.explain.filters import Filters, filters
from gnnvision.explain.integrated import integrated_gradients, site_attributions
from gnnvision.explain.intervals import Interval
from gnnvision.explain.layers import Layer, Layers, find_layer, layers
from gnnvision.explain.pooled import clusters
from gnnvision.explain.quality import faithfulness, pointing_game
from gnnvision.explain.randomize import cascading_randomization, randomize_weights
from gnnvision.explain.receptive import (
    Field,
    receptive_field,
    receptive_field_sizes,
    receptive_fields,
)
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
    "MeanGains",
    "Sanity",
    "attribute",
    "cascading_randomization",
    "clusters",
    "faithfulness",
    "feature_maps",
    "filters",
    "find_layer",
    "integrated_gradients",
    "last_spatial",
    "layers",
    "layers_by_depth",
    "mean_gains",
    "method_named",
    "pointing_game",
    "randomize_weights",
    "receptive_field",
    "receptive_field_sizes",
    "receptive_fields",
    "sanity_check",
    "sanity_checks",
    "site_attributions",
]

_RENAMED = {  # since version 0.1
    "OverInputs": "MeanGains",
    "cascade": "cascading_randomization",
    "depths": "layers_by_depth",
    "over_inputs": "mean_gains",
    "randomized": "randomize_weights",
    "reaches": "receptive_field_sizes",
}
__getattr__ = former_names(__name__, _RENAMED)
