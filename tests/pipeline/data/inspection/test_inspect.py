"""A literal folder of two records, through the command."""

import json

import numpy as np
import pytest

from data_prep import features
from pipeline.commands import inspect
from pipeline.data.inspection.inspect import packing_text

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "it", "slept"]
RECORDS = {
    "input_ids": [[2, 5, 4, 7, 3, 8, 9, 3], [2, 8, 3, 5, 3, 0, 0, 0]],
    "input_mask": [[1] * 8, [1, 1, 1, 1, 1, 0, 0, 0]],
    "segment_ids": [[0, 0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0, 0]],
    "masked_lm_positions": [[2, 0], [1, 0]],
    "masked_lm_ids": [[6, 0], [8, 0]],
    "next_sentence_labels": [[0], [1]],
}


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    arrays = {name: np.array(rows, np.int64) for name, rows in RECORDS.items()}
    arrays["masked_lm_weights"] = np.array([[1, 0], [1, 0]], np.float32)
    shard = "train-00000-of-00001.tfrecord"
    (tmp_path / shard).write_bytes(features.encode_tfrecords(arrays))
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n")
    manifest = {
        "format_version": 1,
        "settings": {"max_seq_length": 8, "max_predictions_per_seq": 2},
        "splits": {
            "train": {"documents": 2, "sequences": 2, "shards": [{"file": shard}]},
            "heldout": {"documents": 0, "sequences": 0, "shards": []},
        },
        "vocab": {},
        "counts": {},
        "rejects": {},
        "statistics": {},
        "versions": {},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "COMPLETED").write_text("")
    return tmp_path


def test_records_are_printed_with_their_tokens(folder, capsys):
    assert inspect.main([str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[:7] == [
        "train record 0: 8 of 8 tokens, 1 predictions, next_sentence_labels 0 (true next)",
        "  A  [CLS] the [MASK]->cat sat [SEP]",
        "  B  it slept [SEP]",
        "",
        "train record 1: 5 of 8 tokens, 1 predictions, next_sentence_labels 1 (random next)",
        "  A  [CLS] it->it [SEP]",
        "  B  the [SEP]",
    ]


def test_count_limits_the_records_and_not_the_statistics(folder, capsys):
    inspect.main([str(folder), "--count", "0"])
    printed = capsys.readouterr().out
    assert "record 0" not in printed
    first, second, *_ = printed.splitlines()
    assert first == "statistics of all 2 of 2 train sequences"
    assert second.split() == ["sequences", "2"]
    assert "[MASK] 50.0%, random word 0.0%, left as it is 50.0%" in printed


def test_how_full_rows_are_is_said_unpacked_and_packed(folder, capsys):
    inspect.main([str(folder), "--count", "0"])
    # 8 and 5 tokens in two rows of 8: no two fit into one.
    assert (
        "rows of 8 tokens: 81.2% full with a record each, 81.2% with train.packing, then 1.00 "
        "sequences a row, at most 1, and at most 1 predictions"
    ) in capsys.readouterr().out
    counts = np.array([0, 0, 0, 6, 0, 6, 0, 0, 0])
    text = packing_text(counts, {"max_seq_length": 8, "max_predictions_per_seq": 2})
    assert text.startswith("rows of 8 tokens: 50.0% full with a record each, 100.0% with")
    assert text.endswith("2.00 sequences a row, at most 2, and at most 2 predictions")


def test_max_records_limits_the_statistics_and_says_so(folder, capsys):
    inspect.main([str(folder), "--count", "0", "--max_records", "1"])
    assert "statistics of the first 1 of 2 train sequences" in capsys.readouterr().out


def test_a_histogram_is_written_and_named(folder, capsys):
    path = folder / "lengths.png"
    inspect.main([str(folder), "--histogram", str(path)])
    assert path.exists()
    assert capsys.readouterr().out.splitlines()[-1] == f"histogram: {path}"


def test_records_of_several_lengths_are_read_shard_by_shard(folder, capsys):
    arrays = {name: np.array(rows, np.int64)[1:] for name, rows in RECORDS.items()}
    arrays["masked_lm_weights"] = np.array([[1, 0]], np.float32)
    for name in ("input_ids", "input_mask", "segment_ids"):
        arrays[name] = arrays[name][:, :5]
    short = "train-00000-of-00001-bin-00005.tfrecord"
    (folder / short).write_bytes(features.encode_tfrecords(arrays))
    manifest = json.loads((folder / "manifest.json").read_text())
    [whole] = manifest["splits"]["train"]["shards"]
    manifest["splits"]["train"]["shards"] = [
        {"file": short, "max_seq_length": 5},
        {**whole, "max_seq_length": 8},
    ]
    manifest["splits"]["train"]["sequences"] = 3
    (folder / "manifest.json").write_text(json.dumps(manifest))
    inspect.main([str(folder), "--count", "2"])
    printed = capsys.readouterr().out
    assert "train record 0: 5 of 5 tokens" in printed
    assert "train record 1: 8 of 8 tokens" in printed
    assert "statistics of all 3 of 3 train sequences" in printed
    assert "14.3% of all positions" in printed  # 3 of 8 + 8 + 5
    inspect.main([str(folder), "--count", "0", "--max_records", "2"])
    assert "statistics of the first 2 of 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("test", "--split: expected one of train, heldout, received test"),
        ("heldout", "--split heldout: expected sequences"),
    ],
)
def test_a_split_without_records_is_an_error(folder, split, message):
    with pytest.raises(ValueError, match=message):
        inspect.main([str(folder), "--split", split])


def test_an_unfinished_folder_is_an_error(folder):
    (folder / "COMPLETED").unlink()
    with pytest.raises(FileNotFoundError, match="expected a finished folder of records"):
        inspect.main([str(folder)])


def test_a_missing_shard_is_named(folder):
    (folder / "train-00000-of-00001.tfrecord").unlink()
    with pytest.raises(FileNotFoundError, match="train-00000-of-00001.tfrecord: shard named"):
        inspect.main([str(folder)])


def test_a_damaged_shard_is_an_error(folder):
    shard = folder / "train-00000-of-00001.tfrecord"
    content = bytearray(shard.read_bytes())
    content[40] ^= 255
    shard.write_bytes(content)
    with pytest.raises(ValueError, match="received something else"):
        inspect.main([str(folder)])
