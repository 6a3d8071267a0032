"""Chapters on numbers: parameters, the exercises, and why there are so few."""

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
    one_channel_parameters,
    written,
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


def table_of(done: Exercise, name: str) -> Table:
    """An exercise as a table, with one line of working."""
    rows = [("input", written(done.input_shape), "", "")]
    for row in done.rows:
        working = row.parameters.steps[1].removeprefix("= ") if int(row.parameters) else "–"
        if isinstance(row.layer, Flatten):
            working = f"{written(row.input_shape)} numbers in a row"
        parameters = f"{int(row.parameters):,}"
        rows.append((str(row.layer), written(row.output_shape), working, parameters))
    rows.append(("together", "", "", f"{done.parameters:,}"))
    return Table((name, "Output", "Working", "Parameters"), rows, text_columns=3, total=True)


def counting(material: Material) -> Chapter:
    """The parameters of a convolution, with AlexNet."""
    alexnet = exercise((227, 227, 3), ALEXNET)
    first = conv_parameters(3, 96, 11)
    small = {f: int(conv_parameters(1, 64, f)) for f in (5, 10)}
    macs, memory = conv_cost((227, 227), 3, 96, 11, stride=4)
    split = exercise((227, 227, 3), ALEXNET_ON_TWO_GPUS).parameters
    lead = (
        "A kernel is as deep as its input: f·f·C weights for C channels. N kernels and a bias for "
        "each make f²·C·N + N parameters, however large the picture is. (The notes write K for "
        "the size f.) The table does it for the convolutions of AlexNet."
    )
    note = (
        "AlexNet (Krizhevsky, Sutskever and Hinton, 2012) ran on two GPUs and split layers 2, 4 "
        f"and 5 between them, where each kernel sees half of the channels: {split:,} in truth. "
        f"The usual count, {alexnet.parameters:,}, leaves that out. Its input is taken as 227 "
        "wide; the paper says 224, which the stride of 4 does not divide evenly. Other counts of "
        f"the notes: 64 kernels of 5×5 on one channel {small[5]:,}, of 10×10 {small[10]:,}; 120 "
        f"kernels of 3×3 on 32 channels {int(conv_parameters(32, 120, 3)):,}; one kernel of "
        f"3×3 on 3 channels {int(conv_parameters(3, 1, 3))}."
    )
    steps = [
        Steps("The first layer: parameters", str(first)),
        Steps("Its multiplications (with as many additions)", str(macs)),
        Steps("Its memory for one picture", str(memory)),
    ]
    numbers = {
        "alexnet": [int(row.parameters) for row in alexnet.rows if int(row.parameters)],
        "alexnet_total": alexnet.parameters,
        "alexnet_two_gpus": split,
        "conv_64_kernels": small,
    }
    section = Section("Counting parameters", lead, (), [table_of(alexnet, "AlexNet")], note)
    return Chapter(section, steps, numbers)


def exercises(material: Material) -> Chapter:
    """The two exercises of the notes, and LeNet-5, filled in."""
    first = exercise((28, 28, 3), FIRST_EXERCISE)
    second = exercise((100, 75, 3), SECOND_EXERCISE)
    lenet = exercise((32, 32, 1), LENET)
    shallow = one_channel_parameters(LENET)
    dense = lenet.parameters - lenet.convolution_parameters
    lead = (
        "Three tables to fill in: a picture of 28×28×3, one of 100×75×3 through three "
        "convolutions with stride 2, and LeNet-5 on 32×32. Sizes are height × width × channels, "
        "as on the exercise sheet; PyTorch itself puts the channels first."
    )
    note = (
        f"LeNet-5 (third table): {lenet.convolution_parameters:,} parameters in the convolutions "
        f"and {dense:,} in the dense layers. The notes count {shallow:,} for the convolutions, as "
        "if each kernel of the second and third layer saw one channel only. (In 1998, the second "
        "layer joined each kernel to some of the six channels, not to all.)"
    )
    named = (("28×28×3", first), ("100×75×3, stride 2", second), ("LeNet-5", lenet))
    steps = [Steps(f"Every step of {name}", str(done), folded=True) for name, done in named]
    numbers: dict[str, Any] = {
        name: {
            "outputs": [list(row.output_shape) for row in done.rows],
            "parameters": [int(row.parameters) for row in done.rows],
        }
        for name, done in named
    }
    numbers |= {"lenet_convolutions": lenet.convolution_parameters, "lenet_dense": dense}
    tables = [table_of(done, name) for name, done in named]
    return Chapter(Section("Exercises, filled in", lead, (), tables, note), steps, numbers)


def connections(material: Material) -> Chapter:
    """The layer as a matrix, and what sharing saves."""
    saved = compare_with_dense((32, 32), 3, 64, 5)
    counts = {kind: layer_matrix(kind, 100, 3) for kind in KINDS}
    words = {"full": "full: n₁·n₂", "local": "local: h·n₂", "shared": "local and shared: h"}
    table = Table(
        ("100 inputs, 98 outputs, h = 3", "Lines", "Weights to learn"),
        [(words[k], f"{m.num_edges:,}", f"{m.num_weights:,}") for k, m in counts.items()],
    )
    cost = Table(
        ("32×32×3 to 28×28×64", "Parameters", "Multiplications"),
        [
            ("dense layer", f"{int(saved.dense):,}", f"{saved.dense_macs:,}"),
            ("64 kernels of 5×5×3", f"{int(saved.convolution):,}", f"{saved.convolution_macs:,}"),
            (
                "saved",
                f"{saved.saved:,.0f} times",
                f"{saved.dense_macs / saved.convolution_macs:,.0f} times",
            ),
        ],
        total=True,
    )
    lead = (
        "Every layer without its activation is one large matrix. In a dense layer all its numbers "
        "are free. A convolution sets most of them to zero, because an output sees only its "
        "window, and makes the rest repeat, because all windows share one kernel. That matrix is "
        "a sum, Y = Σₖ Sₖ X Wₖ: the shifts Sₖ say where, the weights Wₖ say how much. This "
        "toolkit computes graph convolution by the same sum, with other Sₖ."
    )
    pictures = [
        draw_connectivity(material.path("connectivity")),
        draw_kernel_matrix(material.path("kernel_matrix")),
        draw_shifts(material.path("shifts")),
    ]
    note = (
        "Lines are counted without padding. With zero padding the outputs at the border have "
        "fewer lines, because some would come from outside: h·n₂ then is an upper bound."
    )
    numbers: dict[str, Any] = {
        kind: {"edges": m.num_edges, "weights": m.num_weights} for kind, m in counts.items()
    } | {"convolution": int(saved.convolution), "dense": int(saved.dense)}
    section = Section("Why so few weights", lead, pictures, [table, cost], note)
    return Chapter(section, (), numbers)
