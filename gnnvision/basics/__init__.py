"""Convolution for people who learn it: numbers worked out in steps, and pictures of them.

Nothing here is needed to train a network. `output_size`, `conv_parameters` and `exercise` show
their working when printed; `write_page` makes the whole page.
"""

from gnnvision.basics.arithmetic import output_size, pool_size
from gnnvision.basics.chain_rule import Computation, copies, evaluate, example
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
    LENET,
    Conv,
    Dense,
    Exercise,
    Flatten,
    Pool,
    exercise,
)
from gnnvision.basics.kernels import (
    GREY,
    KERNELS,
    SEPIA,
    filtered,
    hand_made,
    layer_with,
    mixed,
    smoothed,
)
from gnnvision.basics.page import write_page
from gnnvision.basics.patterns import (
    convolve,
    correlate,
    cosine_similarity,
    dot_product,
    find_pattern,
    worked_at,
)
from gnnvision.basics.photo import Photo, load_photo
from gnnvision.basics.pooling import global_pooled, pooled, shift_change
from gnnvision.basics.worked import Worked

__all__ = [
    "ALEXNET",
    "GREY",
    "KERNELS",
    "LENET",
    "SEPIA",
    "Comparison",
    "Computation",
    "Conv",
    "Dense",
    "Exercise",
    "Flatten",
    "LayerMatrix",
    "Photo",
    "Pool",
    "Worked",
    "as_matrix",
    "compare_with_dense",
    "conv_cost",
    "conv_parameters",
    "convolve",
    "copies",
    "correlate",
    "cosine_similarity",
    "dense_parameters",
    "dot_product",
    "evaluate",
    "example",
    "exercise",
    "filtered",
    "find_pattern",
    "global_pooled",
    "hand_made",
    "layer_matrix",
    "layer_with",
    "load_photo",
    "mixed",
    "output_size",
    "pool_size",
    "pooled",
    "shift_change",
    "shift_matrices",
    "smoothed",
    "worked_at",
    "write_page",
]
