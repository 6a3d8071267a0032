"""The page, the figure and the tables of `make bench`, all from the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from bench_rows import ABSENT, FAILED, Bench, Row

GROUPS = {
    "cora": "Cora", "gcn": "Large layers", "gatv2": "Large layers", "sage": "Large layers",
    "gin": "Large layers", "cheb": "Large layers", "rgcn": "Large layers",
    "small": "Small layers", "molecules": "Molecules", "esol": "Molecules",
    "images": "Images", "record": "Images", "start": "Starting",
}  # fmt: skip
LEADS = {
    "Cora": "200 epochs with evaluation on the validation split after each; seconds for one seed.",
    "Large layers": "Forward and backward on a random graph of 169,343 nodes and 2.3 million "
    "edges, 128 channels. The bound: one row read for each edge, then the matrix products.",
    "Small layers": "Forward and backward on a batch of molecules: 1,600 nodes, 3,400 edges, 64 "
    "channels, one thread.",
    "Molecules": "One thread, batches of 64; the bound of featurization is rdkit's parser.",
    "Images": "Training on CIFAR-10's JPEG files; the bound is that of the arithmetic.",
    "Starting": "From the command to the first or the last line.",
}
HEAD = ("job", "peer", "ours", "theirs", "ratio", "aim", "bound")
KOREAN = {
    "job": "작업", "peer": "비교 대상", "ours": "gnnvision", "theirs": "비교 대상의 값",
    "ratio": "배율", "aim": "목표", "bound": "한계",
    "Cora": "Cora", "Large layers": "큰 그래프의 층", "Small layers": "작은 그래프의 층",
    "Molecules": "분자", "Images": "이미지", "Starting": "시작",
    "not installed": "설치되지 않음", "failed": "실패",
    "one seed": "시드 하나", "ten seeds": "시드 10개", "a hundred seeds": "시드 100개",
    "per seed": "시드당",
    "a training step alone": "학습 스텝만", "layer": "층", "bfloat16": "bfloat16",
    "memory": "메모리", "8 heads of 16": "16채널 헤드 8개", "3 operators": "연산자 3개",
    "4 relations": "관계 4개", "large graph": "큰 그래프", "molecule batch": "분자 배치",
    "featurization": "특징 추출", "collation of batches": "배치 만들기",
    "training epoch": "학습 에폭", "ESOL": "ESOL", "one run to the page": "보고서까지 한 번",
    "CIFAR-10": "CIFAR-10", "training throughput": "학습 처리량",
    "preset 'quick'": "프리셋 'quick'", "preset 'long'": "프리셋 'long'",
    "import": "임포트", "from command to page": "명령에서 보고서까지",
    "torch-geometric's example": "torch-geometric 예제",
    "torch-geometric's from_smiles": "torch-geometric의 from_smiles",
    "torch-geometric's DataLoader": "torch-geometric의 DataLoader", "compiled": "컴파일",
    "edge list": "간선 목록", "cached": "캐시", "CSR": "CSR", "JAX": "JAX",
    "vmap over the seeds": "시드에 대한 vmap",
    "airbench94's network and epochs": "airbench94의 신경망과 에폭",
    "standard loop": "표준 루프", "files": "파일", "PIL": "PIL", "2 workers": "워커 2개",
    "molecules/s": "분자/초", "images/s": "이미지/초", "s": "초", "ms": "ms", "MiB": "MiB",
}  # fmt: skip


def figure(value: float | None, unit: str) -> str:
    """A figure with its unit; empty if there is none."""
    if value is None:
        return ""
    text = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{text} {unit}"


def times(row: Row) -> str:
    """The ratio with twice its noise, or why there is none."""
    if row.ratio is None:
        return row.outcome if row.outcome in (ABSENT, FAILED) else ""
    if row.interval is None:
        return f"{row.ratio:.3g}"
    around = row.interval[1] - row.ratio
    return f"{row.ratio:.3g} ± {around:.0f}" if around >= 10 else f"{row.ratio:.3g} ± {around:.2g}"


def cells(row: Row) -> list[str]:
    """The cells of a row, under `HEAD`."""
    aim = "" if row.aim is None else f"{row.aim:g}"
    figures = [figure(value, row.unit) for value in (row.ours, row.theirs)]
    return [row.title, row.peer, *figures, times(row), aim, figure(row.bound, row.unit)]


def grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows by group, in the order of the groups."""
    found: dict[str, list[Row]] = {name: [] for name in dict.fromkeys(GROUPS.values())}
    for row in rows:
        found[GROUPS[row.job]].append(row)
    return {name: some for name, some in found.items() if some}


