"""Convolution step by step: sizes, parameters, kernels, pooling and gradients, as calculations.

Nothing here is needed to train a network. The results of `output_size`, `conv_parameters` and
`exercise` print every step of the calculation. The lessons of the documentation use it.
"""

from gnnvision._renamed import former_names
from gnnvision.basics.arithmetic import output_size, pool_size
from gnnvision.basics.calculation import Calculation
from gnnvision.basics.chain_rule import Computation, compare_copies, evaluate, example_computation
from gnnvision.basics.connectivity import LayerMatrix, as_matrix, layer_matrix, shift_matrices
from gnnvision.basics.counting import (
    Comparison,
    compare_with_dense,
    conv_cost,
    conv_parameters,
    dense_parameters,
)
from gnnvision.basics.exercises import (
    ALEXNET,
    ALEXNET_ON_TWO_GPUS,
    LENET,
    Conv,
    Dense,
    Exercise,
    Flatten,
    Pool,
    exercise,
)
from gnnvision.basics.graphs import (
    GraphSteps,
    graph_from_edges,
    graph_steps,
    matrix_text,
    molecule_features,
    node_features,
    normalized_entry,
    product_entry,
)
from gnnvision.basics.kernels import (
    GRAY,
    KERNELS,
    SEPIA,
    apply_kernel,
    get_kernel,
    layer_from_kernels,
    mix_channels,
    smooth_curve,
)
from gnnvision.basics.meshes import (
    PARTS,
    Mesh,
    draw_mesh,
    draw_predictions,
    mesh_section,
    mesh_task,
)
from gnnvision.basics.patterns import (
    convolve,
    correlate,
    cosine_similarity,
    dot_product,
    find_pattern,
    output_at,
)
from gnnvision.basics.photo import Photo, load_photo
from gnnvision.basics.pooling import global_pool, pool, shift_sensitivity

__all__ = [
    "ALEXNET",
    "ALEXNET_ON_TWO_GPUS",
    "GRAY",
    "KERNELS",
    "LENET",
    "PARTS",
    "SEPIA",
    "Calculation",
    "Comparison",
    "Computation",
    "Conv",
    "Dense",
    "Exercise",
    "Flatten",
    "GraphSteps",
    "LayerMatrix",
    "Mesh",
    "Photo",
    "Pool",
    "apply_kernel",
    "as_matrix",
    "compare_copies",
    "compare_with_dense",
    "conv_cost",
    "conv_parameters",
    "convolve",
    "correlate",
    "cosine_similarity",
    "dense_parameters",
    "dot_product",
    "draw_mesh",
    "draw_predictions",
    "evaluate",
    "example_computation",
    "exercise",
    "find_pattern",
    "get_kernel",
    "global_pool",
    "graph_from_edges",
    "graph_steps",
    "layer_from_kernels",
    "layer_matrix",
    "load_photo",
    "matrix_text",
    "mesh_section",
    "mesh_task",
    "mix_channels",
    "molecule_features",
    "node_features",
    "normalized_entry",
    "output_at",
    "output_size",
    "pool",
    "pool_size",
    "product_entry",
    "shift_matrices",
    "shift_sensitivity",
    "smooth_curve",
]

_RENAMED = {  # since version 0.1
    "GREY": "GRAY",
    "Worked": "Calculation",
    "copies": "compare_copies",
    "example": "example_computation",
    "filtered": "apply_kernel",
    "global_pooled": "global_pool",
    "hand_made": "get_kernel",
    "layer_with": "layer_from_kernels",
    "mixed": "mix_channels",
    "pooled": "pool",
    "shift_change": "shift_sensitivity",
    "smoothed": "smooth_curve",
    "worked_at": "output_at",
}
__getattr__ = former_names(__name__, _RENAMED)
