"""The rows of `make bench`: ratios with their noise, and how they compare with a baseline.

A row compares our time (or memory) with that of one form of one peer. Its ratio is that of the
medians of the rounds. Both programs run in turn, so each round has its ratio, and the
spread of these gives the noise: the standard error of the logarithm of the ratio. Tables show
the ratio ± twice the noise.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

MEASURED, ABSENT, FAILED = "measured", "not installed", "failed"
SMALLEST = 0.05  # a change of a ratio by less is never reported
DEVIATIONS = 3  # of the noise; a larger change is reported


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Args:
        job: the name of the job, as for `--only`.
        title: what is measured.
        peer: the peer and its form; empty if only ours is measured.
        unit: of the three figures: "s", "ms", "MiB", or a rate such as "images/s".
        ours: the median.
        theirs: the median.
        bound: what the machine allows, in the same unit.
        ratio: how many times as long, or as much memory, the peer takes.
        noise: the standard error of the logarithm of the ratio; None of a single round.
        rounds: how often each program ran.
        aim: the ratio that is aimed at.
        threads: of both programs.
        note: what else there is to say.
        outcome: "measured", "not installed" or "failed".
    """

    job: str
    title: str
    peer: str = ""
    unit: str = "s"
    ours: float | None = None
    theirs: float | None = None
    bound: float | None = None
    ratio: float | None = None
    noise: float | None = None
    rounds: int = 0
    aim: float | None = None
    threads: int = 1
    note: str = ""
    outcome: str = MEASURED

    @property
    def key(self) -> str:
        """What identifies the row in a baseline."""
        return f"{self.job}: {self.title} | {self.peer}"

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ratio with twice its noise to each side; None if the noise is not known."""
        if self.ratio is None or self.noise is None:
            return None
        factor = math.exp(2 * self.noise)
        return self.ratio / factor, self.ratio * factor

    @property
    def reached(self) -> bool | None:
        """Whether the ratio is at least the aim; None without one of both."""
        return None if self.ratio is None or self.aim is None else self.ratio >= self.aim


def compare(
    row: Row,
    ours: Sequence[float],
    theirs: Sequence[float],
    scale: float = 1.0,
    items: float | None = None,
) -> Row:
    """The row with the figures of two programs that ran in turn.

    Args:
        row: the texts, and what is known already.
        ours: seconds (or MiB) of each round.
        theirs: the same of the peer; empty if there is none.
        scale: the unit in seconds.
        items: the number of items for a rate, where the unit is items a second.
    """

    def shown(seconds: float) -> float:
        return seconds / scale if items is None else items / seconds

    found = asdict(row) | {"rounds": len(ours), "ours": shown(statistics.median(ours))}
    if len(theirs):
        rounds = [b / a for a, b in zip(ours, theirs, strict=True)]
        found |= {
            "theirs": shown(statistics.median(theirs)),
            "ratio": statistics.median(theirs) / statistics.median(ours),
            "noise": noise_of(rounds) if len(rounds) > 1 else None,
        }
    return Row(**found)


def noise_of(ratios: Sequence[float]) -> float:
    """The standard error of the logarithm of the median ratio; insensitive to single outliers."""
    logs = [math.log(ratio) for ratio in ratios]
    middle = statistics.median(logs)
    deviation = 1.4826 * statistics.median(abs(value - middle) for value in logs)
    return 1.2533 * deviation / math.sqrt(len(logs))


# --- files ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """The content of `bench.json`.

    Args:
        machine: the processor, cores, versions and settings, as text.
        bounds: what the machine reaches: arithmetic and memory.
        rows: the rows.
        runs: from how many runs the rows are.
    """

    machine: dict[str, str]
    bounds: dict[str, float] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    runs: int = 1

    @property
    def kind(self) -> str:
        """The kind of machine, by which a baseline is chosen."""
        return self.machine["kind"]

    def to_dict(self) -> dict[str, Any]:
        """What is written as JSON."""
        rows = [{k: _rounded(v) for k, v in asdict(row).items()} for row in self.rows]
        bounds = {name: _rounded(value) for name, value in self.bounds.items()}
        return {"machine": self.machine, "runs": self.runs, "bounds": bounds, "rows": rows}

    @classmethod
    def from_dict(cls, read: Mapping[str, Any]) -> Bench:
        """The inverse of `to_dict`."""
        rows = [Row(**row) for row in read["rows"]]
        return cls(dict(read["machine"]), dict(read["bounds"]), rows, read["runs"])

    def write(self, path: Path) -> None:
        """Write `bench.json`."""
        path.write_text(json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, path: Path) -> Bench:
        """Read `bench.json`."""
        return cls.from_dict(json.loads(path.read_text("utf-8")))


def _rounded(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def read_baseline(path: Path) -> dict[str, Bench]:
    """The stored results, by kind of machine; none if there is no file."""
    if not path.is_file():
        return {}
    return {
        kind: Bench.from_dict(one) for kind, one in json.loads(path.read_text("utf-8")).items()
    }


def write_baseline(path: Path, benches: Sequence[Bench]) -> Bench:
    """Store the results of several runs on one machine, together with those of other kinds.

    Rows of a job that none of the runs had stay as they are. What failed is not stored.
    """
    stored = read_baseline(path)
    merged = merge(benches)
    merged = replace(merged, rows=[row for row in merged.rows if row.outcome != FAILED])
    if merged.kind in stored:
        jobs = {row.job for row in merged.rows}
        kept = [row for row in stored[merged.kind].rows if row.job not in jobs]
        merged = replace(merged, rows=[*merged.rows, *kept])
    stored[merged.kind] = merged
    content = {kind: one.to_dict() for kind, one in sorted(stored.items())}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return merged


def merge(benches: Sequence[Bench]) -> Bench:
    """One result of several runs: of each row the run with the median ratio.

    Its noise is that within the run, or half the range of the runs' ratios if that is larger.

    Raises:
        ValueError: if the runs are of different kinds of machine.
    """
    kinds = sorted({bench.kind for bench in benches})
    if len(kinds) != 1:
        raise ValueError(f"all runs must be of one kind of machine, got {', '.join(kinds)}.")
    rows: list[Row] = []
    for key in dict.fromkeys(row.key for bench in benches for row in bench.rows):
        same = [row for bench in benches for row in bench.rows if row.key == key]
        good = sorted((r for r in same if r.ratio is not None), key=lambda r: r.ratio or 0.0)
        if not good:
            rows.append(same[-1])
            continue
        middle = good[(len(good) - 1) // 2]
        ratios = [row.ratio for row in good if row.ratio]
        between = math.log(ratios[-1] / ratios[0]) / 2
        noise = max(middle.noise or 0.0, between) if len(good) > 1 else middle.noise
        rows.append(replace(middle, noise=noise))
    return Bench(benches[-1].machine, benches[-1].bounds, rows, len(benches))


# --- the check -----------------------------------------------------------------------------------

Kind = Literal["worse", "better", "same", "new", "not measured"]


@dataclass(frozen=True)
class Change:
    """How a row differs from the baseline.

    Args:
        row: the new row, or that of the baseline if it was not measured.
        kind: the verdict.
        before: the ratio of the baseline.
        allowed: the factor by which the ratio may differ before it is reported.
    """

    row: Row
    kind: Kind
    before: float | None = None
    allowed: float | None = None

    def __str__(self) -> str:
        now = "none" if self.row.ratio is None else f"{self.row.ratio:.3g}"
        text = f"{self.kind}: {self.row.job}: {self.row.title}"
        text += f", against {self.row.peer}" if self.row.peer else ""
        if self.kind == "not measured":
            return f"{text}: {self.row.outcome}; {self.before:.3g} before"
        if self.before is None or self.allowed is None:
            return f"{text}: {now}"
        return f"{text}: {now}, {self.before:.3g} before (noise {self.allowed - 1:.0%})"


def changes(rows: Iterable[Row], baseline: Bench | None) -> list[Change]:
    """Each row with a ratio, compared with the baseline of the same kind of machine.

    A row that was measured in the baseline, and that failed or is missing although its job ran,
    is "not measured".
    """
    rows = list(rows)
    known = {} if baseline is None else {row.key: row for row in baseline.rows if row.ratio}
    jobs = {row.job for row in rows}
    found: list[Change] = []
    seen = set()
    for row in rows:
        seen.add(row.key)
        before = known.get(row.key)
        if row.ratio is None:
            if before is not None:
                found.append(Change(row, "not measured", before.ratio))
            continue
        if before is None:
            found.append(Change(row, "new"))
            continue
        assert before.ratio is not None
        noise = math.hypot(row.noise or 0.0, before.noise or 0.0)
        allowed = max(math.log1p(SMALLEST), DEVIATIONS * noise)
        change = math.log(row.ratio / before.ratio)
        kind: Kind = "worse" if change < -allowed else "better" if change > allowed else "same"
        found.append(Change(row, kind, before.ratio, math.exp(allowed)))
    for key, row in known.items():
        if key not in seen and row.job in jobs:
            missing = replace(row, outcome="no such row", ratio=None)
            found.append(Change(missing, "not measured", row.ratio))
    return found


def has_failed(found: Iterable[Change]) -> bool:
    """Whether a ratio got worse, or could not be measured although its peer is installed."""
    return any(
        change.kind == "worse" or (change.kind == "not measured" and change.row.outcome != ABSENT)
        for change in found
    )
