"""The table of a summary as text and as HTML."""

from __future__ import annotations

import io
from collections.abc import Sequence

from gnnvision.inspect.layer import LayerSummary, Shape

__all__ = ["HEAD", "amount", "cells", "html", "in_bytes", "shape_text", "text"]

WORDS = ("Layer", "Type", "Input", "Output")
# The headings of the table that `summary` prints.
HEAD = (*WORDS, "Parameters", "MACs", "Memory", "Receptive field", "Jump")
ROOM = {"Input": 130, "Jump": 110, "Memory": 90}  # characters; left out in narrower tables
Rows = Sequence[Sequence[str]]


def text(title: str, rows: Rows, notes: str, width: int) -> str:
    """The table as text, the totals in the last row; long cells wrap to the next line."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    style = {"title_justify": "left", "title_style": "", "box": SIMPLE_HEAD}
    table = Table(title=title, pad_edge=False, collapse_padding=True, **style)  # type: ignore[arg-type]
    kept = [name for name in HEAD if width >= ROOM.get(name, 0)]
    for name in kept:
        is_number = name not in WORDS
        right = is_number and name not in HEAD[-2:]
        justify = "right" if right else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=is_number)  # type: ignore[arg-type]
    for number, row in enumerate(rows):
        if number == len(rows) - 1:
            table.add_section()
        table.add_row(*(escape(row[HEAD.index(name)]) for name in kept))
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        color_system=None,
        legacy_windows=False,
        highlight=False,
        force_jupyter=False,  # else a notebook shows it, and the file stays empty
    )
    console.print(table)
    console.print(notes, markup=False, soft_wrap=False)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n")


def html(title: str, rows: Rows, notes: str) -> str:
    """The table as an escaped HTML `<table>`, the totals in the last row."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE).render(
        caption=f"{title}. {notes}", head=HEAD, words=len(WORDS), rows=rows
    )


TEMPLATE = """<table class="network">
<caption>{{ caption }}</caption>
<thead><tr>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
{% if loop.last %}</tbody>
<tfoot>{% endif %}
<tr><th scope="row">{{ row[0] }}</th>{% for cell in row[1:] -%}
<td{% if words <= loop.index < head | length - 2 %} class="number"{% endif %}>{{ cell }}</td>
{%- endfor %}</tr>
{% endfor %}
</tfoot>
</table>
"""


def cells(layer: LayerSummary) -> tuple[str, ...]:
    """The cells of one layer."""
    kind = layer.kind + (f" ({layer.settings})" if layer.settings else "")
    shared = f"{layer.shared_parameters:,} shared" if layer.shared_parameters else ""
    own = f"{layer.parameters:,}" if layer.parameters or not shared else ""
    counts = " + ".join(filter(None, (own, shared)))
    if not layer.was_called:
        return (layer.name, kind, "", "not called", counts, "", "", "", "")
    shapes = (shape_text(layer.input_shape), shape_text(layer.output_shape))
    costs = (counts, amount(layer.macs), in_bytes(layer.activation_bytes))
    field = ("", "") if layer.reach is None else (str(layer.reach), layer.reach.step)
    return (layer.name or layer.kind, kind, *shapes, *costs, *field)


def shape_text(shape: Shape | None) -> str:
    """A shape as text, for example "1×32×28×28".

    Args:
        shape: the sizes, in order.
    """
    return "" if shape is None else "×".join(f"{size}" for size in shape) or "scalar"


def amount(count: int) -> str:
    """A count with at most four digits and a unit: "0", "117,600", "1.814 G".

    Args:
        count: the number.
    """
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count:,}"


def in_bytes(count: int) -> str:
    """A memory size in powers of 1000: "0 B", "18.4 kB", "44.6 MB".

    Args:
        count: the number of bytes.
    """
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"
