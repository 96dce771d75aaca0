"""Random next sentences of whole jobs: the number of shards changes neither records nor labels."""

import json
import string

import pytest

from data_prep.examples import partner_pool
from data_prep.job.job_folder import JobFolder

NUM_SHARDS = [1, 8, 64]
ONE_SHARD_EACH = {"num_shards": 64, "heldout_fraction": 0}


@pytest.fixture
def books(tmp_path, documents):
    """Returns `books(count)`: so many files of 20 sentences, one document each."""

    def write(count):
        sentences = [sentence for document in documents for sentence in document]
        folder = tmp_path / f"books{count}"
        folder.mkdir()
        for number in range(count):
            text = "\n".join(sentences[number * 20 : number * 20 + 20])
            (folder / f"{number}.txt").write_text(text)
        return f"{folder}/*.txt::file"

    return write


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def counts(folder):
    train = manifest_of(folder)["splits"]["train"]
    return {name: train[name] for name in ("sequences", "random_next", "pairs_without_partner")}


def texts_of(folder, read_records, split="train"):
    """Yields (label, ids of A, ids of B) of every record, masked tokens put back."""
    for path in folder.glob(f"{split}*.tfrecord"):
        for record in read_records(path):
            ids, length = record["input_ids"], sum(record["input_mask"])
            for position, original, weight in zip(
                record["masked_lm_positions"],
                record["masked_lm_ids"],
                record["masked_lm_weights"],
                strict=True,
            ):
                if weight:
                    ids[position] = original
            middle = length - sum(record["segment_ids"])
            yield record["next_sentence_labels"][0], ids[1 : middle - 1], ids[middle : length - 1]


@pytest.mark.parametrize("count", [2, 10])
def test_ten_books_make_the_same_records_in_any_number_of_shards(prepare, books, count):
    corpus = books(count)
    made = [
        counts(prepare(corpus, output=f"of{number}", num_shards=number, heldout_fraction=0))
        for number in NUM_SHARDS
    ]
    assert made[0] == made[1] == made[2]
    assert made[0]["pairs_without_partner"] == 0
    share = made[0]["random_next"] / made[0]["sequences"]
    # 2 documents make about 40 pairs, 10 about 200: four standard deviations, and a document's last
    # chunk is often a single sentence, whose pair is always random.
    assert 0.5 - 4 * 0.5 / made[0]["sequences"] ** 0.5 < share < 0.85


def test_first_segments_are_the_same_in_any_number_of_shards(prepare, books, read_records):
    # A book is shorter than half a record, so that no segment loses tokens to its partner.
    corpus, flags = books(10), {"max_seq_length": 512, "short_seq_prob": 1.0, "heldout_fraction": 0}
    one, eight, many = (
        sorted(
            (label, a, [] if label else b)
            for label, a, b in texts_of(
                prepare(corpus, output=f"of{number}", num_shards=number, **flags), read_records
            )
        )
        for number in NUM_SHARDS
    )
    assert one == eight == many


def test_small_and_large_blocks_make_the_same_records(prepare, tmp_path, corpus_text, monkeypatch):
    (tmp_path / "text").write_text(corpus_text)
    small = counts(prepare(tmp_path / "text", output="small"))
    monkeypatch.setattr(partner_pool, "SMALL_BLOCK_TEXTS", 2)
    assert counts(prepare(tmp_path / "text", output="large")) == small


def test_partners_come_from_another_document_of_the_same_split(prepare, tmp_path, read_records):
    # One word a document, so that the document of a segment can be read off its ids.
    words = string.ascii_lowercase
    text = "\n\n".join("\n".join([f"{word} {word}"] * 30) for word in words)
    (tmp_path / "text").write_text(text)
    folder = prepare(tmp_path / "text", num_shards=64, heldout_fraction=0.5)
    seen = {}
    for split in ("train", "heldout"):
        pairs = list(texts_of(folder, read_records, split))
        for label, a, b in pairs:
            assert len(set(a)) == len(set(b)) == 1
            assert (a[0] != b[0]) == label
        seen[split] = {ids[0] for _, *both in pairs for ids in both}
    assert not seen["train"] & seen["heldout"]
    assert len(seen["train"] | seen["heldout"]) == len(words)
    assert min(map(len, seen.values())) >= 2


@pytest.mark.parametrize("copies", [1, 3])
def test_a_corpus_of_one_text_gets_a_warning_with_its_number(prepare, tmp_path, capsys, copies):
    (tmp_path / "text").write_text("\n\n".join(["the cat sat .\n" * 40] * copies))
    folder = prepare(tmp_path / "text", heldout_fraction=0)
    number = counts(folder)["pairs_without_partner"]
    assert number > 3 * copies
    assert counts(folder)["random_next"] == 0
    said = capsys.readouterr().err
    assert f"mnemosyne: warning: {number:,} pairs of the train split" in said


def test_two_texts_get_no_warning(prepare, books, capsys):
    prepare(books(2), heldout_fraction=0)
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("objective", ["mlm_sop", "mlm"])
def test_objectives_without_random_segments_have_no_pool(
    prepare, books, monkeypatch, capsys, objective
):
    monkeypatch.setattr(JobFolder, "pool_file", None)
    prepare(books(2), objective=objective, **ONE_SHARD_EACH)
    assert "warning" not in capsys.readouterr().err


def shards(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.tfrecord")}


@pytest.mark.parametrize("is_pool_kept", [False, True])
def test_a_resumed_job_makes_the_same_shards(prepare, books, tmp_path, monkeypatch, is_pool_kept):
    corpus, flags = books(10), {"num_shards": 4, "heldout_fraction": 0}
    whole = shards(prepare(corpus, output="whole", **flags))
    save_part = JobFolder.save_part

    def stop_after_a_small_block(self, name, content):
        save_part(self, name, content)
        if name.startswith("train") and content["documents"]:
            raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(JobFolder, "save_part", stop_after_a_small_block)
        with pytest.raises(Exception, match="killed"):
            prepare(corpus, output="resumed", **flags)
    (pool,) = (tmp_path / "resumed" / ".job").glob("train-pool-*")
    if not is_pool_kept:
        pool.unlink()
    assert 0 < len(list((tmp_path / "resumed").glob("*.tfrecord"))) < 4
    assert shards(prepare(corpus, output="resumed", **flags)) == whole
