"""`mnemosyne prepare --objective span_corruption`, from text to a folder that BERT refuses."""

import json

import pytest

from pipeline.commands import inspect


def test_a_corpus_becomes_records_of_a_t5(prepare, tmp_path, documents, read_records):
    text = "\n\n".join("\n".join(document) for document in documents)
    (tmp_path / "corpus.txt").write_text(text + "\n")
    folder = prepare(tmp_path / "corpus.txt", objective="span_corruption")
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
    with pytest.raises(ValueError, match="expected records of masked LM, received those of a T5"):
        inspect.main([str(folder)])
