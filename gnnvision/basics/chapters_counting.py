"""Chapters 7 to 9: parameter counts, solved exercises, and weight sharing."""

from __future__ import annotations

from typing import Any

from gnnvision.basics.chapter import Chapter, Material, Steps
from gnnvision.basics.connectivity import KINDS, layer_matrix
from gnnvision.basics.counting import compare_with_dense, conv_cost, conv_parameters
from gnnvision.basics.exercises import (
    ALEXNET,
    ALEXNET_ON_TWO_GPUS,
    LENET,
    Conv,
    Dense,
    Exercise,
    Flatten,
    Layer,
    exercise,
    format_shape,
    one_channel_parameters,
)
from gnnvision.basics.figures_layers import draw_connectivity, draw_kernel_matrix, draw_shifts
from gnnvision.report.parts import Section, Table

__all__ = ["connections", "counting", "exercises"]

FIRST: tuple[Layer, ...] = (
    Conv(32, 3, padding="same"),
    Conv(64, 3, padding="same"),
    Flatten(),
    Dense(10),
)
FIRST_EXERCISE = (*FIRST, Dense(28 * 28 * 64))
SECOND_EXERCISE: tuple[Layer, ...] = (
    *(Conv(filters, 3, stride=2, padding="same") for filters in (32, 64, 128)),
    Flatten(),
    Dense(10),
)


def exercise_table(solution: Exercise, name: str) -> Table:
    """A solved exercise as a table, with one line of calculation for each layer."""
    rows = [("Input", format_shape(solution.input_shape), "", "")]
    for row in solution.rows:
        working = row.parameters.steps[1].removeprefix("= ") if int(row.parameters) else "–"
        if isinstance(row.layer, Flatten):
            working = f"{format_shape(row.input_shape)} values"
        parameters = f"{int(row.parameters):,}"
        rows.append((str(row.layer), format_shape(row.output_shape), working, parameters))
    rows.append(("Total", "", "", f"{solution.parameters:,}"))
    return Table(
        (f"Layer ({name})", "Output shape", "Calculation", "Parameters"),
        rows,
        text_columns=3,
        total=True,
    )


def counting(material: Material) -> Chapter:
    """Chapter 7: the parameters of a convolution, with AlexNet as the example."""
    alexnet = exercise((227, 227, 3), ALEXNET)
    first = conv_parameters(3, 96, 11)
    small = {f: int(conv_parameters(1, 64, f)) for f in (5, 10)}
    macs, memory = conv_cost((227, 227), 3, 96, 11, stride=4)
    split = exercise((227, 227, 3), ALEXNET_ON_TWO_GPUS).parameters
    lead = (
        "A kernel spans all C channels of its input, so an f×f kernel has f²·C weights. A layer "
        "of N kernels, each with one bias, has f²·C·N + N parameters. This does not depend on the "
        "size of the image. The table applies the formula to the convolutions of AlexNet."
    )
    note = (
        "AlexNet (Krizhevsky, Sutskever and Hinton, 2012) ran on two GPUs. Layers 2, 4 and 5 were "
        "split between them, so that each of their kernels spans only half of the channels: "
        f"{split:,} parameters. The usual count, {alexnet.parameters:,}, ignores the split. The "
        "input size is 227; the paper says 224, but (224 - 11) / 4 is not a whole number. Other "
        f"examples from lecture 002: 64 kernels of 5×5 on one channel have {small[5]:,} "
        f"parameters, 64 of 10×10 have {small[10]:,}, 120 of 3×3 on 32 channels have "
        f"{int(conv_parameters(32, 120, 3)):,}, and a single 3×3 kernel on 3 channels has "
        f"{int(conv_parameters(3, 1, 3))}. (The lecture writes K for the kernel size f.)"
    )
    steps = [
        Steps("Parameters of the first layer", str(first)),
        Steps("MACs (multiply-accumulate operations) of the first layer", str(macs)),
        Steps("Memory of the first layer for one image", str(memory)),
    ]
    numbers = {
        "alexnet": [int(row.parameters) for row in alexnet.rows if int(row.parameters)],
        "alexnet_total": alexnet.parameters,
        "alexnet_two_gpus": split,
        "conv_64_kernels": small,
    }
    section = Section("Counting parameters", lead, (), [exercise_table(alexnet, "AlexNet")], note)
    return Chapter(section, steps, numbers)


