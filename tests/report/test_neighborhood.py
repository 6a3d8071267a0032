import csv

from gnnvision.report.neighborhood import choose
from gnnvision.report.observe import observe


def test_the_two_nodes_are_test_nodes_right_and_wrong(stdlib_run):
    task = stdlib_run.task
    seen = observe(task, stdlib_run.model)
    for right in (True, False):
        node = choose(task.graph, seen, right)
        assert node in task.split.test
        assert (int(seen.prediction[node]) == int(task.y[node])) == right
        assert 4 <= len(task.graph.neighborhood(node)) - 1 <= 12


def test_the_file_adds_up_to_the_score(karate_run):
    result, page = karate_run
    with (page.parent / "figures" / "neighborhood_right.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    column = next(name for name in rows[0] if name.startswith("to "))
    number = result.task.class_names.index(column.removeprefix("to "))
    output = result.model.eval()(result.task.x, result.task.graph)[int(rows[0]["node"]), number]
    assert abs(sum(float(row[column]) for row in rows) - float(output.detach())) < 1e-5
    assert rows[-1]["name"] == "bias"
