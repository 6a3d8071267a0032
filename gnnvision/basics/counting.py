"""The parameters, multiplications and memory of a layer, calculated step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from gnnvision.basics.calculation import Calculation
from gnnvision.domains import Window
from gnnvision.domains.window import per_axis
from gnnvision.errors import integer, invalid

__all__ = ["Comparison", "compare_with_dense", "conv_cost", "conv_parameters", "dense_parameters"]

BYTES = 4  # of a float32


def conv_parameters(
    in_channels: int,
    out_channels: int,
    kernel_size: int | Sequence[int],
    *,
    bias: bool = True,
    groups: int = 1,
    ndim: int = 2,
) -> Calculation:
    """Calculate the number of parameters of a convolution: f²·C·N + N.

    A kernel spans all channels of its input: it has f·f weights for each of the C channels. There
    are N kernels, each with one bias. The size of the image does not matter.

    Args:
        in_channels: C.
        out_channels: N, the number of kernels.
        kernel_size: f, or one size for each axis.
        bias: whether each kernel has a bias.
        groups: G; each kernel spans only C / G channels.
        ndim: the number of spatial axes: 1, 2 or 3.

    Returns:
        The number of parameters and the steps of its calculation.

    Raises:
        TypeError: if an argument is not an integer.
        ValueError: if an argument is below 1, or the channels are not divisible by `groups`.

    Example:
        >>> print(conv_parameters(3, 96, 11))  # the first layer of AlexNet
        f²·C·N + N
        = 11²·3·96 + 96
        = 34,848 + 96 = 34,944
        >>> int(conv_parameters(1, 64, 5)), int(conv_parameters(1, 64, 10))
        (1664, 6464)
    """
    channels, kernels = (
        integer("in_channels", in_channels, 1),
        integer("out_channels", out_channels, 1),
    )
    sides = per_axis(kernel_size, ndim, "kernel_size")
    for name, value in (("in_channels", channels), ("out_channels", kernels)):
        if value % integer("groups", groups, 1):
            raise invalid(
                name,
                f"be a multiple of groups={groups}",
                value,
                "Choose a number of groups that divides it.",
            )
    weights = prod(sides) * channels // groups * kernels
    power = {1: "", 2: "²", 3: "³"}[ndim]
    equal = len(set(sides)) == 1
    kernel = f"{sides[0]}{power}" if equal else "·".join(map(str, sides))
    depth, divided = ("C", f"{channels}") if groups == 1 else ("(C/G)", f"({channels}/{groups})")
    rule = f"{f'f{power}' if equal else '·'.join(f'f{i}' for i in '₁₂₃'[:ndim])}·{depth}·N"
    line = f"= {kernel}·{divided}·{kernels}"
    if not bias:
        return Calculation(weights, (rule, line, f"= {weights:,}"))
    total = weights + kernels
    last = f"= {weights:,} + {kernels:,} = {total:,}"
    return Calculation(total, (f"{rule} + N", f"{line} + {kernels}", last))


def dense_parameters(in_features: int, out_features: int, *, bias: bool = True) -> Calculation:
    """Calculate the number of parameters of a dense (fully connected) layer: n₁·n₂ + n₂.

    Args:
        in_features: n₁.
        out_features: n₂.
        bias: whether each output has a bias.

    Returns:
        The number of parameters and the steps of its calculation.

    Raises:
        TypeError: if an argument is not an integer.
        ValueError: if an argument is below 1.

    Example:
        >>> print(dense_parameters(28 * 28 * 64, 10))
        n₁·n₂ + n₂
        = 50,176·10 + 10
        = 501,760 + 10 = 501,770
    """
    n, m = integer("in_features", in_features, 1), integer("out_features", out_features, 1)
    rule, line = "n₁·n₂", f"= {n:,}·{m:,}"
    if not bias:
        return Calculation(n * m, (rule, line, f"= {n * m:,}"))
    last = f"= {n * m:,} + {m:,} = {n * m + m:,}"
    return Calculation(n * m + m, (f"{rule} + n₂", f"{line} + {m:,}", last))


def conv_cost(
    size: Sequence[int],
    in_channels: int,
    out_channels: int,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
) -> tuple[Calculation, Calculation]:
    """Calculate the multiply-accumulate operations (MACs) and the memory of a convolution.

    Each of the N values at each of the M output positions is a sum of f²·C products, so that there
    are M·N·f²·C MACs. Memory counts the M·N output values and the parameters.

    Args:
        size: of the input, for example (H, W).
        in_channels: C.
        out_channels: N.
        kernel_size: f.
        stride: s.
        padding: p, or "valid", "same" or "full".

    Returns:
        The MACs for one image, and the bytes of its output and the parameters in float32.

    Raises:
        TypeError: if an argument is not an integer.
        ValueError: if an argument is out of range or the window does not fit.

    Example:
        >>> macs, memory = conv_cost((32, 32), 3, 64, 5)
        >>> print(macs)
        M·N·(f·f·C), M = 28·28 positions
        = 784·64·(5·5·3)
        = 3,763,200
    """
    window = Window.make(len(size), kernel_size, stride, padding)
    out = window.out_size(size)
    parameters = int(
        conv_parameters(in_channels, out_channels, window.kernel_size, ndim=len(size))
    )
    sites, values = prod(out), prod(out) * out_channels
    macs = values * window.num_offsets * in_channels
    kernel = "·".join(map(str, window.kernel_size))
    letters = "·".join("f" * len(size))
    where = "·".join(map(str, out))
    multiplied = (
        f"M·N·({letters}·C), M = {where} positions",
        f"= {sites:,}·{out_channels}·({kernel}·{in_channels})",
        f"= {macs:,}",
    )
    total = BYTES * (values + parameters)
    filled = (
        f"{BYTES} bytes · (M·N outputs + parameters)",
        f"= {BYTES}·({values:,} + {parameters:,})",
        f"= {total:,} bytes",
    )
    return Calculation(macs, multiplied), Calculation(total, filled)


@dataclass(frozen=True)
class Comparison:
    """A convolution compared with a dense layer of the same input and output size.

    Args:
        convolution: the parameters of the convolution.
        dense: the parameters of the dense layer.
        convolution_macs: the multiplications of the convolution.
        dense_macs: the multiplications of the dense layer.
    """

    convolution: Calculation
    dense: Calculation
    convolution_macs: int
    dense_macs: int

    @property
    def saved(self) -> float:
        """The parameters of the dense layer divided by those of the convolution."""
        return self.dense.value / self.convolution.value

    def __str__(self) -> str:
        convolution, dense = (
            w.steps[-1].removeprefix("= ") for w in (self.convolution, self.dense)
        )
        return (
            f"convolution: {convolution} parameters\n"
            f"dense layer: {dense} parameters\n"
            f"{self.saved:,.0f} times fewer parameters, "
            f"{self.dense_macs / self.convolution_macs:,.0f} times fewer multiplications"
        )


def compare_with_dense(
    size: Sequence[int],
    in_channels: int,
    out_channels: int,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
) -> Comparison:
    """Compare a convolution with a dense layer of the same input and output size.

    The arguments are those of `conv_cost`.

    Args:
        size: as for `conv_cost`.
        in_channels: as for `conv_cost`.
        out_channels: as for `conv_cost`.
        kernel_size: as for `conv_cost`.
        stride: as for `conv_cost`.
        padding: as for `conv_cost`.

    Returns:
        The parameters and multiplications of both.

    Raises:
        TypeError: as `conv_cost`.
        ValueError: as `conv_cost`.

    Example:
        >>> print(compare_with_dense((32, 32), 3, 64, 5))
        convolution: 4,800 + 64 = 4,864 parameters
        dense layer: 154,140,672 + 50,176 = 154,190,848 parameters
        31,700 times fewer parameters, 41 times fewer multiplications
    """
    window = Window.make(len(size), kernel_size, stride, padding)
    n = prod(size) * in_channels
    m = prod(window.out_size(size)) * out_channels
    macs, _ = conv_cost(size, in_channels, out_channels, kernel_size, stride, padding)
    return Comparison(
        conv_parameters(in_channels, out_channels, window.kernel_size, ndim=len(size)),
        dense_parameters(n, m),
        int(macs),
        n * m,
    )
