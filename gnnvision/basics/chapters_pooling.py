"""Chapters 10 to 12: pooling, gradients, and errata of the lectures."""

from __future__ import annotations

import torch

from gnnvision.basics.arithmetic import output_size, pool_size
from gnnvision.basics.chain_rule import compare_copies, example_computation
from gnnvision.basics.chapter import Chapter, Material
from gnnvision.basics.counting import conv_parameters
from gnnvision.basics.exercises import LENET, exercise, one_channel_parameters
from gnnvision.basics.figures_chain import copy_table, draw_computation_graph
from gnnvision.basics.figures_formula import PRODUCT_EXAMPLE
from gnnvision.basics.figures_pooling import (
    BLOCK_EXAMPLE,
    OVERLAP_EXAMPLE,
    draw_pooled_photo,
    draw_pooling_examples,
    draw_shift_sensitivity,
)
from gnnvision.basics.patterns import output_at
from gnnvision.basics.pooling import global_pool, pool, shift_sensitivity
from gnnvision.report.parts import Section, Table

__all__ = ["errata", "gradients", "pooling"]


def pooling(material: Material) -> Chapter:
    """Chapter 10: pooling, and how it reduces sensitivity to small shifts."""
    gray = material.photo.gray
    side = 64 if min(gray.shape) >= 80 else 32
    measured = shift_sensitivity(gray, side=side)
    lead = (
        "Pooling replaces each window by one value: its maximum or its mean. It has no "
        "parameters and acts on each channel separately. A smaller feature map gives later layers "
        "a larger receptive field at a lower cost. Pooling also makes features less sensitive to "
        "small shifts of the input."
    )
    kinds = list(measured.change)
    rows = [
        (name, *(f"{100 * measured.change[name][d]:.0f} %" for d in measured.shifts[1:]))
        for name in kinds
    ]
    head = ("Relative change of features at a shift of", *(f"{d} px" for d in measured.shifts[1:]))
    note = (
        f"Measured on the photograph with windows of {side}×{side} pixels: four edge maps f after "
        "ReLU, relative change |f(shifted) - f| / |f|, averaged over the windows. Pooling makes "
        "features less sensitive to shifts, but not invariant: a shift that is not a multiple of "
        "the stride still changes them (Zhang, “Making Convolutional Networks Shift-Invariant "
        "Again”, 2019)."
    )
    figures = [
        draw_pooling_examples(material.svg("pooling_tables")),
        draw_pooled_photo(material.png("pooling_photo"), gray),
        draw_shift_sensitivity(material.svg("pooling_shift"), measured),
    ]
    block, overlap = torch.tensor(BLOCK_EXAMPLE), torch.tensor(OVERLAP_EXAMPLE)
    numbers = {
        "max_2x2": pool(block, 2).tolist(),
        "global_max": float(global_pool(block, "max")),
        "overlapping": pool(overlap, 2, stride=1).tolist(),
        "shifts": list(measured.shifts),
        "change": {name: list(values) for name, values in measured.change.items()},
    }
    return Chapter(Section("Pooling", lead, figures, [Table(head, rows)], note), (), numbers)


def gradients(material: Material) -> Chapter:
    """Chapter 11: the computation graph, `clone` and `detach`."""
    graph, copies = example_computation(), compare_copies()
    again = graph.steps_to_recompute("Z")
    kept = [step for step in graph.uses if step not in again]
    lead = (
        "Training needs the gradient of the loss with respect to every weight. Backpropagation "
        "gets it from the computation graph: each step knows only its local gradient, and the "
        "chain rule multiplies the local gradients along every path from the result back to a "
        "value. PyTorch records this graph during the forward pass."
    )
    note = (
        f"If only Z changes, only {', '.join(again)} is recomputed; {', '.join(kept)} keeps its "
        "value. The table was measured by using each copy in F = 2·x + 3·copy. Gradients flow "
        "through clone(), so both terms contribute (2 + 3 = 5). detach() removes the copy from "
        "the graph, so only the first term contributes (2). detach() shares memory with x: an "
        "in-place change of the copy changes x too."
    )
    numbers = {
        "values": dict(graph.values),
        "gradients": dict(graph.gradients),
        "copies": {c.name: c.gradient for c in copies},
    }
    figure = draw_computation_graph(material.svg("computation_graph"), graph)
    section = Section(
        "Backpropagation: the chain rule", lead, [figure], [copy_table(copies)], note
    )
    return Chapter(section, (), numbers)


