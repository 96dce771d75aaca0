import json
import math

import pytest

from pipeline.commands import bench
from pipeline.lab.meta_training.recipe_file import load_meta_recipe
from pipeline.lab.races import horizon
from pipeline.lab.races.runs_file import Curve
from pipeline.lab.races.tasks import images
from pipeline.lab.races.tasks.task import Task


def curve(*losses):
    steps = [*range(1, len(losses) + 1)]
    return Curve(steps, [1.0] * len(steps), [1.0] * len(steps), [*losses], [0.5] * len(steps))


@pytest.mark.parametrize(
    ("losses", "diverged"),
    [
        ((6.0, 5.0, 5.04), 0),  # as far above its lowest as noise goes
        ((6.0, 5.0, 5.06), 1),
        ((6.0, 5.0, math.nan), 1),
        ((6.0, math.nan, 5.0), 0),  # it has recovered
    ],
)
def test_a_run_has_diverged_where_it_ends_above_its_best(losses, diverged):
    assert horizon.ending("mnemosyne", [curve(*losses)], 6.2).diverged == diverged


def test_every_seed_is_counted_and_shown():
    found = horizon.ending("mnemosyne", [curve(5.0, 4.0), curve(5.0, 5.5)], 6.2)
    assert found.diverged == 1
    row = horizon.to_markdown([found]).splitlines()[-1]
    assert (
        " ".join(row.split()) == "| mnemosyne | 6.2000 | 4.0000, 5.0000 | 4.0000, 5.5000 | 1 of 2 |"
    )


@pytest.mark.parametrize("recipe", ["rates", "full_runs"])
def test_it_is_ten_times_the_longest_run_of_meta_training(recipe):
    longest = max(task.num_steps for task in load_meta_recipe(recipe).tasks.values())
    assert horizon.horizon_task(["a*"], "races").num_train_steps >= 10 * longest


def test_it_runs_the_released_parameters_and_counts_what_diverged(monkeypatch, tmp_path, capsys):
    task = Task(*("long", images.load_digits, images.build_mlp, 64, 5, 2), plateau=lambda data: 2.3)
    monkeypatch.setattr(horizon, "horizon_task", lambda texts, folder: task)
    flags = [f"--runs={tmp_path}", f"--output={tmp_path}/long.json", "--seeds=1"]
    assert bench.main(["horizon", *flags]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "horizon: 0 run(s) diverged"
    (row,) = json.loads((tmp_path / "long.json").read_text())["horizon"]
    assert (row["optimizer"], row["diverged"], row["plateau"]) == ("mnemosyne", 0, 2.3)


def test_several_texts_are_refused():
    with pytest.raises(ValueError, match="--text: expected one text, .* received 2. Give one"):
        bench.main(["horizon", "--text", "a*", "b*"])
