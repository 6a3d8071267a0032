"""The table of a summary as text and as HTML."""

from __future__ import annotations

import io

from gnnvision.summary.layer import LayerSummary, Shape
from gnnvision.summary.network import Summary

__all__ = ["amount", "html", "in_bytes", "shape_text", "text"]

HEAD = (
    *("Layer", "Type", "Input", "Output", "Parameters", "MACs", "Memory", "Receptive field"),
    "Jump",
)
WORDS = 4  # the columns that hold no counts
ROOM = {"Input": 130, "Jump": 110, "Memory": 90}  # characters; left out in narrower tables
LAST = ("Receptive field", "Jump")


def text(summary: Summary, width: int) -> str:
    """The table as text; long cells wrap to the next line."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=title(summary),
        title_justify="left",
        title_style="",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    kept = [name for name in HEAD if width >= ROOM.get(name, 0)]
    for name in kept:
        number = HEAD.index(name) >= WORDS
        table.add_column(
            name,
            justify="right" if number and name not in LAST else "left",
            overflow="fold",
            no_wrap=number,
        )
    for row in [*map(cells, summary.layers), total(summary)]:
        if row[0] == "Total":
            table.add_section()
        table.add_row(*(_plain(row[HEAD.index(name)]) for name in kept))
    console = Console(
        file=io.StringIO(), width=width, color_system=None, legacy_windows=False, highlight=False
    )
    console.print(table)
    console.print(notes(summary), markup=False, soft_wrap=False)
    file = console.file
    assert isinstance(file, io.StringIO)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n")


def _plain(cell: str) -> str:
    from rich.markup import escape

    return escape(cell)


def html(summary: Summary) -> str:
    """The table as an escaped HTML `<table>`."""
    import jinja2

    return (
        jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        .from_string(TEMPLATE)
        .render(
            title=title(summary),
            head=HEAD,
            words=WORDS,
            rows=[cells(layer) for layer in summary.layers],
            total=total(summary),
            notes=notes(summary),
        )
    )


TEMPLATE = """<table class="network">
<caption>{{ title }}. {{ notes }}</caption>
<thead><tr>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr><th scope="row">{{ row[0] }}</th>{% for cell in row[1:] -%}
<td{% if words <= loop.index < head | length - 2 %} class="number"{% endif %}>{{ cell }}</td>
{%- endfor %}</tr>
{% endfor %}
</tbody>
<tfoot><tr><th scope="row">{{ total[0] }}</th>{% for cell in total[1:] -%}
<td{% if words <= loop.index < head | length - 2 %} class="number"{% endif %}>{{ cell }}</td>
{%- endfor %}</tr></tfoot>
</table>
"""


def title(summary: Summary) -> str:
    """The title: the model, its domain and the input shape."""
    return f"{summary.network.kind} on {summary.domain!r}, input {shape_text(summary.input_shape)}"


def notes(summary: Summary) -> str:
    """The totals as a sentence."""
    frozen = summary.total_parameters - summary.trainable_parameters
    parts = [
        f"Parameters {summary.total_parameters:,} ({in_bytes(summary.parameter_bytes)}), "
        f"{summary.trainable_parameters:,} trainable" + (f", {frozen:,} frozen" if frozen else ""),
        f"multiply-accumulates {amount(summary.total_macs)}",
        f"memory of all layer outputs {in_bytes(summary.activation_bytes)}",
    ]
    return "; ".join(parts) + "."


def cells(layer: LayerSummary) -> tuple[str, ...]:
    """The cells of one layer."""
    kind = layer.kind + (f" ({layer.settings})" if layer.settings else "")
    counts = f"{layer.parameters:,}" if layer.parameters else "0"
    if layer.shared_parameters:
        shared = f"{layer.shared_parameters:,} shared"
        counts = shared if not layer.parameters else f"{counts} + {shared}"
    if not layer.was_called:
        return (layer.name, kind, "", "not called", counts, "", "", "", "")
    return (
        layer.name or layer.kind,
        kind,
        shape_text(layer.input_shape),
        shape_text(layer.output_shape),
        counts,
        amount(layer.macs),
        in_bytes(layer.activation_bytes),
        "" if layer.reach is None else str(layer.reach),
        "" if layer.reach is None else layer.reach.step,
    )


def total(summary: Summary) -> tuple[str, ...]:
    """The cells of the row of totals."""
    return (
        "Total",
        "",
        "",
        shape_text(summary.output_shape),
        f"{summary.total_parameters:,}",
        amount(summary.total_macs),
        in_bytes(summary.activation_bytes),
        "",
        "",
    )


def shape_text(shape: Shape | None) -> str:
    """A shape as text, for example "1×32×28×28"."""
    return "" if shape is None else "×".join(f"{size}" for size in shape) or "scalar"


def amount(count: int) -> str:
    """A count with at most four digits and a unit: "0", "117,600", "1.814 G"."""
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count:,}"


def in_bytes(count: int) -> str:
    """A memory size in powers of 1000: "0 B", "18.4 kB", "44.6 MB"."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"