def errata(material: Material) -> Chapter:
    """Chapter 12: errors in the lectures, and their corrections."""
    image, kernel = (torch.tensor(values) for values in PRODUCT_EXAMPLE)
    lenet = exercise((32, 32, 1), LENET).convolution_parameters
    shallow = one_channel_parameters(LENET)
    n, f, s, p = 5, 3, 2, 1
    misread = (n - f) + (2 * p) // s + 1
    half = output_size(100, 3, 2, 1)
    overlap = pool(torch.tensor(OVERLAP_EXAMPLE), 2, stride=1).tolist()
    rows = [
        (
            "002",
            "Output size",
            "(n - f) + (2p / s) + 1",
            "The parentheses are misplaced: floor((n + 2p - f) / s) + 1. For "
            f"n = {n}, f = {f}, s = {s}, p = {p} this gives {int(output_size(n, f, s, p))}; the "
            f"formula in the lecture gives {misread}.",
        ),
        (
            "000",
            "Output size",
            "[(n + 2p - f) / s + 1], no rounding",
            f"Round down before adding 1: {' '.join(half.steps[1:]).removeprefix('= ')}.",
        ),
        (
            "002",
            "Output size of max pooling",
            "((n - 2)·(2·0) / 2) + 1",
            f"((n - 2 + 2·0) / 2) + 1. For n = 28 this gives {int(pool_size(28, 2))}.",
        ),
        (
            "002",
            "Max pooling, stride 1",
            "output 4 3 8 / 5 5 7 / 6 7 5 for a 4×4 input",
            f"The output of a 4×4 input has {int(pool_size(4, 2, 1))}×3 values, but the values "
            f"shown are the 3×3 input of the next example. Pooling them gives {overlap}.",
        ),
        (
            "003",
            "Convolution by hand",
            "1·20 + 0·20 + 0·1 + 2·0",
            f"The value to the right of 20 is 30: {output_at(image, kernel, 0, 1).steps[0]}. The "
            "result, 20, is correct.",
        ),
        (
            "002",
            "Parameters of Conv2D(64, 5)",
            "10²·1·32 = 1,600 weights",
            f"5²·1·64 = 1,600 weights, {int(conv_parameters(1, 64, 5)):,} parameters with the "
            f"biases. Conv2D(64, 10) has {int(conv_parameters(1, 64, 10)):,}.",
        ),
        (
            "002",
            "Parameters of Conv2D(120, 3)",
            "both 36,864 and 34,560 weights",
            f"34,560 is correct: {conv_parameters(32, 120, 3).steps[1].removeprefix('= ')} = "
            f"{int(conv_parameters(32, 120, 3)):,} parameters for 32 input channels.",
        ),
        (
            "004",
            "Convolution parameters of LeNet-5",
            f"{shallow:,}",
            f"{lenet:,}: each kernel spans all channels of its input.",
        ),
        (
            "004",
            "Feature map at stride K",
            "1/K of the size",
            "1/K along each axis, so 1/K² of the values.",
        ),
    ]
    lead = (
        "The worked examples on this page come from five lectures, numbered 000 to 004. Where a "
        "lecture contains an error, this page shows the corrected value. This table lists the "
        "corrections."
    )
    table = Table(("Lecture", "Topic", "In the lecture", "Correction"), rows, text_columns=4)
    section = Section("Errata of the lectures", lead, (), [table])
    return Chapter(section, (), {"lenet_notes": shallow, "lenet": lenet})