def exercises(material: Material) -> Chapter:
    """Chapter 8: two exercises and LeNet-5, solved step by step."""
    first = exercise((28, 28, 3), FIRST_EXERCISE)
    second = exercise((100, 75, 3), SECOND_EXERCISE)
    lenet = exercise((32, 32, 1), LENET)
    shallow = one_channel_parameters(LENET)
    dense = lenet.parameters - lenet.convolution_parameters
    lead = (
        "Work out the output shape and the number of parameters of every layer for three "
        "networks: one for 28×28×3 images, one for 100×75×3 images with three convolutions of "
        "stride 2, and LeNet-5 for 32×32 images. Shapes are height × width × channels, as on the "
        "exercise sheet; PyTorch puts the channels first. The tables show the solutions. Open the "
        "steps below them to check your calculation."
    )
    note = (
        f"LeNet-5 (third table) has {lenet.convolution_parameters:,} parameters in the "
        f"convolutions and {dense:,} in the dense layers. Lecture 004 counts {shallow:,} in the "
        "convolutions, which ignores the input channels of the second and third convolution. In "
        "the original LeNet-5 of 1998, each kernel of the second convolution was connected to "
        "only some of the six channels."
    )
    named = (("28×28×3", first), ("100×75×3, stride 2", second), ("LeNet-5", lenet))
    steps = [Steps(f"Steps: {name}", str(solution), folded=True) for name, solution in named]
    numbers: dict[str, Any] = {
        name: {
            "outputs": [list(row.output_shape) for row in solution.rows],
            "parameters": [int(row.parameters) for row in solution.rows],
        }
        for name, solution in named
    }
    numbers |= {"lenet_convolutions": lenet.convolution_parameters, "lenet_dense": dense}
    tables = [exercise_table(solution, name) for name, solution in named]
    return Chapter(Section("Exercises with solutions", lead, (), tables, note), steps, numbers)


def connections(material: Material) -> Chapter:
    """Chapter 9: the layer as a matrix, and what weight sharing saves."""
    saved = compare_with_dense((32, 32), 3, 64, 5)
    counts = {kind: layer_matrix(kind, 100, 3) for kind in KINDS}
    words = {
        "full": "fully connected: n₁·n₂ weights",
        "local": "locally connected: h·n₂ weights",
        "shared": "convolution: h shared weights",
    }
    table = Table(
        ("n₁ = 100 inputs, n₂ = 98 outputs, h = 3", "Connections", "Weights"),
        [(words[k], f"{m.num_edges:,}", f"{m.num_weights:,}") for k, m in counts.items()],
    )
    cost = Table(
        ("From 32×32×3 to 28×28×64", "Parameters", "Multiplications"),
        [
            ("dense layer", f"{int(saved.dense):,}", f"{saved.dense_macs:,}"),
            (
                "convolution, 64 kernels of 5×5×3",
                f"{int(saved.convolution):,}",
                f"{saved.convolution_macs:,}",
            ),
            (
                "reduction",
                f"{saved.saved:,.0f} times",
                f"{saved.dense_macs / saved.convolution_macs:,.0f} times",
            ),
        ],
        total=True,
    )
    lead = (
        "Without its activation, every layer is multiplication by one matrix. In a dense layer "
        "all its entries are independent weights. In a convolution most entries are zero, "
        "because each output depends only on its window (local connectivity), and the others "
        "repeat, because all windows share one kernel (weight sharing). The layer is a sum, "
        "Y = Σₖ Sₖ X Wₖ: the shift operators Sₖ select the neighbors, and the weights Wₖ scale "
        "them. Graph convolution is the same sum with other operators Sₖ."
    )
    figures = [
        draw_connectivity(material.svg("connectivity")),
        draw_kernel_matrix(material.svg("kernel_matrix")),
        draw_shifts(material.svg("shifts")),
    ]
    note = (
        "Connections are counted without padding. With zero padding, outputs at the border have "
        "fewer connections, because part of their window lies outside the input; h·n₂ is then an "
        "upper bound."
    )
    numbers: dict[str, Any] = {
        kind: {"edges": m.num_edges, "weights": m.num_weights} for kind, m in counts.items()
    } | {"convolution": int(saved.convolution), "dense": int(saved.dense)}
    section = Section("Local connectivity and weight sharing", lead, figures, [table, cost], note)
    return Chapter(section, (), numbers)
