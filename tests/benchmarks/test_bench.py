import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import bench
import bench_jobs
import bench_page
import bounds
from bench_jobs import JOBS, Options
from bench_rows import (
    ABSENT,
    Bench,
    Row,
    changes,
    compare,
    has_failed,
    merge,
    noise_of,
    read_baseline,
    write_baseline,
)

BENCHMARKS = Path(bench.__file__).parent
MACHINE = {"kind": "a CPU, 2 cores", "date": "2026-01-01", "torch": "2", "torch-geometric": "2"}


def row(ratio=4.0, noise=0.01, job="gcn", title="GCN layer", **values):
    figures = {"peer": "torch-geometric, CSR", "unit": "ms", "ours": 1.0, "rounds": 5} | values
    return Row(job, title, theirs=ratio, ratio=ratio, noise=noise, **figures)


def a_bench(*rows, kind="a CPU, 2 cores"):
    return Bench(MACHINE | {"kind": kind}, {"GB/s, copy": 50.0}, rows)


# --- rows --------------------------------------------------------------------------------------


def test_the_ratio_is_that_of_the_medians():
    found = compare(Row("gcn", "GCN"), [1.0, 2.0, 9.0], [8.0, 6.0, 7.0], 1e-3)
    assert (found.ours, found.theirs, found.ratio, found.rounds) == (2000.0, 7000.0, 3.5, 3)


def test_a_rate_is_items_a_second_and_its_ratio_that_of_times():
    found = compare(Row("images", "CIFAR-10", unit="images/s"), [2.0], [6.0], items=100)
    assert (found.ours, found.theirs, found.ratio) == (50.0, pytest.approx(100 / 6), 3.0)


def test_a_single_round_has_no_noise_and_no_interval():
    found = compare(Row("gcn", "GCN"), [1.0], [2.0])
    assert found.noise is None
    assert found.interval is None


def test_without_a_peer_there_is_no_ratio():
    found = compare(Row("start", "import", aim=2), [1.0, 3.0, 2.0], [])
    assert (found.ours, found.theirs, found.ratio, found.reached) == (2.0, None, None, None)


def test_noise_is_the_standard_error_of_the_median_of_the_logarithms():
    assert noise_of([3.0, 3.0, 3.0]) == 0
    logs = [-0.1, 0.0, 0.1]
    expected = 1.2533 * 1.4826 * 0.1 / math.sqrt(3)
    assert noise_of([math.exp(value) for value in logs]) == pytest.approx(expected)


def test_an_outlier_does_not_make_noise():
    steady = [2.0, 2.02, 1.98, 2.01, 1.99]
    assert noise_of([*steady, 2.0, 40.0]) < 1.5 * noise_of([*steady, 2.0, 2.03])


@pytest.mark.parametrize(("aim", "reached"), [(3.9, True), (4.0, True), (4.1, False)])
def test_an_aim_is_reached_from_its_value_on(aim, reached):
    assert row(aim=aim).reached is reached


# --- the check ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "kind"),
    [(4.0, "same"), (3.85, "same"), (3.7, "worse"), (4.15, "same"), (4.3, "better")],
)
def test_a_change_of_under_five_percent_is_none(ratio, kind):
    (change,) = changes([row(ratio, noise=0.0)], a_bench(row(noise=0.0)))
    assert change.kind == kind


@pytest.mark.parametrize(("ratio", "kind"), [(3.0, "same"), (2.0, "worse"), (6.5, "better")])
def test_a_change_within_the_noise_of_both_is_none(ratio, kind):
    (change,) = changes([row(ratio, noise=0.1)], a_bench(row(noise=0.1)))
    assert change.kind == kind
    assert change.allowed == pytest.approx(math.exp(3 * math.hypot(0.1, 0.1)))
    assert has_failed([change]) is (kind == "worse")


def test_what_the_baseline_has_not_is_new_and_no_failure():
    found = changes([row()], a_bench(row(title="another")))
    assert [change.kind for change in found] == ["new", "not measured"]
    assert [change.kind for change in changes([row()], None)] == ["new"]
    assert not has_failed(changes([row()], None))


def test_a_peer_that_is_not_installed_is_no_failure_but_a_failed_job_is():
    known = a_bench(row())
    absent = replace(row(), ratio=None, outcome=ABSENT)
    (change,) = changes([absent], known)
    assert change.kind == "not measured"
    assert not has_failed([change])
    failed = [bench_jobs.failed("gcn", "broke")]
    assert has_failed(changes(failed, known))


