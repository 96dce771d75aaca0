"""`mnemosyne prepare --objective span_corruption`, from text to a folder that BERT refuses."""

import json

import pytest

from pipeline.commands import inspect


def test_a_corpus_becomes_records_of_a_t5(prepare, tmp_path, documents, read_records):
    text = "\n\n".join("\n".join(document) for document in documents)
    (tmp_path / "corpus.txt").write_text(text + "\n")
    flags = {"objective": "span_corruption", "max_predictions_per_seq": 20}  # its default
    folder = prepare(tmp_path / "corpus.txt", **flags)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["settings"]["objective"] == "span_corruption"
    shards = manifest["splits"]["train"]["shards"]
    records = [record for shard in shards for record in read_records(folder / shard["file"])]
    assert len(records) == manifest["splits"]["train"]["sequences"] > 20
    assert {name: len(values) for name, values in records[0].items()} == {
        "input_ids": 32,
        "input_mask": 32,
        # Of 31 tokens 5 are replaced (4.65, rounded), in 2 spans, and one end.
        "target_ids": 8,
    }
    assert (manifest["statistics"]["target_length"], manifest["statistics"]["num_sentinels"]) == (
        *(8, 2),
    )
    # The rounding of 0.15 of some 5 to 30 tokens moves a text's share by half a token at most.
    assert abs(manifest["statistics"]["masked_share"] - 0.15) < 0.5 / 5
    with pytest.raises(ValueError, match="expected records of masked LM, received those of a T5"):
        inspect.main([str(folder)])
