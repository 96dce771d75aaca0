"""The score table, cell by cell."""

from pipeline.glue.results.seeds import task_rows
from pipeline.glue.results.table import score_table


def run(task, score, *, seed=0, metrics=None):
    return {
        "task": task,
        "seed": seed,
        "metrics": metrics or {"accuracy": score},
        "score": score,
        "train_examples": 2490,
        "dev_examples": 277,
        "num_train_steps": 233,
        "seconds": 12.3,
    }


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_is_aligned_markdown_in_percent():
    runs = [run("MRPC", 0.748, metrics={"f1": 0.812, "accuracy": 0.684}), run("RTE", 0.5)]
    lines = score_table(task_rows(runs), average=0.624).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [cells(line) for line in lines if not line.startswith("|:")] == [
        ["task", "score", "metrics", "train", "dev", "steps", "seconds"],
        ["MRPC", "74.8", "F1 81.2, accuracy 68.4", "2,490", "277", "233", "12"],
        ["RTE", "50.0", "accuracy 50.0", "2,490", "277", "233", "12"],
        ["average", "62.4", "", "", "", "", ""],
    ]
    left = [cell.startswith(":") for cell in cells(lines[1])]
    assert left == [True, False, True, False, False, False, False]


def test_several_seeds_have_a_deviation_and_a_median():
    runs = [run("RTE", score, seed=seed) for seed, score in enumerate((0.5, 0.5, 0.8))]
    lines = score_table(task_rows([*runs, run("WNLI", 0.5)]), average=0.55).splitlines()
    assert cells(lines[0])[:5] == ["task", "score", "deviation", "median", "seeds"]
    # Deviations from the mean 0.6: -0.1, -0.1, 0.2; sqrt(0.06 / 2) = 0.1732.
    assert cells(lines[2])[:5] == ["RTE", "60.0", "17.3", "50.0", "3"]
    assert cells(lines[3])[:5] == ["WNLI", "50.0", "\u2013", "50.0", "1"]


def test_the_diagnostic_set_stands_below_the_average():
    diagnostic = {"task": "AX", "metrics": {"matthews": 0.21}, "score": 0.21, "examples": 1104}
    lines = score_table(task_rows([run("RTE", 0.5)]), average=0.5, diagnostic=diagnostic)
    last = cells(lines.splitlines()[-1])
    assert last == ["AX (diagnostic)", "21.0", "Matthews 21.0", "", "1,104", "", ""]
