"""Explanations of trained networks, with the same functions for images and graphs."""

from gnnvision._renamed import former_names
from gnnvision.explain.attribution import (
    METHODS,
    Attribution,
    Explain,
    attribute,
    explanation_of,
    method_named,
)
from gnnvision.explain.curves import Faithfulness, MeanGains, mean_gains
from gnnvision.explain.filter_weights import Filters, filters
from gnnvision.explain.instance import Instance, make_instance
from gnnvision.explain.integrated import integrated_gradients, site_attributions
from gnnvision.explain.intervals import Interval
from gnnvision.explain.layer import Layer, Layers
from gnnvision.explain.layer_list import find_layer, layers, layers_by_depth
from gnnvision.explain.maps import FeatureMaps, feature_maps
from gnnvision.explain.places import clusters
from gnnvision.explain.quality import ORDERS, faithfulness, pointing_game
from gnnvision.explain.randomize import cascading_randomization, randomize_weights
from gnnvision.explain.receptive import (
    Field,
    receptive_field,
    receptive_field_sizes,
    receptive_fields,
)
from gnnvision.explain.sanity import (
    DRAWS,
    HALF_SHARED,
    QUARTER_SHARED,
    Sanity,
    sanity_check,
    sanity_checks,
)
from gnnvision.explain.spatial import last_spatial
from gnnvision.explain.tracing import Call, hooked, last_weighted, leaf_layers, model_output, trace

__all__ = [
    "DRAWS",
    "HALF_SHARED",
    "METHODS",
    "ORDERS",
    "QUARTER_SHARED",
    "Attribution",
    "Call",
    "Explain",
    "Faithfulness",
    "FeatureMaps",
    "Field",
    "Filters",
    "Instance",
    "Interval",
    "Layer",
    "Layers",
    "MeanGains",
    "Sanity",
    "attribute",
    "cascading_randomization",
    "clusters",
    "explanation_of",
    "faithfulness",
    "feature_maps",
    "filters",
    "find_layer",
    "hooked",
    "integrated_gradients",
    "last_spatial",
    "last_weighted",
    "layers",
    "layers_by_depth",
    "leaf_layers",
    "make_instance",
    "mean_gains",
    "method_named",
    "model_output",
    "pointing_game",
    "randomize_weights",
    "receptive_field",
    "receptive_field_sizes",
    "receptive_fields",
    "sanity_check",
    "sanity_checks",
    "site_attributions",
    "trace",
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
