"""Chapters on the formula: what is computed, what it finds, and how large the output is."""

from __future__ import annotations

import torch

from gnnvision.basics.arithmetic import output_size, pool_size
from gnnvision.basics.chapter import Chapter, Material, Steps
from gnnvision.basics.figures_formula import (
    FEATURE_EXAMPLE,
    PRODUCT_EXAMPLE,
    SIGNAL_EXAMPLE,
    draw_found,
    draw_product,
    draw_signal,
    draw_windows,
)
from gnnvision.basics.patterns import (
    convolve,
    correlate,
    cosine_similarity,
    dot_product,
    worked_at,
)
from gnnvision.basics.worked import decimal
from gnnvision.report.parts import Section, Table

__all__ = ["finding", "formula", "sizes"]

# Name, n, f, s, p of every example of the notes; pooling is marked by its name.
SIZES: tuple[tuple[str, int, int, int, int | str], ...] = (
    ("28 wide, kernel 10", 28, 10, 2, 0),
    ("100×100, 3×3", 100, 3, 2, "same"),
    ("100 high, 3×3, pad 1", 100, 3, 2, 1),
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
    """Multiply, add up, move on."""
    image, kernel = (torch.tensor(part) for part in PRODUCT_EXAMPLE)
    output = correlate(image, kernel)
    turned = convolve(image, kernel)
    lead = (
        "A small table of numbers, the kernel, is laid on the input. Numbers that lie on each "
        "other are multiplied, the products are added up, and the sum is one number of the "
        "output. Then the kernel moves on. That is all; a network learns the kernel's numbers."
    )
    pictures = [
        draw_product(
            material.path("formula_product"),
            PRODUCT_EXAMPLE,
            "The framed numbers are multiplied pair by pair and added up. The frame then moves on "
            "by one column, and at the end of a row to the next row.",
        ),
        draw_product(
            material.path("formula_feature"),
            FEATURE_EXAMPLE,
            "A second example: 5×5 numbers and a 3×3 kernel leave 3×3 numbers. A 4 means: four "
            "of the five pixels under the ones of the kernel are 1.",
        ),
    ]
    note = (
        "Strictly this is cross-correlation. Convolution as in mathematics turns the kernel "
        f"around first, which here gives {turned.tolist()} instead of {output.tolist()}. Neural "
        "networks leave the turning out: a kernel that is learned would be learned turned around."
    )
    first, second = worked_at(image, kernel, 0, 0), worked_at(image, kernel, 0, 1)
    steps = [
        Steps("The first number of the output", str(first)),
        Steps("The second, one column further", str(second)),
    ]
    numbers = {
        "output": output.tolist(),
        "output_kernel_turned": turned.tolist(),
        "feature_output": correlate(*(torch.tensor(part) for part in FEATURE_EXAMPLE)).tolist(),
    }
    return Chapter(Section("What is computed", lead, pictures, (), note), steps, numbers)


def finding(material: Material) -> Chapter:
    """A kernel answers where the input looks like it."""
    signal, kernel = (torch.tensor(part) for part in SIGNAL_EXAMPLE)
    window = signal[4:7]
    patterns = {
        "the same": torch.tensor([-1, 0, 1]),
        "the same, ten times brighter": torch.tensor([-10, 0, 10]),
        "the opposite": torch.tensor([1, 0, -1]),
        "even": torch.tensor([5, 5, 5]),
        "2 9 9, the window of the example": window,
    }
    rows, numbers = [], {}
    for name, values in patterns.items():
        dot, cosine = dot_product(values, kernel), cosine_similarity(values, kernel)
        listed = ", ".join(decimal(float(value)) for value in values)
        rows.append((name, listed, decimal(dot), f"{cosine:.2f}"))
        numbers[name] = {"dot": dot, "cosine": cosine}
    table = Table(("Window", "Numbers", "Dot product", "Cosine"), rows, text_columns=2)
    lead = (
        "A window and a kernel multiplied and added up: that is a dot product. It is large and "
        "positive where the input looks like the kernel, negative where it looks like its "
        "opposite, and near zero where the two have nothing to do with each other. So every "
        "kernel looks for one pattern, everywhere at once."
    )
    note = (
        "Cosine similarity is the dot product over both lengths, from -1 to 1: it tells how much "
        "alike two patterns are, whatever their brightness. The table compares windows with the "
        "kernel (-1, 0, 1). Because the kernel is the same everywhere, a pattern that moves in "
        "the input moves as far in the output (translation equivariance)."
    )
    pictures = [
        draw_signal(material.path("pattern_signal")),
        draw_found(material.path("pattern_found"), material.small.gray),
    ]
    return Chapter(Section("Finding patterns", lead, pictures, [table], note), (), numbers)


def sizes(material: Material) -> Chapter:
    """The formula of the output's size, with every example of the notes."""
    rows, numbers = [], []
    for name, n, f, s, p in SIZES:
        out = pool_size(n, f, s, p) if name.startswith("pooling") else output_size(n, f, s, p)
        rows.append((name, str(p), str(s), out.steps[-2].removeprefix("= "), f"{int(out)}"))
        numbers.append({"example": name, "n": n, "f": f, "s": s, "p": p, "output": int(out)})
    head = ("Example", "Padding", "Stride", "Last step but one", "Output")
    table = Table(head, rows, text_columns=4)
    lengths = Table(
        ("Padding", "p", "Output at stride 1", "n = 4, f = 3"),
        [
            ("valid", "0", "n - f + 1", str(int(output_size(4, 3, 1, "valid")))),
            ("same", "(f - 1) / 2", "n", str(int(output_size(4, 3, 1, "same")))),
            ("full", "f - 1", "n + f - 1", str(int(output_size(4, 3, 1, "full")))),
        ],
        text_columns=3,
    )
    lead = (
        "Along one axis of n sites, a kernel of f sites with stride s and padding p on either "
        "side fits floor((n + 2p - f) / s) + 1 times. Pooling follows the same formula."
    )
    note = (
        "floor means: round down. A window that would stick out at the end is left out. For an "
        "even kernel “same” cannot pad alike on both sides: of 9 padded sites, 4 come "
        "before and 5 after. At stride s, “same” leaves n / s sites, rounded up."
    )
    settings: list[tuple[int, int, int | str]] = [
        (3, 1, "valid"),
        (3, 1, "same"),
        (3, 1, "full"),
        (3, 2, 1),
    ]
    pictures = [draw_windows(material.path("output_size"), 5, settings)]
    steps = [
        Steps("28 wide, kernel 10, stride 2, no padding", str(output_size(28, 10, 2))),
        Steps("100 wide, kernel 3, stride 2, same", str(output_size(100, 3, 2, "same"))),
        Steps("5 wide, kernel 3, stride 2, padding 1", str(output_size(5, 3, 2, 1))),
    ]
    section = Section("How large is the output?", lead, pictures, [lengths, table], note)
    return Chapter(section, steps, {"examples": numbers})
