"""Finished records, read by a parser written from the published formats alone."""

import pytest

from data_prep.features import load_manifest

SCHEMA = {  # google-research/bert, run_pretraining.py, input_fn_builder
    "input_ids": (int, 32),
    "input_mask": (int, 32),
    "segment_ids": (int, 32),
    "masked_lm_positions": (int, 5),
    "masked_lm_ids": (int, 5),
    "masked_lm_weights": (float, 5),
    "next_sentence_labels": (int, 1),
}
PAD, UNK, CLS, SEP, MASK = range(5)


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory, vocab_file, corpus_text):
    """Returns `folder_of(**flags)`: a prepared folder of the little corpus."""
    from data_prep.create_pretraining_data import main

    def make(**flags):
        place = tmp_path_factory.mktemp("plain")
        (place / "text").write_text(corpus_text)
        flags = {
            "input": place / "text",
            "vocab_file": vocab_file,
            "output": place / "out",
            "max_seq_length": 32,
            "max_predictions_per_seq": 5,
            "dupe_factor": 2,
            "num_shards": 2,
            "sentences": "given",
            **flags,
        }
        assert main([f"--{name}={value}" for name, value in flags.items()]) == 0
        return place / "out"

    return make


@pytest.fixture(scope="module")
def records(folder_of, plain_records):
    manifest = load_manifest(str(folder := folder_of()))
    shards = manifest.splits["train"]["shards"]
    found = []
    for shard in shards:
        raw = plain_records.read_tfrecords((folder / shard["file"]).read_bytes())
        assert len(raw) == shard["sequences"]
        found += map(plain_records.parse_example, raw)
    assert len(found) > 200
    return found


def test_features_have_the_names_types_and_lengths_of_the_schema(records):
    for record in records:
        found = {name: (type(values[0]), len(values)) for name, values in record.items()}
        assert found == SCHEMA
        assert {type(value) for values in record.values() for value in values} == {int, float}


def test_sequences_are_laid_out_as_the_model_reads_them(records):
    for record in records:
        ids, mask, segments = (record[name] for name in ("input_ids", "input_mask", "segment_ids"))
        length = sum(mask)
        assert mask == [1] * length + [0] * (32 - length)
        assert ids[length:] == segments[length:] == [PAD] * (32 - length)
        b_length = sum(segments)
        middle = length - b_length - 1
        assert segments[:length] == [0] * (middle + 1) + [1] * b_length
        assert (ids[0], ids[middle], ids[length - 1]) == (CLS, SEP, SEP)
        assert middle >= 2 and b_length >= 2
        assert record["next_sentence_labels"] in ([0], [1])


def test_predictions_are_at_text_in_order_and_as_many_as_the_share_asks_for(records):
    for record in records:
        weights, positions, labels = (
            record[f"masked_lm_{name}"] for name in ("weights", "positions", "ids")
        )
        count = int(sum(weights))
        length = sum(record["input_mask"])
        # round() of Python 3, as in the script.
        assert count == min(5, max(1, round(length * 0.15)))
        assert weights == [1.0] * count + [0.0] * (5 - count)
        assert positions[count:] == labels[count:] == [0] * (5 - count)
        assert positions[:count] == sorted(set(positions[:count]))
        for place in positions[:count]:
            middle = length - sum(record["segment_ids"]) - 1
            assert 0 < place < length - 1 and place != middle


def test_labels_put_back_give_the_text_of_the_corpus(records, documents, bert_twin, vocab_file):
    with open(vocab_file, encoding="utf-8") as stream:
        vocab = stream.read().split("\n")
    id_of = {entry: place for place, entry in enumerate(vocab)}
    texts = [
        [id_of[piece] for piece in bert_twin.tokenize(" ".join(document), id_of)]
        for document in documents
    ]
    joined = [f" {' '.join(map(str, text))} " for text in texts]
    for record in records:
        ids = list(record["input_ids"])
        for place, token, weight in zip(
            record["masked_lm_positions"],
            record["masked_lm_ids"],
            record["masked_lm_weights"],
            strict=True,
        ):
            if weight:
                ids[place] = token
        length = sum(record["input_mask"])
        middle = length - sum(record["segment_ids"]) - 1
        a = f" {' '.join(map(str, ids[1:middle]))} "
        b = f" {' '.join(map(str, ids[middle + 1 : length - 1]))} "
        if record["next_sentence_labels"] == [1]:
            homes = {place for place, text in enumerate(joined) if a in text}
            others = {place for place, text in enumerate(joined) if b in text}
            assert homes and others
            assert len(homes) > 1 or homes != others
        else:
            assert any(a in text and b in text[text.index(a) :] for text in joined)
