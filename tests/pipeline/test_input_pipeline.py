import gzip
import itertools
import pathlib

import numpy as np
import pytest

from data_prep import features as records
from pipeline import input_pipeline


@pytest.fixture
def manifest(records_dir):
    return records.load_manifest(records_dir)


@pytest.fixture
def batches(manifest, records_dir, tiny_recipe):
    """Returns `read(num_batches, **arguments)`: input_ids of training batches of 8."""

    def read(num_batches, **arguments):
        dataset = input_pipeline.train_dataset(
            input_pipeline.shard_files(manifest, records_dir, "train"),
            prepare=tiny_recipe().prepare,
            num_sequences=40,
            global_batch_size=8,
            **{"seed": 0, **arguments},
        )
        return [b["input_ids"] for b in itertools.islice(dataset.as_numpy_iterator(), num_batches)]

    return read


def rows(batches):
    return sorted(tuple(row) for batch in batches for row in batch)


def test_an_epoch_holds_every_record_once(batches):
    read = rows(batches(5))
    assert len(read) == 40 == len(set(read))


def test_epochs_have_different_orders(batches):
    read = batches(10)
    assert rows(read[:5]) == rows(read[5:])
    assert not np.array_equal(np.concatenate(read[:5]), np.concatenate(read[5:]))


@pytest.mark.parametrize("first_step", [1, 5, 13])
def test_starting_late_gives_the_batches_an_early_start_would_have_seen(batches, first_step):
    expected = batches(first_step + 3)[first_step:]
    np.testing.assert_array_equal(batches(3, first_step=first_step), expected)


def test_same_seed_same_order_and_another_seed_another(batches):
    np.testing.assert_array_equal(batches(5), batches(5))
    assert not np.array_equal(batches(5), batches(5, seed=1))


def test_batches_run_on_across_epochs(manifest, records_dir, tiny_recipe):
    dataset = input_pipeline.train_dataset(
        input_pipeline.shard_files(manifest, records_dir, "train"),
        prepare=tiny_recipe().prepare,
        num_sequences=40,
        global_batch_size=15,
        seed=0,
    )
    read = [b["input_ids"] for b in itertools.islice(dataset.as_numpy_iterator(), 8)]
    assert {len(batch) for batch in read} == {15}
    flat = np.concatenate(read)
    assert rows([flat[:40]]) == rows([flat[40:80]]) == rows([flat[80:120]])


def test_ordered_dataset_fills_its_last_batch_with_weight_zero(manifest, records_dir, tiny_recipe):
    dataset = input_pipeline.ordered_dataset(
        input_pipeline.shard_files(manifest, records_dir, "heldout"),
        prepare=tiny_recipe().prepare,
        num_sequences=20,
        global_batch_size=8,
    )
    read = list(dataset.as_numpy_iterator())
    assert [len(batch["input_ids"]) for batch in read] == [8, 8, 8]
    weights = np.concatenate([batch["next_sentence_weights"] for batch in read])
    np.testing.assert_array_equal(weights, [1] * 20 + [0] * 4)
    assert read[2]["masked_lm_weights"].sum() == 4 * 3
    # The second word counts the records: file order, none left out.
    counted = np.concatenate([batch["input_ids"][:, 1] for batch in read])[:20]
    np.testing.assert_array_equal(counted, np.arange(20))


def test_gzip_shards_are_read_alike(manifest, records_dir, tiny_recipe, tmp_path):
    plain = input_pipeline.shard_files(manifest, records_dir, "heldout")
    packed = tmp_path / "heldout.tfrecord.gz"
    packed.write_bytes(gzip.compress(pathlib.Path(plain[0]).read_bytes()))
    read = [
        next(
            input_pipeline.ordered_dataset(
                files, prepare=tiny_recipe().prepare, num_sequences=20, global_batch_size=8
            ).as_numpy_iterator()
        )["input_ids"]
        for files in (plain, [str(packed)])
    ]
    np.testing.assert_array_equal(*read)


def test_split_without_sequences_is_refused_with_the_flag(manifest, records_dir):
    with pytest.raises(ValueError, match="no 'test' sequences.*--heldout_fraction"):
        input_pipeline.shard_files(manifest, records_dir, "test")
