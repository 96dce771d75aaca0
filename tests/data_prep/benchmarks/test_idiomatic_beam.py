import pytest

from data_prep.benchmarks import idiomatic_beam


@pytest.fixture
def records(tmp_path, vocab_file, corpus_text, read_records):
    (tmp_path / "text.txt").write_text(corpus_text + "\n\0\n\n")  # the last has no token
    flags = ["--max_seq_length=32", "--max_predictions_per_seq=5", "--dupe_factor=2"]
    paths = [f"--input={tmp_path}/text.txt", f"--vocab_file={vocab_file}"]
    assert idiomatic_beam.main([*flags, *paths, f"--output={tmp_path}/idiomatic"]) == 0
    shards = sorted((tmp_path / "idiomatic").iterdir())
    assert len(shards) == idiomatic_beam.NUM_SHARDS
    return [record for shard in shards for record in read_records(shard)]


def test_records_hold_what_ours_hold(records, prepare, tmp_path, read_records):
    folder = prepare(f"{tmp_path}/text.txt", heldout_fraction=0)
    ours = [each for path in folder.glob("train*") for each in read_records(path)]
    assert {name: len(values) for name, values in records[0].items()} == {
        name: len(values) for name, values in ours[0].items()
    }
    # Integers of fixed seeds, the same on every CPU: margins are for what the two programs draw.
    assert len(records) == pytest.approx(len(ours), rel=0.1)


def test_a_share_of_the_tokens_is_masked(records, tokenizer):
    tokens = sum(sum(record["input_mask"]) for record in records)
    masked = sum(record["input_ids"].count(tokenizer.mask_id) for record in records)
    assert masked / tokens == pytest.approx(0.15 * 0.8, abs=0.03)
