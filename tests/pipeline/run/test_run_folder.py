import json

import pytest

from pipeline.run.run_folder import RunFolder


def started(directory, recipe):
    run = RunFolder(directory, recipe)
    run.begin()
    return run


def test_same_settings_continue_and_other_settings_are_named(tmp_path, tiny_recipe):
    started(tmp_path, tiny_recipe())
    started(tmp_path, tiny_recipe())
    with pytest.raises(ValueError, match="train.global_batch_size: 8 -> 16"):
        RunFolder(tmp_path, tiny_recipe("train.global_batch_size=16"))


def test_settings_that_do_not_change_the_result_may_change(tmp_path, tiny_recipe):
    started(tmp_path, tiny_recipe())
    RunFolder(tmp_path, tiny_recipe("train.steps_per_loop=1", "glue.num_train_epochs=9"))


def test_run_of_a_version_with_fewer_settings_continues(tmp_path, tiny_recipe):
    started(tmp_path, tiny_recipe())
    saved = tmp_path / "recipe.yaml"
    older = [line for line in saved.read_text().splitlines() if "initial_run" not in line]
    saved.write_text("\n".join(older))
    RunFolder(tmp_path, tiny_recipe())
    with pytest.raises(ValueError, match="train.initial_run:  -> elsewhere"):
        RunFolder(tmp_path, tiny_recipe("train.initial_run=elsewhere"))


@pytest.mark.parametrize("output", ["file", "file/below"])
def test_output_that_cannot_be_written_is_refused(tmp_path, tiny_recipe, output):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="must be a folder that can be written.*Name another"):
        started(tmp_path / output, tiny_recipe())


def test_refused_run_leaves_no_folder(tmp_path, tiny_recipe):
    RunFolder(tmp_path / "run", tiny_recipe())
    assert not (tmp_path / "run").exists()


def test_rows_after_the_checkpoint_and_torn_rows_are_dropped(tmp_path, tiny_recipe):
    run = started(tmp_path, tiny_recipe())
    for step in (3, 6, 9):
        run.append_metrics({"step": step})
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"step": 6, "lo')
    run.forget_metrics_after(6)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 6]


def test_figures_exist_only_after_completion(tmp_path, tiny_recipe):
    run = started(tmp_path, tiny_recipe())
    assert run.final_figures() is None
    run.complete({"step": 12})
    assert run.final_figures() == {"step": 12}
    assert not list(tmp_path.glob("*.tmp*"))


def test_a_run_may_grow_and_is_unfinished_then(tmp_path, tiny_recipe):
    run = started(tmp_path, tiny_recipe())
    run.write_run({"recipe": tiny_recipe().to_dict()})
    run.complete({"step": 12})
    longer = tiny_recipe("train.num_train_steps=20")
    run = RunFolder(tmp_path, longer)
    assert run.final_figures() is None
    assert (tmp_path / "COMPLETED").exists()  # nothing is touched before `begin`
    run.begin()
    assert not (tmp_path / "COMPLETED").exists()
    for steps_done in (12, 15):  # a later start of the longer run adds nothing
        run.write_run({"recipe": longer.to_dict()}, steps_done)
        assert run.run_facts()["lengthened"] == [{"at_step": 12, "before": 12, "now": 20}]


def test_a_run_does_not_shrink_and_the_message_gives_its_length(tmp_path, tiny_recipe):
    started(tmp_path, tiny_recipe())
    message = "train.num_train_steps: 12 -> 6.*not shorter.*--set train.num_train_steps=12"
    with pytest.raises(ValueError, match=message):
        RunFolder(tmp_path, tiny_recipe("train.num_train_steps=6"))


def test_growing_excuses_no_other_difference(tmp_path, tiny_recipe):
    started(tmp_path, tiny_recipe())
    other = tiny_recipe("train.num_train_steps=20", "train.random_seed=4")
    with pytest.raises(ValueError, match="other settings: train.random_seed: 0 -> 4. Use"):
        RunFolder(tmp_path, other)


def test_run_facts_carry_versions(tmp_path, tiny_recipe):
    run = started(tmp_path, tiny_recipe())
    run.write_run({"name": "x"})
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["name"] == "x" and facts["versions"]["tensorflow"].startswith("2.")


def test_a_roll_back_is_noted_once_and_outlives_a_start(tmp_path, tiny_recipe):
    run = started(tmp_path, tiny_recipe())
    run.write_run({"recipe": tiny_recipe().to_dict()})
    for last_step in (8, 8, 20):  # a run that is killed repeats the first
        run.note_rollback({"last_step": last_step, "to_step": 5})
    run.write_run({"recipe": tiny_recipe().to_dict()}, steps_done=5)
    assert [each["last_step"] for each in run.run_facts()["rolled_back"]] == [8, 20]


def test_an_evaluation_is_found_by_its_step(tmp_path, tiny_recipe):
    run = started(tmp_path, tiny_recipe())
    assert not run.was_evaluated(6)
    run.append_metrics({"step": 6, "split": "train"})
    assert not run.was_evaluated(6)
    run.append_metrics({"step": 6, "split": "heldout"})
    assert run.was_evaluated(6) and not run.was_evaluated(3)
