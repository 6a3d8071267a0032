"""Chapters on pooling, on gradients, and on what was mended from the notes."""

from __future__ import annotations

import torch

from gnnvision.basics.arithmetic import output_size, pool_size
from gnnvision.basics.chain_rule import copies, example
from gnnvision.basics.chapter import Chapter, Material
from gnnvision.basics.counting import conv_parameters
from gnnvision.basics.exercises import LENET, exercise, one_channel_parameters
from gnnvision.basics.figures_chain import copies_table, draw_computation
from gnnvision.basics.figures_formula import PRODUCT_EXAMPLE
from gnnvision.basics.figures_pooling import (
    BLOCK_EXAMPLE,
    OVERLAP_EXAMPLE,
    draw_pooled,
    draw_shifted,
    draw_tables,
)
from gnnvision.basics.patterns import worked_at
from gnnvision.basics.pooling import global_pooled, pooled, shift_change
from gnnvision.report.parts import Section, Table

__all__ = ["gradients", "mended", "pooling"]


def pooling(material: Material) -> Chapter:
    """Pooling, and what it does to shifts."""
    gray = material.photo.gray
    side = 64 if min(gray.shape) >= 80 else 32
    measured = shift_change(gray, side=side)
    lead = (
        "Pooling keeps one number of every window: the largest, or the mean. It has no "
        "parameters, keeps the channels, and makes the map smaller, so that the next layers see "
        "more of the picture at less cost. It also makes the features steadier when the picture "
        "moves a bit."
    )
    kinds = list(measured.change)
    rows = [
        (name, *(f"{100 * measured.change[name][d]:.0f} %" for d in measured.shifts[1:]))
        for name in kinds
    ]
    head = ("Change of the features", *(f"{d} px" for d in measured.shifts[1:]))
    note = (
        f"Measured on the photograph: windows of {side}×{side} pixels, four edge maps after ReLU, "
        "relative change |f(moved) - f| / |f|, mean over the windows. Pooling makes features "
        "steadier, not invariant: a shift that is no multiple of the stride still changes them "
        "(Zhang, “Making Convolutional Networks Shift-Invariant Again”, 2019)."
    )
    pictures = [
        draw_tables(material.path("pooling_tables")),
        draw_pooled(material.path("pooling_photo"), gray),
        draw_shifted(material.path("pooling_shift"), measured),
    ]
    block, overlap = torch.tensor(BLOCK_EXAMPLE), torch.tensor(OVERLAP_EXAMPLE)
    numbers = {
        "max_2x2": pooled(block, 2).tolist(),
        "global_max": float(global_pooled(block, "max")),
        "overlapping": pooled(overlap, 2, stride=1).tolist(),
        "shifts": list(measured.shifts),
        "change": {name: list(values) for name, values in measured.change.items()},
    }
    return Chapter(Section("Pooling", lead, pictures, [Table(head, rows)], note), (), numbers)


def gradients(material: Material) -> Chapter:
    """The computation graph, clone and detach."""
    done, copied = example(), copies()
    kept = [step for step in done.uses if step not in done.again("Z")]
    lead = (
        "A network learns by the chain rule. Its computation is drawn as a graph of small steps; "
        "each step knows only its local gradient, and multiplying these back along the paths "
        "gives the gradient of the result by every number. PyTorch keeps this graph as it goes."
    )
    note = (
        f"Steps are independent: with another Z only {', '.join(done.again('Z'))} is computed "
        f"again, and {', '.join(kept)} is kept. The table was found by trying: each copy was used "
        "in F = 2·x + 3·copy. clone() is a copy that the gradient passes through, so both terms "
        "count (2 + 3); detach() cuts the graph, so only the first does. detach() shares memory: "
        "writing into it changes x."
    )
    numbers = {
        "values": dict(done.values),
        "gradients": dict(done.gradients),
        "copies": {c.name: c.gradient for c in copied},
    }
    picture = draw_computation(material.path("computation_graph"), done)
    section = Section(
        "How it learns: the chain rule", lead, [picture], [copies_table(copied)], note
    )
    return Chapter(section, (), numbers)


def mended(material: Material) -> Chapter:
    """Where the notes slip, and what is right."""
    image, kernel = (torch.tensor(part) for part in PRODUCT_EXAMPLE)
    lenet = exercise((32, 32, 1), LENET).convolution_parameters
    shallow = one_channel_parameters(LENET)
    n, f, s, p = 5, 3, 2, 1
    misread = (n - f) + (2 * p) // s + 1
    half = output_size(100, 3, 2, 1)
    overlap = pooled(torch.tensor(OVERLAP_EXAMPLE), 2, stride=1).tolist()
    rows = [
        (
            "Output size",
            "(n - f) + (2p / s) + 1, brackets lost",
            f"(n + 2p - f) / s + 1. For n = {n}, f = {f}, s = {s}, p = {p}: "
            f"{int(output_size(n, f, s, p))}, where the other reading gives {misread}.",
        ),
        (
            "Output size",
            "no rounding",
            f"Round down before adding 1: {' '.join(half.steps[1:]).removeprefix('= ')}.",
        ),
        (
            "Max pooling",
            "((n - 2)·(2·0) / 2) + 1",
            f"((n - 2 + 2·0) / 2) + 1; for 28 wide it is {int(pool_size(28, 2))}.",
        ),
        (
            "Max pooling, stride 1",
            "the table 4 3 8 / 5 5 7 / 6 7 5 beside “4×4 → 3”",
            f"A 4×4 table does leave {int(pool_size(4, 2, 1))}×3, but this one is the 3×3 input "
            f"of the next example; it is pooled to {overlap}.",
        ),
        (
            "Convolution by hand",
            "1·20 + 0·20 + 0·1 + 2·0",
            f"The number beside 20 is 30: {worked_at(image, kernel, 0, 1).steps[0]}. "
            "The sum stays 20.",
        ),
        (
            "Parameters of Conv2D(64, 5)",
            "10²·1·32 beside 1,600",
            f"5²·1·64 = 1,600, with the biases {int(conv_parameters(1, 64, 5)):,}; 10×10 kernels "
            f"have {int(conv_parameters(1, 64, 10)):,}.",
        ),
        (
            "Parameters of Conv2D(120, 3)",
            "36,864 beside 34,560",
            f"{conv_parameters(32, 120, 3).steps[1].removeprefix('= ')} = "
            f"{int(conv_parameters(32, 120, 3)):,} on 32 channels.",
        ),
        (
            "LeNet-5",
            f"{shallow:,} parameters in the convolutions",
            f"{lenet:,}: each kernel is as deep as its input.",
        ),
        (
            "Stride K",
            "the feature map becomes 1/K as large",
            "Along each axis; it holds 1/K² as many numbers.",
        ),
    ]
    lead = (
        "The examples of this page come from lecture notes. Where those slip, the page does it "
        "right; here is where."
    )
    table = Table(("Where", "In the notes", "Right"), rows, text_columns=3)
    section = Section("For readers of the lecture notes", lead, (), [table])
    return Chapter(section, (), {"lenet_notes": shallow, "lenet": lenet})
