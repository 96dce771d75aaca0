import itertools

import numpy as np
import pytest
import tensorflow as tf

from data_prep import features as records
from data_prep.settings import MaskingRules
from pipeline.data import input_pipeline, packing, record_streams
from pipeline.data.record_reader import RecordReader
from pipeline.data.record_streams import PackedRecords, file_groups, mixed_records
from pipeline.data.shards import Shards
from pipeline.data.worker_part import WorkerPart

LIMITS = packing.RowLimits(max_tokens=12, max_sequences=3, max_predictions=4)
ONE_EACH = np.ones(13, np.int64)
RULES = MaskingRules(
    masked_lm_prob=0.01,
    max_predictions_per_seq=4,
    do_whole_word_mask=False,
    cls_id=2,
    sep_id=3,
    mask_id=4,
    vocab_size=1_000,
)
READER = RecordReader(
    max_seq_length=12,
    max_predictions_per_seq=4,
    masking=RULES,
    record_lengths=(4, 8, 12),
    limits=LIMITS,
)


def unmasked(lengths, seq_len, first_id):
    """Records whose first word, of all of them another one, counts up."""
    real = np.arange(seq_len) < np.array(lengths)[:, np.newaxis]
    ids = np.full((len(lengths), seq_len), 5)
    ids[:, 0], ids[:, 1] = 2, first_id + np.arange(len(lengths))
    ids[np.arange(len(lengths)), np.array(lengths) - 1] = 3
    return {
        "input_ids": ids * real,
        "input_mask": real.astype(np.int64),
        "segment_ids": np.zeros((len(lengths), seq_len), np.int64),
        "word_starts": ((ids > 4) & real).astype(np.int64),
        "next_sentence_labels": (np.array(lengths)[:, np.newaxis] % 2).astype(np.int64),
    }


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Three bins of two blocks of documents: 40 records of 3 to 12 tokens, words from 100 on."""
    folder, rng = tmp_path_factory.mktemp("records"), np.random.default_rng(0)
    rows, first_id = [], 100
    bins = ((9, 3, 4), (6, 5, 8), (5, 9, 12))
    for block, (count, shortest, longest) in itertools.product(range(2), bins):
        path = folder / f"train-{block}-bin-{longest:05d}.tfrecord"
        lengths = rng.integers(shortest, longest + 1, count)
        path.write_bytes(records.encode_tfrecords(unmasked(lengths, longest, first_id)))
        rows.append((str(path), count, longest))
        first_id += count
    return Shards(*map(list, zip(*rows, strict=True)))


@pytest.fixture
def stream(shards, monkeypatch):
    """Rows of two groups of files, of three windows each."""
    monkeypatch.setattr(record_streams, "_WINDOW", 8)
    return PackedRecords(shards, predictions=ONE_EACH, limits=LIMITS)


def batches(stream, count, *, size=4, first_step=0, part=None):
    dataset = input_pipeline.train_dataset(
        stream, reader=READER, global_batch_size=size, seed=0, first_step=first_step, part=part
    )
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def sequences(batch):
    """The sequences of each row: where it begins in the row, and its words before masking."""
    text = batch["input_ids"].copy()
    for row, positions, ids, weights in zip(
        text,
        batch["masked_lm_positions"],
        batch["masked_lm_ids"],
        batch["masked_lm_weights"],
        strict=True,
    ):
        row[positions[weights > 0]] = ids[weights > 0]
    return [
        [tuple(ids[mask == k]) for k in range(1, mask.max() + 1)]
        for ids, mask in zip(text, batch["input_mask"], strict=True)
    ]


def stored(shards):
    """All records, as tuples of their words."""
    found = []
    for path, length in zip(shards.files, shards.lengths, strict=True):
        parsed = records.parse_examples(
            list(tf.data.TFRecordDataset(path).as_numpy_iterator()),
            max_seq_length=length,
            max_predictions_per_seq=4,
            masking="dynamic",
        )
        real = parsed["input_mask"].numpy() == 1
        rows = zip(parsed["input_ids"].numpy(), real, strict=True)
        found += [tuple(row[mask]) for row, mask in rows]
    return sorted(found)


def test_every_epoch_holds_every_sequence_of_all_bins_once(stream, shards):
    num_rows = stream.rows_per_epoch
    read = [row for batch in batches(stream, 2 * num_rows, size=1) for row in sequences(batch)]
    first, second = read[:num_rows], read[num_rows:]
    assert sorted(itertools.chain(*first)) == sorted(itertools.chain(*second)) == stored(shards)
    # The same rows in another order.
    assert sorted(first) == sorted(second)
    assert first != second


def test_rows_are_fuller_than_records(shards):
    stream = PackedRecords(shards, predictions=ONE_EACH, limits=LIMITS)
    tokens = sum(map(len, stored(shards)))
    assert tokens / 12 <= stream.rows_per_epoch < 0.8 * shards.num_sequences


def test_starting_late_gives_the_batches_an_early_start_would_have_seen(stream):
    expected = batches(stream, 13)
    for first_step in (4, 11):
        late = batches(stream, 2, first_step=first_step)
        for ours, theirs in zip(late, expected[first_step:], strict=False):
            for name, values in ours.items():
                np.testing.assert_array_equal(values, theirs[name])


def test_a_worker_reads_its_rows_of_the_same_batches(stream):
    whole = batches(stream, 4)
    for begin in (0, 2):
        part = batches(stream, 4, part=WorkerPart(begin, begin + 2, 2))
        for ours, theirs in zip(part, whole, strict=True):
            for name, values in ours.items():
                np.testing.assert_array_equal(values, theirs[name][begin : begin + 2])


def test_labels_go_with_their_sequences(stream):
    for batch in batches(stream, 5):
        for row, texts in enumerate(sequences(batch)):
            labels = batch["next_sentence_labels"][row]
            assert labels[: len(texts)].tolist() == [len(text) % 2 for text in texts]
            assert batch["next_sentence_weights"][row].sum() == len(texts)


def test_the_first_rows_are_found_without_reading(shards):
    stream = PackedRecords(shards, predictions=ONE_EACH, limits=LIMITS)
    assert stream.locate(40 // 3 - 1) == (0, 12)
    assert "rows_per_epoch" not in vars(stream)
    assert stream.locate(stream.rows_per_epoch + 5) == (1, 5)


def test_bins_of_a_block_stay_together():
    shards = Shards(list("abcdefg"), [5, 5, 5, 30, 5, 5, 5], [4, 8, 4, 4, 8, 4, 8])
    assert file_groups(shards, smallest=1) == [[0, 1], [2], [3, 4], [5, 6]]
    assert file_groups(shards, smallest=12) == [[0, 1, 2], [3, 4], [5, 6]]


def test_files_of_a_group_are_read_side_by_side(shards):
    groups = [[0, 1, 2], [3, 4, 5]]
    read = [list(mixed_records(shards, groups, g).as_numpy_iterator()) for g in (0, 1)]
    assert [len(each) for each in read] == [20, 20]
    files = [list(tf.data.TFRecordDataset(path).as_numpy_iterator()) for path in shards.files]
    assert sorted(read[0]) == sorted(itertools.chain(*files[:3]))


def test_a_long_group_gives_turns_in_proportion(tmp_path):
    counts = [300, 100]
    for index, count in enumerate(counts):
        with tf.io.TFRecordWriter(str(tmp_path / str(index))) as writer:
            for _ in range(count):
                writer.write(str(index))
    shards = Shards([str(tmp_path / "0"), str(tmp_path / "1")], counts, [4, 8])
    read = list(mixed_records(shards, [[0, 1]], 0).as_numpy_iterator())
    assert len(read) == 400
    # About 64 records a turn, of which a quarter are of the second file; 400 / 64 turns.
    assert [read[begin : begin + 68].count(b"1") for begin in (0, 68, 136)] == [17, 17, 17]


def test_held_out_records_of_bins_are_rows_of_their_own(shards):
    dataset = input_pipeline.ordered_dataset(
        shards, reader=READER, num_sequences=40, global_batch_size=16
    )
    read = list(dataset.as_numpy_iterator())
    assert [len(batch["input_ids"]) for batch in read] == [16, 16, 16]
    assert {batch["input_ids"].shape[1] for batch in read} == {12}
    assert {batch["next_sentence_labels"].shape for batch in read} == {(16,)}
    texts = [row[0] for batch in read for row in sequences(batch) if row]
    assert sorted(texts) == stored(shards)
