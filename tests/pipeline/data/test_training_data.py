import dataclasses

import numpy as np
import pytest

from data_prep import features as records
from pipeline.data.training_data import TrainingData


@pytest.fixture
def data(records_dir, tiny_recipe):
    return TrainingData(tiny_recipe(), records.load_manifest(records_dir), records_dir)


def first_ids(dataset, count):
    return [batch["input_ids"].numpy().tolist() for batch in dataset.take(count)]


def test_training_begins_at_any_step_with_the_batches_that_stand_there(data):
    assert first_ids(data.train_batches(first_step=2), 2) == first_ids(data.train_batches(0), 4)[2:]


def test_held_out_batches_are_filled_up_with_records_of_no_weight(data):
    batches = list(data.heldout)
    assert len(batches) == 3  # 20 sequences in batches of 8
    weights = np.concatenate([batch["masked_lm_weights"].numpy() for batch in batches])
    assert weights.sum() == 20 * 3


def test_a_model_without_context_is_worse_than_certain_and_better_than_a_guess(data):
    # Tokens are drawn evenly from 45 of 50; with one added to each of 120 counts the estimate is
    # off by less than the nat that is allowed here.
    assert np.log(45) - 1 < data.unigram_loss(vocab_size=50) < np.log(45) + 1


def test_a_length_that_no_shard_has_is_refused(records_dir, tiny_recipe):
    manifest = records.load_manifest(records_dir)
    for shard in manifest.splits["train"]["shards"]:
        shard["max_seq_length"] = 20
    with pytest.raises(ValueError, match="holds no 'train' sequences of 10 tokens"):
        TrainingData(tiny_recipe(), manifest, records_dir)


def test_what_is_read_is_said_with_how_full_rows_are(records_dir, tiny_recipe):
    manifest = dataclasses.replace(
        records.load_manifest(records_dir), statistics={"length_histogram": [0] * 10 + [61]}
    )
    data = TrainingData(tiny_recipe("train.packing=true"), manifest, records_dir)
    assert data.describe() == (
        "records of 10 tokens, packed into rows of 10 (sequences: at most 1, predictions: at most "
        "2); rows are 100.0% full"
    )
