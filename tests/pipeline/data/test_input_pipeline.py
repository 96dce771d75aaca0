import gzip
import itertools
import pathlib

import numpy as np
import pytest

from data_prep import features as records
from data_prep.settings import MaskingRules
from pipeline.data import input_pipeline
from pipeline.data.record_reader import RecordReader
from pipeline.data.record_streams import SingleRecords
from pipeline.data.shards import Shards, shards_of

READER = RecordReader(max_seq_length=10, max_predictions_per_seq=3)
RULES = MaskingRules(
    masked_lm_prob=0.3,
    max_predictions_per_seq=3,
    do_whole_word_mask=False,
    cls_id=2,
    sep_id=3,
    mask_id=4,
    vocab_size=50,
)
MASKER = RecordReader(max_seq_length=10, max_predictions_per_seq=3, masking=RULES)


@pytest.fixture
def manifest(records_dir):
    return records.load_manifest(records_dir)


@pytest.fixture
def train_shards(manifest, records_dir):
    return shards_of(manifest, records_dir, "train", 10)


@pytest.fixture
def heldout_shards(manifest, records_dir):
    return shards_of(manifest, records_dir, "heldout", 10)


@pytest.fixture
def batches(train_shards):
    """Returns `read(num_batches, **arguments)`: input_ids of training batches of 8."""

    def read(num_batches, **arguments):
        dataset = input_pipeline.train_dataset(
            SingleRecords(train_shards),
            global_batch_size=8,
            **{"reader": READER, "seed": 0, **arguments},
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


def test_batches_run_on_across_epochs(train_shards):
    dataset = input_pipeline.train_dataset(
        SingleRecords(train_shards), reader=READER, global_batch_size=15, seed=0
    )
    read = [b["input_ids"] for b in itertools.islice(dataset.as_numpy_iterator(), 8)]
    assert {len(batch) for batch in read} == {15}
    flat = np.concatenate(read)
    assert rows([flat[:40]]) == rows([flat[40:80]]) == rows([flat[80:120]])


def test_ordered_dataset_fills_its_last_batch_with_weight_zero(heldout_shards):
    dataset = input_pipeline.ordered_dataset(
        heldout_shards, reader=READER, num_sequences=20, global_batch_size=8
    )
    read = list(dataset.as_numpy_iterator())
    assert [len(batch["input_ids"]) for batch in read] == [8, 8, 8]
    weights = np.concatenate([batch["next_sentence_weights"] for batch in read])
    np.testing.assert_array_equal(weights, [1] * 20 + [0] * 4)
    assert read[2]["masked_lm_weights"].sum() == 4 * 3
    # The second word counts the records: file order, none left out.
    counted = np.concatenate([batch["input_ids"][:, 1] for batch in read])[:20]
    np.testing.assert_array_equal(counted, np.arange(20))


def test_gzip_shards_are_read_alike(heldout_shards, tmp_path):
    plain = heldout_shards.files
    packed = tmp_path / "heldout.tfrecord.gz"
    packed.write_bytes(gzip.compress(pathlib.Path(plain[0]).read_bytes()))
    read = [
        next(
            input_pipeline.ordered_dataset(
                Shards(files, [21], [10]),
                reader=READER,
                num_sequences=20,
                global_batch_size=8,
            ).as_numpy_iterator()
        )["input_ids"]
        for files in (plain, [str(packed)])
    ]
    np.testing.assert_array_equal(*read)


def write_unmasked(path, count):
    """Writes `count` records of eight words; the second counts the records."""
    rng = np.random.default_rng(0)
    ids = rng.integers(5, 50, (count, 10))
    ids[:, [0, 5, 9]] = 2, 3, 3
    features = {
        "input_ids": ids,
        "input_mask": np.ones((count, 10), np.int64),
        "segment_ids": np.tile(np.arange(10) > 5, (count, 1)).astype(np.int64),
        "word_starts": (~np.isin(ids, [2, 3])).astype(np.int64),
        "next_sentence_labels": np.zeros((count, 1), np.int64),
    }
    path.write_bytes(records.encode_tfrecords(features))
    return Shards([str(path)], [count], [10])


def masked_rows(shards, num_batches, **arguments):
    dataset = input_pipeline.train_dataset(
        SingleRecords(shards), **{"reader": MASKER, "global_batch_size": 8, "seed": 0, **arguments}
    )
    read = list(itertools.islice(dataset.as_numpy_iterator(), num_batches))
    return {
        name: np.concatenate([batch[name] for batch in read])
        for name in ("input_ids", "masked_lm_positions", "masked_lm_ids", "segment_ids")
    }


@pytest.mark.parametrize("first_step", [1, 7])
def test_resumed_run_sees_the_masks_an_early_start_would_have_seen(tmp_path, first_step):
    shards = write_unmasked(tmp_path / "train.tfrecord", 40)
    expected = masked_rows(shards, first_step + 2)
    late = masked_rows(shards, 2, first_step=first_step)
    for name, values in late.items():
        np.testing.assert_array_equal(values, expected[name][first_step * 8 :])


def test_a_record_is_masked_anew_in_every_epoch_and_for_every_seed(tmp_path):
    shards = write_unmasked(tmp_path / "train.tfrecord", 8)

    def masks(rows):
        """Predicted places of the first eight records, by their text."""
        text = rows["input_ids"].copy()
        np.put_along_axis(text, rows["masked_lm_positions"], rows["masked_lm_ids"], axis=1)
        places = rows["masked_lm_positions"].tolist()
        return dict(zip(map(tuple, text), places, strict=True))

    rows = masked_rows(shards, 2)
    first, second = (
        masks({name: values[part] for name, values in rows.items()})
        for part in (slice(0, 8), slice(8, 16))
    )
    other = masks(masked_rows(shards, 1, seed=1))
    assert first.keys() == second.keys() == other.keys()  # the labels rebuild the same texts
    assert sum(first[text] != second[text] for text in first) >= 6
    assert sum(first[text] != other[text] for text in first) >= 6


def test_heldout_masks_depend_on_the_position_of_the_record_alone(tmp_path):
    shards = write_unmasked(tmp_path / "heldout.tfrecord", 600)

    def first_300(**arguments):
        dataset = input_pipeline.ordered_dataset(shards, reader=MASKER, **arguments)
        return np.concatenate([b["input_ids"] for b in dataset.as_numpy_iterator()])[:300]

    expected = first_300(num_sequences=600, global_batch_size=8)
    assert (expected == 4).sum() > 300  # of 900 predictions, four fifths are hidden
    for num_sequences, global_batch_size in ((300, 8), (301, 64), (600, 512)):
        read = first_300(num_sequences=num_sequences, global_batch_size=global_batch_size)
        np.testing.assert_array_equal(read, expected)


def test_replicas_share_the_batches_of_one_device(tmp_path, two_replicas):
    shards = write_unmasked(tmp_path / "train.tfrecord", 40)
    train = input_pipeline.train_dataset(
        SingleRecords(shards), reader=MASKER, global_batch_size=8, seed=0
    )
    ordered = input_pipeline.ordered_dataset(
        shards, reader=MASKER, num_sequences=20, global_batch_size=8
    )
    for dataset in (train, ordered):
        shared = two_replicas.experimental_distribute_dataset(dataset)
        for whole, parts in itertools.islice(zip(dataset, shared, strict=False), 3):
            halves = two_replicas.experimental_local_results(parts["input_ids"])
            assert [len(half) for half in halves] == [4, 4]
            np.testing.assert_array_equal(np.concatenate(halves), whole["input_ids"])
