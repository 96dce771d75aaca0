import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from pretraining_runs import DROPOUT, rows

from data_prep import features as records
from models import BertConfig, BertEncoder
from pipeline import cli, pretrain
from pipeline.recipes import loader
from pipeline.run.checkpoints import find_vocab, load_pretrained_encoder
from pipeline.run.watching.model_flops import training_flops


def test_run_folder_is_complete(finished):
    output, figures = finished
    names = {path.name for path in pathlib.Path(output).iterdir()}
    assert names == {
        "recipe.yaml",
        "bert_config.json",
        "vocab.txt",
        "run.json",
        "metrics.jsonl",
        "checkpoints",
        "tensorboard",
        "COMPLETED",
    }
    assert json.loads((output / "COMPLETED").read_text()) == figures
    assert figures["step"] == 12


def test_the_run_knows_its_machine_and_the_work_of_a_step(finished):
    output, _ = finished
    facts = json.loads((output / "run.json").read_text())
    machine = {"processor", "cores", "memory_gib", "accelerators", "system"}
    assert facts["hardware"].keys() == machine and facts["peak_flops"] > 0
    config = BertConfig.load(output / "bert_config.json")
    sizes = {"batch": 8, "seq_len": 10, "num_predictions": 3}
    assert facts["flops_per_step"] == training_flops(config, **sizes)
    rows_of_training = rows(output, "train")
    assert all(row["tokens_per_step"] == 80 for row in rows_of_training)  # 8 x 10, no padding
    assert all(row["fraction_of_peak"] > 0 for row in rows_of_training)


def test_rows_stand_at_their_intervals(finished):
    output, _ = finished
    assert [row["step"] for row in rows(output, "train")] == [3, 6, 9, 12]
    assert [row["step"] for row in rows(output, "heldout")] == [6, 12]
    assert rows(output, "train")[-1]["rows"] == 96


def test_finished_run_says_so_and_is_left_alone(finished, records_dir, tiny_recipe, capsys):
    output, figures = finished
    before = (output / "metrics.jsonl").read_bytes()
    again = pretrain.pretrain(tiny_recipe(*DROPOUT), data_dir=records_dir, output_dir=str(output))
    assert again == figures
    printed = capsys.readouterr().out
    assert "already complete" in printed and "--set train.num_train_steps=N" in printed
    assert (output / "metrics.jsonl").read_bytes() == before


# Its rate is the same at every step of a run of any length.
CONSTANT_RATE = ("optimizer.name=schedule_free_adamw", "optimizer.warmup_fraction=0.0")


@pytest.mark.slow
def test_a_finished_run_is_lengthened_to_the_figures_of_a_long_one(
    records_dir, tmp_path, tiny_recipe, capsys
):
    def run(name, num_train_steps):
        recipe = tiny_recipe(*DROPOUT, *CONSTANT_RATE, f"train.num_train_steps={num_train_steps}")
        return pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(tmp_path / name))

    long = run("long", 12)
    assert run("run", 7)["step"] == 7
    capsys.readouterr()
    lengthened = run("run", 12)
    assert "lengthened from 7 to 12 steps at step 7" in capsys.readouterr().err
    assert lengthened["step"] == 12
    assert json.loads((tmp_path / "run" / "COMPLETED").read_text()) == lengthened
    # Checkpoints hold the average; training goes on from a point that float32 rebuilds from it to
    # a few units in the last place (1.2e-7), of weights of order 1, which five more steps carry on.
    for key in ("masked_lm_loss", "next_sentence_loss"):
        np.testing.assert_allclose(lengthened[key], long[key], rtol=1e-5)
    assert [row["step"] for row in rows(tmp_path / "run", "train")] == [3, 6, 9, 12]
    assert [row["step"] for row in rows(tmp_path / "run", "heldout")] == [6, 7, 12]
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["lengthened"] == [{"at_step": 7, "before": 7, "now": 12}]
    assert run("run", 12) == lengthened  # and is finished


def test_changed_settings_are_refused_by_the_command(finished, records_dir, capsys):
    output, _ = finished
    code = cli.main(
        [
            "pretrain",
            "--recipe",
            str(output / "recipe.yaml"),
            "--data",
            records_dir,
            "--output",
            str(output),
            "--set",
            "train.random_seed=1",
        ]
    )
    assert code == 2
    assert "train.random_seed: 0 -> 1" in capsys.readouterr().err