def test_a_job_that_did_not_run_is_not_compared():
    assert changes([row(job="sage")], a_bench(row(), row(job="sage"))) == changes(
        [row(job="sage")], a_bench(row(job="sage"))
    )


def test_each_change_says_both_ratios():
    (change,) = changes([row(2.0)], a_bench(row(4.0)))
    text = "worse: gcn: GCN layer, against torch-geometric, CSR: 2, 4 before (noise 5%)"
    assert str(change) == text


# --- files -------------------------------------------------------------------------------------


def test_several_runs_give_the_run_with_the_median_and_the_noise_between_them():
    found = merge([a_bench(row(ratio)) for ratio in (4.0, 5.0, 4.4)])
    (only,) = found.rows
    assert (only.ratio, only.theirs) == (4.4, 4.4)
    assert only.noise == pytest.approx(math.log(5 / 4) / 2)
    assert found.runs == 3


def test_noise_within_a_run_counts_where_it_is_larger():
    (only,) = merge([a_bench(row(noise=0.3)), a_bench(row())]).rows
    assert only.noise in (0.3, 0.01)
    (only,) = merge([a_bench(row(noise=0.3)), a_bench(row(4.1, noise=0.3))]).rows
    assert only.noise == 0.3


def test_runs_of_two_machines_are_not_merged():
    with pytest.raises(ValueError, match="all runs must be of one kind of machine, got A, B"):
        merge([a_bench(row(), kind="B"), a_bench(row(), kind="A")])


def test_a_file_holds_what_was_measured(tmp_path):
    before = a_bench(row(aim=4, note="a note"), bench_jobs.failed("small", "broke"))
    before.write(tmp_path / "bench.json")
    after = Bench.read(tmp_path / "bench.json")
    assert list(after.rows) == list(before.rows)
    assert after.to_dict() == before.to_dict()


def test_the_baseline_keeps_other_machines_and_other_jobs(tmp_path):
    path = tmp_path / "baseline.json"
    write_baseline(path, [a_bench(row(), row(job="sage"))])
    write_baseline(path, [a_bench(row(9.0), kind="B")])
    write_baseline(path, [a_bench(row(5.0))])
    stored = read_baseline(path)
    ratios = {kind: {r.job: r.ratio for r in one.rows} for kind, one in stored.items()}
    assert ratios == {"a CPU, 2 cores": {"gcn": 5.0, "sage": 4.0}, "B": {"gcn": 9.0}}
    assert read_baseline(tmp_path / "none.json") == {}


# --- jobs --------------------------------------------------------------------------------------


def test_every_job_is_in_a_group_and_names_a_script_with_these_flags():
    assert set(JOBS) == set(bench_page.GROUPS)
    assert set(bench_page.GROUPS.values()) == set(bench_page.LEADS)
    for job in JOBS.values():
        script, *flags = job.command.split()
        text = (BENCHMARKS / script).read_text(encoding="utf-8")
        assert all(f'"{flag}"' in text for flag in flags if flag.startswith("--"))


def test_a_job_that_fails_or_does_not_end_is_a_row(monkeypatch, capsys):
    monkeypatch.setitem(JOBS, "small", replace(JOBS["small"], limit=0.05))
    (only,) = bench.run_job("small", Options())
    assert (only.outcome, only.note) == ("failed", "not finished within 0 s")
    monkeypatch.setattr(bench, "MARK", "no rows")
    monkeypatch.setattr(bench, "HERE", Path("nowhere"))
    (only,) = bench.run_job("gcn", Options())
    assert only.outcome == "failed"
    assert "No such file" in only.note
    assert "No such file" in capsys.readouterr().err


def test_esol_without_chemprop_is_not_installed():
    (only,) = bench_jobs.esol(Options())
    assert (only.outcome, only.ratio, only.peer) == (ABSENT, None, "Chemprop 2.3.1")
    assert bench_page.times(only) == "not installed"


def test_the_bound_of_a_layer_is_memory_and_arithmetic():
    machine = {bounds.MEMORY: 50.0, bounds.PEAK.format("float32"): 400.0}
    found = bounds.layer_bound(machine, gathered=10**6, products=10**5, width=100)
    assert found == pytest.approx(4e8 / 50e9 + 2e9 / 400e9)


