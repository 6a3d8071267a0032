"""Chapters 1 to 3: the operation itself, pattern matching, and the size of the output."""

from __future__ import annotations

import torch

from gnnvision.basics.arithmetic import output_size, pool_size
from gnnvision.basics.calculation import format_number
from gnnvision.basics.chapter import Chapter, Material, Steps
from gnnvision.basics.figures_formula import (
    FEATURE_EXAMPLE,
    PRODUCT_EXAMPLE,
    SIGNAL_EXAMPLE,
    draw_convolution_1d,
    draw_convolution_2d,
    draw_pattern_search,
    draw_window_positions,
)
from gnnvision.basics.patterns import (
    convolve,
    correlate,
    cosine_similarity,
    dot_product,
    output_at,
)
from gnnvision.report.parts import Section, Table

__all__ = ["finding", "formula", "sizes"]

# Name, n, f, s and p of every example in the lectures; the name marks pooling.
SIZES: tuple[tuple[str, int, int, int, int | str], ...] = (
    ("width 28, 10×10", 28, 10, 2, 0),
    ("100×100, 3×3", 100, 3, 2, "same"),
    ("height 100, 3×3", 100, 3, 2, 1),
    ("5×5, 3×3", 5, 3, 2, 1),
    ("256×256, 11×11", 256, 11, 1, "valid"),
    ("28×28, 5×5", 28, 5, 1, "same"),
    ("28×28, 10×10", 28, 10, 1, "same"),
    ("4×4, 3×3", 4, 3, 1, "valid"),
    ("4×4, 3×3", 4, 3, 1, "same"),
    ("4×4, 3×3", 4, 3, 1, "full"),
    ("pooling 4×4, 2×2", 4, 2, 1, "valid"),
    ("pooling 100×100, 2×2", 100, 2, 2, "valid"),
)


def formula(material: Material) -> Chapter:
    """Chapter 1: multiply, sum, and slide the window."""
    image, kernel = (torch.tensor(values) for values in PRODUCT_EXAMPLE)
    output = correlate(image, kernel)
    flipped = convolve(image, kernel)
    lead = (
        "A convolution slides a small array of weights, the kernel, over the input. At each "
        "position it multiplies every weight by the input value underneath and sums the products. "
        "The sum is one value of the output. During training, a network learns the weights."
    )
    figures = [
        draw_convolution_2d(
            material.svg("formula_product"),
            PRODUCT_EXAMPLE,
            "The framed values are multiplied in pairs and summed. The window then moves one "
            "column to the right, and at the end of a row to the start of the next row.",
        ),
        draw_convolution_2d(
            material.svg("formula_feature"),
            FEATURE_EXAMPLE,
            "A 5×5 input and a 3×3 kernel give a 3×3 output. An output of 4 means that four of "
            "the five pixels under the ones of the kernel are 1.",
        ),
    ]
    note = (
        "Strictly speaking, this operation is cross-correlation. Mathematical convolution flips "
        f"the kernel first, which here gives {flipped.tolist()} instead of {output.tolist()}. "
        "Neural networks skip the flip: the weights are learned, so a flipped kernel would simply "
        "be learned flipped."
    )
    first, second = output_at(image, kernel, 0, 0), output_at(image, kernel, 0, 1)
    steps = [
        Steps("First output value", str(first)),
        Steps("Second output value, one column to the right", str(second)),
    ]
    numbers = {
        "output": output.tolist(),
        "output_kernel_turned": flipped.tolist(),
        "feature_output": correlate(
            *(torch.tensor(values) for values in FEATURE_EXAMPLE)
        ).tolist(),
    }
    section = Section("The convolution operation", lead, figures, (), note)
    return Chapter(section, steps, numbers)


