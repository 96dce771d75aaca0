import json

import numpy as np
import pytest
import tensorflow as tf

from data_prep import features as records
from pipeline.commands import bench
from pipeline.lab.side_by_side.running_program import Turn
from pipeline.lab.train_speed import contestants, packed


def _turns(*cpu_seconds):
    return [Turn(1, 6.0, each, each, 900.0) for each in cpu_seconds]


def test_tokens_count_by_the_round():
    turns = {"unpacked": _turns(1.0, 2.0, 4.0), "packed": _turns(1.0, 3.0, 4.0)}
    fill = {"unpacked": packed.Fill(8, 4.0, 1.0), "packed": packed.Fill(8, 7.5, 1.5)}
    found = packed.figures(turns, fill, batch_size=2)
    assert found["unpacked"]["useful_tokens_per_cpu_second"] == 8 / 2
    assert found["packed"]["useful_tokens_per_cpu_second"] == 15 / 3
    assert found["packed"]["times_unpacked"] == pytest.approx(15 / 8)  # of 15/8, 5/4 and 15/8
    assert (found["packed"]["useful_tokens"], found["packed"]["sequences"]) == (7.5, 1.5)


def test_batches_are_the_first_ones_of_a_run(tiny_recipe, records_dir):
    recipe = tiny_recipe("train.global_batch_size=4")
    manifest = records.load_manifest(records_dir)
    features, fill = packed.recorded_batches(recipe, manifest, records_dir)
    assert fill == packed.Fill(10, 10.0, 1.0)  # the records are full
    assert features["input_ids"].shape == (4, 4, 10)
    assert features["next_sentence_weights"].shape == (4, 4)
    dataset = packed.TrainingData(recipe, manifest, records_dir).train_batches(first_step=3)
    expected = next(dataset.as_numpy_iterator())
    for name, array in features.items():
        np.testing.assert_array_equal(array[3], expected[name])


def test_padding_is_not_useful_and_a_row_may_hold_several_sequences(
    tiny_recipe, records_dir, monkeypatch
):
    rows = np.array([[1] * 4 + [2] * 3 + [0], [1] * 8], np.int32)

    class Data:
        def __init__(self, *_):
            pass

        def train_batches(self, first_step):
            return tf.data.Dataset.from_tensors({"input_mask": rows}).repeat()

    monkeypatch.setattr(packed, "TrainingData", Data)
    _, fill = packed.recorded_batches(tiny_recipe(), None, records_dir)
    assert fill == packed.Fill(8, 7.5, 1.5)


def test_both_ways_take_turns_on_given_records(
    records_dir, fake_program, monkeypatch, tmp_path, capsys
):
    path, program = tmp_path / "packed.json", fake_program()
    monkeypatch.setattr(contestants, "_program", lambda library: program)
    monkeypatch.setattr(packed, "_SETTINGS", {"unpacked": (), "packed": ()})
    flags = ["--sizes", "tiny", "--batch_size", "4", "--rounds", "2"]
    assert bench.main(["train", "--packed", records_dir, *flags, "--output", str(path)]) == 0
    (case,) = json.loads(path.read_text())["cases"]
    assert (case["seq_len"], case["batch_size"]) == (10, 4)
    assert [len(each["turns"]) for each in case["programs"].values()] == [2, 2]
    assert case["programs"]["packed"]["useful_tokens"] == 10.0  # the records are full
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("packed rows train ")


def test_two_measurements_at_once_are_refused(records_dir):
    with pytest.raises(ValueError, match="--packed and --profile: expected one of them"):
        bench.main(["train", "--packed", records_dir, "--profile"])