def text_table(rows: Sequence[Row]) -> str:
    """The table of the terminal."""
    lines = [list(HEAD)]
    for name, some in grouped(rows).items():
        lines += [[name.upper(), *[""] * (len(HEAD) - 1)], *map(cells, some)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEAD))]
    found = []
    for line in lines:
        padded = [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        found.append("  ".join(padded).rstrip())
    notes = [f"{row.title}, {row.peer}: {row.note}" for row in rows if row.note]
    return "\n".join([*found, "", *notes])


def markdown(rows: Sequence[Row], language: str = "en") -> str:
    """The tables as Markdown, in English or Korean."""
    head = [_translated(cell, language) for cell in HEAD]
    lines = []
    for name, some in grouped(rows).items():
        lines += [f"**{_translated(name, language)}**", "", f"| {' | '.join(head)} |"]
        lines.append("| --- " * len(HEAD) + "|")
        for row in some:
            line = _korean(row) if language == "ko" else row
            shown = [cell.replace("|", "/") for cell in cells(line)]
            if row.ratio is not None:
                ratio, space, interval = shown[4].partition(" ")
                shown[4] = f"**{ratio}**{space}{interval}"
            if language == "ko":
                shown[4] = KOREAN.get(shown[4], shown[4])
            lines.append(f"| {' | '.join(shown)} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _translated(text: str, language: str) -> str:
    return KOREAN[text] if language == "ko" else text


def _korean(row: Row) -> Row:
    """The row with Korean words; names of libraries, layers and scripts stay."""
    return replace(
        row,
        title=_korean_words(row.title),
        peer=_korean_words(row.peer),
        unit=KOREAN[row.unit],
    )


def _korean_words(text: str) -> str:
    found = []
    for part in text.split(": ") if ": " in text else [text]:
        words = [KOREAN.get(word, word) for word in part.split(", ")]
        found.append(", ".join(words))
    return ": ".join(found).replace(" layer", " 층")


def write_page(bench: Bench, folder: Path, command: str) -> Path:
    """Write `bench.html` and its figure into a folder."""
    from gnnvision.report import style, template
    from gnnvision.report.parts import Figure, Section, Table

    sections = []
    if any(row.ratio is not None for row in bench.rows):
        path = folder / "ratios.svg"
        draw(bench.rows, path, style)
        lead = (
            "How many times as long each peer takes as gnnvision does: the ratio of medians, on a "
            "logarithmic scale."
        )
        alt = "; ".join(f"{r.title}, {r.peer}: {r.ratio:.3g}" for r in bench.rows if r.ratio)
        caption = "Bars: the ratio; thin lines: twice the noise to each side; marks: the aim."
        sections.append(Section("Ratios", lead, [Figure(path, alt, caption)]))
    for name, some in grouped(bench.rows).items():
        notes = [f"{row.title}, {row.peer}: {row.note}." for row in some if row.note]
        table = Table(
            [cell.capitalize() for cell in HEAD], list(map(cells, some)), 2, is_open=True
        )
        sections.append(Section(name, LEADS[name], (), [table], " ".join(notes), wide=True))
    facts = [*bench.machine.items(), *((n, f"{v:,.0f}") for n, v in bench.bounds.items())]
    lead = "What the figures were measured on. Arithmetic and memory are measured, not looked up."
    sections.append(Section("Machine", lead, (), [Table(("", ""), facts, 2, is_open=True)]))
    titles = [section.title for section in sections] + ["Reproduce"]
    page = template.fill(
        Path(template.__file__).with_name("page.html"),
        titles,
        title="Benchmarks",
        about="Times of gnnvision and its peers. Both run in turn, with the same number of "
        "threads; each figure is a median.",
        over=f"{bench.kind}",
        sections=sections,
        command=command,
        foot="The numbers are in bench.json.",
    )
    path = folder / "bench.html"
    path.write_text(page, "utf-8")
    return path


def draw(rows: Sequence[Row], path: Path, style: ModuleType) -> None:
    """Draw the ratios as bars on a logarithmic axis, with a mark at each aim."""
    from matplotlib.lines import Line2D

    shown = [(n, row) for n, some in grouped(rows).items() for row in some if row.ratio]
    places: list[float] = []
    below = 0.0
    for number, (name, _) in enumerate(shown):
        first = number == 0 or shown[number - 1][0] != name
        below += 2.0 if first else 1.0
        places.append(below)
    with style.drawing(path, 0.36 * (below + 1.8) + 0.5, style.NARROW) as picture:
        axes = picture.add_subplot()
        paper = {"facecolor": style.BACKGROUND, "edgecolor": "none", "pad": 0.6}
        limits = [value for _, row in shown for value in (row.ratio, row.aim or 1.0)]
        left, right = min(0.7, *limits) * 0.9, max(3.0, *limits) * 2.2
        axes.set_xscale("log")
        axes.set_xlim(left, right)
        axes.set_ylim(below + 0.8, -0.2)
        for place, (number, (name, row)) in zip(places, enumerate(shown), strict=True):
            if number == 0 or shown[number - 1][0] != name:
                axes.text(
                    0, place - 0.95, name, weight="bold", va="center", bbox=paper,
                    transform=axes.get_yaxis_transform(),
                )  # fmt: skip
            better = row.ratio >= 1
            color = style.CLASS_COLORS[0] if better else style.CLASS_COLORS[5]
            axes.barh(place + 0.18, row.ratio - 1, left=1, height=0.3, color=color)
            if row.interval is not None:
                axes.plot(row.interval, [place + 0.18] * 2, color=style.INK, linewidth=1)
            if row.aim is not None:
                mark = [place - 0.02, place + 0.38]
                axes.plot([row.aim] * 2, mark, color=style.INK, linewidth=2.2)
            axes.text(
                0, place - 0.26, f"{row.title} · {row.peer}", fontsize=8, va="center", bbox=paper,
                color=style.MUTED, transform=axes.get_yaxis_transform(),
            )  # fmt: skip
            end = max(*(row.interval or (row.ratio,)), row.aim or 0.0, 1.0)
            axes.text(end * 1.07, place + 0.18, f"{row.ratio:.3g}", fontsize=8.5, va="center")
        axes.axvline(1, color=style.MUTED, linewidth=1)
        axes.set_yticks([])
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if left < t < right]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("times as fast (or as little memory)")
        handles = [
            Line2D([], [], color=style.INK, linewidth=2.2, marker="|", linestyle="", label="aim"),
            Line2D([], [], color=style.MUTED, linewidth=1, label="as fast as the peer"),
        ]
        style.legend_below(picture, handles)