# --- the command -------------------------------------------------------------------------------


def test_an_unknown_job_ends_with_a_sentence(capsys):
    with pytest.raises(SystemExit) as end:
        bench.main(["--only", "gcn,nothing"])
    assert end.value.code == 2
    assert "'--only' must be of cora" in capsys.readouterr().err


def test_long_jobs_run_only_when_asked():
    assert {name for name, job in JOBS.items() if job.long} == {"esol", "record"}
    assert "esol" not in bench.parse([]).only
    assert "esol" in bench.parse(["--long"]).only
    assert bench.parse(["--only", "esol,gcn", "small"]).only == ["esol", "gcn", "small"]


@pytest.mark.parametrize(("ratio", "code"), [(4.0, None), (2.0, 1)])
def test_the_check_ends_with_code_one_if_a_ratio_got_worse(
    ratio, code, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(bench, "BASELINE", tmp_path / "baseline.json")
    write_baseline(bench.BASELINE, [a_bench(row(4.0))])
    a_bench(row(ratio)).write(tmp_path / "bench.json")
    flags = ["--read", str(tmp_path / "bench.json"), "--check"]
    if code is None:
        bench.main(flags)
    else:
        with pytest.raises(SystemExit) as end:
            bench.main(flags)
        assert end.value.code == code
    assert f"{int(code is None)} of 1 ratios are the same" in capsys.readouterr().out


def test_storing_fills_in_the_page(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{bench.BEGIN}old\n{bench.END}after\n", "utf-8")
    monkeypatch.setattr(bench, "BASELINE", tmp_path / "baseline.json")
    monkeypatch.setattr(bench, "PAGE", page)
    a_bench(row(4.0)).write(tmp_path / "bench.json")
    bench.main(["--read", str(tmp_path / "bench.json"), "--store"])
    text = page.read_text("utf-8")
    assert text.startswith(f"before\n{bench.BEGIN}")
    assert text.endswith(f"{bench.END}after\n")
    assert "| GCN layer | torch-geometric, CSR | 1 ms | 4 ms | **4** ± 0.081 |" in text
    assert "old" not in text
    assert bench.with_tables(text, read_baseline(bench.BASELINE)) == text


# --- the page ----------------------------------------------------------------------------------


def test_the_page_has_a_bar_for_each_ratio_and_no_number_for_an_absent_peer(tmp_path):
    absent = Row("cora", "Cora, ten seeds", "JAX", ours=0.1, outcome=ABSENT)
    some = a_bench(row(aim=5), row(0.8, title="GAT layer"), absent)
    path = bench_page.write_page(some, tmp_path, "make bench")
    page = path.read_text("utf-8")
    assert path.name == "bench.html"
    picture = (tmp_path / "ratios.svg").read_text("utf-8")
    for text in ("GCN layer", "GAT layer", "0.8"):
        assert text in picture
    assert "Cora, ten seeds" not in picture
    assert "not installed" in page
    assert "GB/s, copy" in page


def test_the_table_of_the_terminal_has_every_row_and_note():
    text = bench_page.text_table([row(note="a note"), bench_jobs.failed("small", "it broke")])
    assert "LARGE LAYERS" in text
    assert "4 ± 0.081" in text
    assert "GCN layer, torch-geometric, CSR: a note" in text
    assert "it broke" in text


def test_every_row_of_the_baseline_has_korean_words():
    names = r"Cora|CIFAR-10|ESOL|JAX|CSR|torch-geometric|gcn_cora\.py|Chemprop .*|\w+ layer|"
    stored = read_baseline(bench.BASELINE).values()
    assert stored
    for one in stored:
        for each in one.rows:
            if each.outcome != "failed":
                words = [w for t in (each.title, each.peer) for w in re.split(", |: ", t)]
                unknown = {w for w in words if not re.fullmatch(names, w)} - set(bench_page.KOREAN)
                assert unknown == set()
        text = bench_page.markdown(one.rows, "ko")
        assert "| 작업 | 비교 대상 |" in text


def test_the_json_is_readable(tmp_path):
    a_bench(row(3.14159265)).write(tmp_path / "bench.json")
    read = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert read["rows"][0]["ratio"] == 3.1416
