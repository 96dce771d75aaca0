import re

import tensorflow as tf

from pipeline import cli, dry_run
from pipeline.data.batch_shape import BatchShape


def test_it_states_batch_memory_and_time_and_writes_nothing(records_dir, tmp_path, tiny_recipe):
    output = tmp_path / "run"
    recipe = tiny_recipe("train.micro_batch_size=2", "train.num_train_steps=10")
    rows = dict(
        re.split(r"\s{2,}", row, maxsplit=1)
        for row in dry_run.dry_run(
            recipe, data_dir=records_dir, output_dir=str(output)
        ).splitlines()
    )
    assert rows["batch"].startswith("8 sequences = 1 devices x 4 micro-batches x 2; 80 tokens")
    # 40 records in the training split.
    assert rows["length"].startswith("10 steps = 80 sequences = 800 tokens with padding = 2.00 ep")
    assert re.match(r"\d+ MB a device, estimated: weights", rows["memory"])
    assert re.match(r"0 h 00 min .* s a step", rows["time"])
    assert not output.exists()


def test_an_epoch_of_packed_rows_has_fewer_steps(tiny_recipe):
    recipe = tiny_recipe("train.num_train_steps=10")
    shape = BatchShape(8, 10, 2, 6, (10,), sequences_per_row=2.0, useful_fraction=0.9)
    rows = dict(dry_run._batch_rows(recipe, tf.distribute.get_strategy(), shape, num_records=40))
    assert rows["batch"].startswith("8 rows = 1 devices x 1 micro-batches x 8; 80 tokens")
    # 80 rows of two sequences, 40 sequences in an epoch.
    assert rows["length"] == "10 steps = 80 rows = 800 tokens with padding = 4.00 epochs"


def test_a_batch_that_does_not_divide_is_refused_before_anything_is_built(
    records_dir, tmp_path, capsys
):
    command = ["pretrain", "--recipe", "bert_tiny_sample", "--data", records_dir]
    command += ["--output", str(tmp_path / "run"), "--dry_run"]
    for setting in ("vocab.vocab_size=50", "prepare.max_seq_length=10"):
        command += ["--set", setting]
    command += ["--set", "prepare.max_predictions_per_seq=3", "--set", "train.micro_batch_size=5"]
    assert cli.main(command) == 2
    assert "--set train.micro_batch_size=4" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