def test_other_records_are_refused_even_by_a_finished_run(finished, tmp_path, tiny_recipe):
    output, _ = finished
    facts = json.loads((output / "run.json").read_text())
    other = records.Manifest(
        **{**facts["data_manifest"], "vocab": {"size": 50, "sha256": "another"}}
    )
    other.save(str(tmp_path))
    (tmp_path / "COMPLETED").write_text("")
    with pytest.raises(ValueError, match="This run began with the records of"):
        pretrain.pretrain(tiny_recipe(*DROPOUT), data_dir=str(tmp_path), output_dir=str(output))


def test_run_does_not_go_on_with_other_meta_parameters(
    finished, records_dir, tmp_path, tiny_recipe
):
    """As after an update of the package that ships others: its schedule would change half-way."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "COMPLETED").unlink()
    facts = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**facts, "meta_parameters": "nominal"}))
    with pytest.raises(ValueError, match="This run began with the meta-parameters nominal"):
        pretrain.pretrain(tiny_recipe(*DROPOUT), data_dir=records_dir, output_dir=str(tmp_path))


def test_remedy_of_a_wrong_batch_works(records_dir, tmp_path, tiny_recipe):
    wrong = tiny_recipe("train.strategy=mirrored", "train.global_batch_size=7")
    with pytest.raises(ValueError, match="--set train.global_batch_size=8"):
        pretrain.pretrain(wrong, data_dir=records_dir, output_dir=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_the_optimizer_is_told_steps_and_masked_tokens_of_a_step(
    records_dir, tmp_path, tiny_recipe, monkeypatch
):
    class Told(Exception):
        pass

    def make(config, num_train_steps, labels_per_step, first_step):
        raise Told(num_train_steps, labels_per_step, first_step)

    monkeypatch.setattr("pipeline.pretrain.make_optimizer", make)
    with pytest.raises(Told) as told:
        pretrain.pretrain(tiny_recipe(), data_dir=records_dir, output_dir=str(tmp_path / "run"))
    assert told.value.args == (12, 8 * 3, 0)


def test_encoder_comes_out_of_the_checkpoint(finished):
    output, _ = finished
    encoder = BertEncoder(BertConfig.load(output / "bert_config.json"))
    ones = tf.ones([1, 10], tf.int32)
    encoder({"input_ids": ones, "input_mask": ones, "segment_ids": ones * 0})
    before = [weight.copy() for weight in encoder.get_weights()]
    load_pretrained_encoder(encoder, output)
    assert not any(np.array_equal(a, b) for a, b in zip(before, encoder.get_weights(), strict=True))
    assert pathlib.Path(find_vocab(output)).read_text().startswith("w0\n")


def test_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint.*mnemosyne pretrain"):
        load_pretrained_encoder(None, tmp_path)
    with pytest.raises(FileNotFoundError, match="no vocab.txt"):
        find_vocab(tmp_path)


def test_steps_that_are_not_finite_are_skipped_and_too_many_in_a_row_end_with_exit_code_1(
    records_dir, tmp_path, capsys, tiny_recipe
):
    recipe = tmp_path / "recipe.yaml"
    diverges = ("optimizer.learning_rate=1e30", "train.max_skipped_steps=2")
    loader.save_recipe(tiny_recipe(*diverges), recipe)
    files = ("--recipe", str(recipe), "--data", records_dir, "--output", str(tmp_path / "run"))
    assert cli.main(["pretrain", *files]) == 1
    printed = capsys.readouterr().err
    # The first step moves the weights beyond float32; of a loop only the number is known.
    assert "skipped 2 of steps 1 to 3" in printed and "skipped step 4:" in printed
    assert "steps 4 to 5 were skipped one after the other" in printed
    assert not (tmp_path / "run" / "COMPLETED").exists()


def test_table_of_positions_is_as_long_as_the_records(records_dir, tmp_path, tiny_recipe):
    recipe = tiny_recipe("train.num_train_steps=1", "model.max_position_embeddings=16")
    pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(tmp_path))
    assert BertConfig.load(tmp_path / "bert_config.json").max_position_embeddings == 16


@pytest.mark.parametrize(("step", "stop"), [(0, 3), (3, 5), (5, 6), (6, 9), (9, 10), (10, 12)])
def test_device_loop_stops_at_every_interval(tiny_recipe, step, stop):
    # log every 3, checkpoint every 5, evaluate every 6, end at 12, at most 4 steps a loop
    assert pretrain.next_stop(tiny_recipe().train, step) == stop
