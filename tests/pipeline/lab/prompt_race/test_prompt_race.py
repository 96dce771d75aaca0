"""`mnemosyne bench prompt_race` on an encoder of width 16."""

import collections
import contextlib
import json

import numpy as np
import pytest

from pipeline.glue.files.examples import Examples, TaskData
from pipeline.glue.task_run import TaskRun
from pipeline.lab.prompt_race import prompt_runs, story
from pipeline.prompts.settings import PromptSettings


@pytest.fixture(name="made")
def fixture_made(monkeypatch):
    """Settings of the runs that were made, without training: 0.03 is the best rate of a baseline.

    Adafactor diverges at 0.3.
    """
    made = []

    def run_task(task, data, *, start, settings, build):
        made.append(settings)
        if settings.optimizer == "adafactor_fixed" and settings.learning_rate == 0.3:
            raise FloatingPointError("no finite loss")
        score = 1 - abs(np.log(settings.learning_rate / 0.03)) / 100
        return TaskRun({"score": score}, [], None, 0.5)

    monkeypatch.setattr(prompt_runs, "run_task", run_task)
    # Nothing is trained, so there are no graphs; to look for them takes a second a run.
    monkeypatch.setattr(prompt_runs, "graphs_released_at_end", contextlib.nullcontext)
    return made


def finished(tmp_path):
    return [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]


def test_rates_are_swept_at_the_shortest_length_and_the_best_serves_the_others(race, made):
    race("--seeds", 2)
    tried = collections.Counter((x.prompt_length, x.optimizer, x.learning_rate) for x in made)
    baselines = ("adamw", "adafactor_fixed")
    swept = {(2, name, rate): 1 for name in baselines for rate in story.RATES}
    best = {(length, name, 0.03): 2 for name in baselines for length in (2, 3)}
    # The published rate is one of the sweep: its first seed is made once.
    published = {(length, "adafactor_fixed", 0.3): 2 for length in (2, 3)}
    untuned = {(length, "mnemosyne", 2.0): 2 for length in (2, 3)}
    assert dict(tried) == swept | best | published | untuned


def test_runs_are_made_as_the_command_makes_them(race, made):
    race()
    one = next(each for each in made if each.optimizer == "mnemosyne")
    assert one == PromptSettings(
        num_train_epochs=2,
        batch_size=4,
        max_seq_length=8,
        max_train_examples=500,
        prompt_length=2,
    )


def test_a_second_call_makes_no_run_and_prints_the_same_tables(race, made, capsys):
    race()
    first, number = capsys.readouterr().out, len(made)
    race()
    assert (capsys.readouterr().out, len(made)) == (first, number)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--num_train_epochs", 1),
        ("--max_train_examples", 4),
        ("--max_dev_examples", 2),
        ("--max_seq_length", 7),
        ("--batch_size", 2),
    ],
)
def test_what_shapes_a_run_makes_it_another(race, made, flag, value):
    race("--prompt_lengths", 2)
    number = len(made)
    race("--prompt_lengths", 2, flag, value)
    assert len(made) == 2 * number


def test_other_weights_or_data_make_another_run(race, made, tmp_path):
    race("--prompt_lengths", 2)
    number = len(made)
    with open(tmp_path / "glue" / "SST-2" / "train.tsv", "a") as file:
        file.write("a good film\t1\n")
    race("--prompt_lengths", 2)
    assert len(made) == 2 * number


def test_a_run_that_diverged_is_kept_and_never_the_best(race, made, tmp_path, capsys):
    race("--prompt_lengths", 2)
    [line] = [
        each
        for each in finished(tmp_path)
        if (each["optimizer"], each["learning_rate"]) == ("adafactor_fixed", 0.3)
    ]
    assert line["curve"]["accuracies"] == [None]
    said = capsys.readouterr()
    rows = [[each.strip() for each in row.split("|")] for row in said.out.splitlines()]
    rates = {row[1]: row[2] for row in rows if len(row) == 7}
    assert rates["adafactor_fixed"] == "0.03"
    assert "no finite loss" in said.err


def test_the_dev_set_is_drawn_once_and_in_one_order():
    rows = Examples(([str(i) for i in range(50)],), np.arange(50, dtype=np.int32))
    data = TaskData(rows, rows, (), "")
    one, other = (prompt_runs.with_drawn_dev(data, 20) for _ in range(2))
    assert len(set(one.dev.texts[0])) == 20
    assert one.dev.texts == other.dev.texts and one.dev.texts[0] != rows.texts[0][:20]
    assert len(one.train) == 50
    assert prompt_runs.with_drawn_dev(data, 0).dev is rows


@pytest.mark.slow
def test_the_whole_command_trains_prompts_of_two_lengths(race, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(story, "RATES", (0.03,))
    output = tmp_path / "figures.json"
    assert race("--tasks", "STS-B", "--output", output) == 0
    found = json.loads(output.read_text())["results"]
    names = ["mnemosyne", "adamw", "adafactor_fixed", "adafactor_fixed 0.3"]
    assert [(each["prompt_length"], each["optimizer"]) for each in found] == [
        *((2, name) for name in names),
        *((3, name) for name in names),
    ]
    assert all(each["losses"][0] > 0 and each["cpu_seconds"] > 0 for each in found)
    # Eight rows, two epochs, four a step.
    assert [line["curve"]["steps"] for line in finished(tmp_path)] == [[4]] * 8
    summary = capsys.readouterr().out.splitlines()[-10:]
    assert "| STS-B" in summary[0] and summary[-1].startswith(f"| {tmp_path / 'model'}")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--seeds", 0), "--seeds: expected 1 or more, received 0"),
        (("--sweep_seeds", 0), "--sweep_seeds: expected 1 or more, received 0"),
        (("--max_dev_examples", -1), "--max_dev_examples: expected 0 or more, received -1"),
        (("--prompt_lengths", 10, 0), "--prompt_lengths: expected 1 or more, received 0"),
        (("--prompt_lengths", 10, 10), "--prompt_lengths: expected different ones"),
        (("--max_seq_length", 17), "max_position_embeddings"),
        (("--tasks", "MRPC2"), "MRPC2"),
    ],
)
def test_flags_without_sense_are_refused_before_any_run(race, made, flags, message):
    with pytest.raises(ValueError, match=message):
        race(*flags)
    assert not made


def test_a_missing_model_is_named(race, tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        race("--checkpoints", tmp_path / "absent")