def finding(material: Material) -> Chapter:
    """Chapter 2: a kernel responds where the input resembles it."""
    signal, kernel = (torch.tensor(values) for values in SIGNAL_EXAMPLE)
    window = signal[4:7]
    patterns = {
        "equal to the kernel": torch.tensor([-1, 0, 1]),
        "ten times the kernel": torch.tensor([-10, 0, 10]),
        "the negative kernel": torch.tensor([1, 0, -1]),
        "constant": torch.tensor([5, 5, 5]),
        "window [4] to [6] of the figure": window,
    }
    rows, numbers = [], {}
    for name, values in patterns.items():
        dot, cosine = dot_product(values, kernel), cosine_similarity(values, kernel)
        listed = ", ".join(format_number(float(value)) for value in values)
        rows.append((name, listed, format_number(dot), f"{cosine:.2f}"))
        numbers[name] = {"dot": dot, "cosine": cosine}
    table = Table(("Window", "Values", "Dot product", "Cosine similarity"), rows, text_columns=2)
    lead = (
        "Each output value is the dot product of the kernel and one window of the input. It is "
        "large and positive where the window resembles the kernel, negative where it resembles "
        "the negative of the kernel, and near zero where the two are unrelated. A kernel is "
        "therefore a pattern detector, applied at every position."
    )
    note = (
        "The table compares windows with the kernel (-1, 0, 1). Cosine similarity is the dot "
        "product divided by both norms. It ranges from -1 to 1 and does not depend on brightness. "
        "Because the same kernel is used at every position, shifting the input shifts the output "
        "by the same amount (translation equivariance)."
    )
    figures = [
        draw_convolution_1d(material.svg("pattern_signal")),
        draw_pattern_search(material.png("pattern_found"), material.small.gray),
    ]
    return Chapter(
        Section("Convolution finds patterns", lead, figures, [table], note), (), numbers
    )


def sizes(material: Material) -> Chapter:
    """Chapter 3: the formula for the output size, with every example from the lectures."""
    rows, numbers = [], []
    for name, n, f, s, p in SIZES:
        out = pool_size(n, f, s, p) if name.startswith("pooling") else output_size(n, f, s, p)
        step = out.steps[-2].removeprefix("= ").partition(" = ")[0]
        rows.append((name, str(p), str(s), step, f"{int(out)}"))
        numbers.append({"example": name, "n": n, "f": f, "s": s, "p": p, "output": int(out)})
    head = ("Example", "Padding", "Stride", "floor(...) + 1", "Output size")
    table = Table(head, rows, text_columns=4)
    lengths = Table(
        ("Padding", "p", "Output size at stride 1", "Output for n = 4, f = 3"),
        [
            ("valid", "0", "n - f + 1", str(int(output_size(4, 3, 1, "valid")))),
            ("same", "(f - 1) / 2", "n", str(int(output_size(4, 3, 1, "same")))),
            ("full", "f - 1", "n + f - 1", str(int(output_size(4, 3, 1, "full")))),
        ],
        text_columns=3,
    )
    lead = (
        "Along an axis of input size n, a kernel of size f with stride s and padding p on each "
        "side gives an output of size floor((n + 2p - f) / s) + 1. Pooling uses the same formula."
    )
    note = (
        "floor rounds down: a window that would extend past the end is dropped. For an even "
        "kernel size, “same” padding cannot be symmetric: size 10 needs 9 padded positions, 4 "
        "before and 5 after. At stride s, “same” gives an output of size n / s, rounded up."
    )
    settings: list[tuple[int, int, int | str]] = [
        (3, 1, "valid"),
        (3, 1, "same"),
        (3, 1, "full"),
        (3, 2, 1),
    ]
    figures = [draw_window_positions(material.svg("output_size"), 5, settings)]
    steps = [
        Steps("n = 28, f = 10, s = 2, no padding", str(output_size(28, 10, 2))),
        Steps("n = 100, f = 3, s = 2, same padding", str(output_size(100, 3, 2, "same"))),
        Steps("n = 5, f = 3, s = 2, p = 1", str(output_size(5, 3, 2, 1))),
    ]
    section = Section("Output size", lead, figures, [lengths, table], note)
    return Chapter(section, steps, {"examples": numbers})
