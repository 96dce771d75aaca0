import collections
import functools
import gzip
import hashlib
import json

import pytest

from data_prep.beam import tokenized_documents, transforms
from data_prep.corpus import input_files
from data_prep.corpus.file_range import FileRange
from data_prep.examples.token_blocks import unpack
from data_prep.job.spill_files import SpillFiles

SPECIAL_IDS = {0, 2, 3}


def shards_hash(folder):
    """One hash over all shards, held-out ones too."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.tfrecord")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@pytest.fixture
def corpus(tmp_path, corpus_text):
    path = tmp_path / "corpus.txt"
    path.write_text(corpus_text, encoding="utf-8")
    return path


@pytest.fixture
def in_pieces(tmp_path, documents):
    """The corpus as seven files, every other one compressed, the documents in another order."""
    folder = tmp_path / "in_pieces"
    folder.mkdir()
    for number in range(7):
        text = "\n\n".join("\n".join(document) for document in documents[number::7]).encode()
        packed = gzip.compress(text) if number % 2 else text
        (folder / f"{number}.txt").write_bytes(packed)
    return f"{folder}/*.txt"


def test_records_do_not_depend_on_how_the_input_is_cut(prepare, corpus, in_pieces, monkeypatch):
    whole = shards_hash(prepare(corpus, output="whole"))
    monkeypatch.setattr(tokenized_documents, "BATCH_BYTES", 500)
    assert shards_hash(prepare(in_pieces, output="pieces")) == whole


def test_records_do_not_depend_on_workers(prepare, corpus, in_pieces):
    threads = ["--direct_running_mode=multi_threading", "--direct_num_workers=2"]
    assert shards_hash(prepare(corpus, output="one")) == shards_hash(
        prepare(in_pieces, output="threads", beam=threads)
    )


def test_two_workers_read_half_of_the_files_each(prepare, in_pieces, monkeypatch):
    """With the list of units fused to the reading, one worker would read them all."""
    plan, process = input_files.plan_work, transforms.ReadAndTokenize.process
    readers = collections.Counter()

    def counted(self, unit):
        readers[id(self)] += 1
        return process(self, unit)

    monkeypatch.setattr(input_files, "plan_work", functools.partial(plan, unit_bytes=1))
    monkeypatch.setattr(transforms.ReadAndTokenize, "process", counted)
    prepare(in_pieces, beam=["--direct_running_mode=multi_threading", "--direct_num_workers=2"])
    assert sorted(readers.values()) == [4, 4]  # seven files, and the unit without files


def test_one_token_more_changes_the_records(prepare, corpus):
    before = shards_hash(prepare(corpus, output="before"))
    corpus.write_text(corpus.read_text() + " cat")
    assert shards_hash(prepare(corpus, output="after")) != before


def test_every_record_keeps_the_promises_of_bert(prepare, corpus, read_records):
    folder = prepare(corpus)
    records = [record for path in folder.glob("*.tfrecord") for record in read_records(path)]
    assert len(records) > 100
    for record in records:
        ids, length = record["input_ids"], sum(record["input_mask"])
        count = int(sum(record["masked_lm_weights"]))
        positions = record["masked_lm_positions"][:count]
        for place, original in zip(positions, record["masked_lm_ids"], strict=False):
            ids[place] = original
        separators = [place for place in range(length) if ids[place] == 3]
        assert ids[0] == 2 and len(separators) == 2 and separators[1] == length - 1
        assert record["input_mask"] == [1] * length + [0] * (32 - length)
        assert set(ids[length:]) <= {0}
        second = length - separators[0] - 1
        assert sum(record["segment_ids"]) == second
        assert count == min(5, max(1, round(0.15 * length)))
        assert positions == sorted(set(positions))
        assert not {0, *separators} & set(positions)
        assert not SPECIAL_IDS & set(record["masked_lm_ids"][:count])


def test_segments_come_from_the_documents_the_label_says(prepare, corpus, documents, tokenizer):
    folder = prepare(corpus, masked_lm_prob=0.0, max_predictions_per_seq=1)
    texts = [
        " ".join(str(each) for each in tokenizer.tokenize([" ".join(document)])[0])
        for document in documents
    ]
    import tensorflow as tf

    for path in folder.glob("*.tfrecord"):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            feature = tf.train.Example.FromString(record).features.feature
            ids = list(feature["input_ids"].int64_list.value)
            ids[feature["masked_lm_positions"].int64_list.value[0]] = feature[
                "masked_lm_ids"
            ].int64_list.value[0]
            first = ids.index(3)
            segments = [ids[1:first], ids[first + 1 : ids.index(3, first + 1)]]
            one, two = (" ".join(map(str, segment)) for segment in segments)
            if feature["next_sentence_labels"].int64_list.value[0]:
                assert any(one in text for text in texts)
                assert any(two in text for text in texts)
            else:
                assert any(one in text and two in text for text in texts)


@pytest.fixture
def reader(tmp_path, vocab_file):
    """Returns a `ReadAndTokenize` with its job folder begun, and the folder."""
    from data_prep.job.job_folder import JobFolder
    from data_prep.settings import PreparationSettings

    settings = PreparationSettings(
        input=(),
        input_digest="",
        vocab_sha256="",
        num_shards=2,
        sentences="given",
        heldout_fraction=0.0,
    )
    JobFolder(str(tmp_path / "out"), settings).begin(vocab_file)
    step = transforms.ReadAndTokenize(settings, str(tmp_path / "out"), SpillFiles(None))
    step.setup()
    return step, tmp_path / "out"


def test_reading_gives_documents_by_block_and_counts_last(reader, tmp_path):
    step, _ = reader
    (tmp_path / "a.txt").write_bytes(b"the cat\nsat\n\n\xff\ndog ran on\n")
    *packed, pool, (key, counted) = step.process([FileRange(str(tmp_path / "a.txt"), "blank_line")])
    blocks = [unpack(payload) for _, payload in packed]
    assert sorted(sum(block.sentence_lengths.tolist()) for block in blocks) in ([3, 3], [6])
    assert (pool[0], unpack(pool[1]).sentence_lengths.tolist()) in (
        ("train-pool", [2, 1, 3]),
        ("train-pool", [3, 2, 1]),
    )
    assert key == "counts"
    counts, per_file = json.loads(counted)
    assert counts["documents"] == 2
    assert counts["reject line:invalid_utf8"] == 1
    assert per_file == {str(tmp_path / "a.txt"): [26, 25, 0, 1, True, 0]}


def test_dead_letters_are_saved_where_they_can_be_read(reader, tmp_path):
    step, out = reader
    (tmp_path / "a.txt").write_bytes(b"good\nb\xffd\n")
    list(step.process([FileRange(str(tmp_path / "a.txt"), "line")]))
    (path,) = (out / "rejects").iterdir()
    letter = json.loads(path.read_text())
    assert (letter["offset"], letter["reason"], letter["bytes"]) == (
        5,
        "line:invalid_utf8",
        "Yv9k",
    )


def test_the_empty_unit_makes_every_block_and_pool_known(reader):
    assert list(reader[0].process([])) == [
        ("train-00000", b""),
        ("train-00001", b""),
        ("train-pool", b""),
    ]
