import json
import os
import pathlib

import pytest
import tensorflow as tf

from data_prep import create_pretraining_data
from data_prep.beam import transforms
from data_prep.features import load_manifest


@pytest.fixture
def corpus(tmp_path, corpus_text):
    path = tmp_path / "corpus.txt"
    path.write_text(corpus_text, encoding="utf-8")
    return path


def shards(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.tfrecord")}


def test_a_finished_folder_holds_what_the_contract_says(prepare, corpus, vocab_file, capsys):
    folder = prepare(corpus)
    assert sorted(os.listdir(folder)) == [
        "COMPLETED",
        "heldout-00000-of-00001.tfrecord",
        "manifest.json",
        "rejects",
        "train-00000-of-00003.tfrecord",
        "train-00001-of-00003.tfrecord",
        "train-00002-of-00003.tfrecord",
        "vocab.txt",
    ]
    with open(vocab_file, "rb") as vocab:
        assert (folder / "vocab.txt").read_bytes() == vocab.read()
    assert f"output {' ' * 12}" in capsys.readouterr().out.splitlines()[-1]


def test_the_manifest_agrees_with_corpus_and_records(prepare, corpus, documents, read_records):
    folder = prepare(corpus)
    manifest = load_manifest(str(folder))
    assert manifest.counts["documents"] == 40
    assert manifest.counts["sentences"] == sum(map(len, documents))
    assert manifest.counts["bytes_in"] == corpus.stat().st_size
    assert manifest.rejects == {}
    for content in manifest.splits.values():
        for shard in content["shards"]:
            assert shard["sequences"] == len(read_records(folder / shard["file"]))
    assert manifest.settings["heldout_fraction"] == 0.2
    assert 0.4 < manifest.statistics["random_next_share"] < 0.8
    assert 0.1 < manifest.statistics["masked_share"] < 0.2


def test_a_finished_folder_is_left_alone_and_says_so(prepare, corpus, capsys):
    folder = prepare(corpus)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    capsys.readouterr()
    prepare(corpus)
    assert capsys.readouterr().out == f"already complete: {folder}\n"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_job_killed_right_after_its_marker_leaves_nothing_behind(prepare, corpus):
    folder = prepare(corpus)
    (folder / ".job").mkdir()
    assert not (prepare(corpus) / ".job").exists()


def test_a_finished_folder_refuses_other_settings_by_name(prepare, corpus):
    prepare(corpus)
    with pytest.raises(ValueError, match=r"finished with other settings \(dupe_factor: 2, now 5"):
        prepare(corpus, dupe_factor=5)
    corpus.write_text("changed")
    with pytest.raises(ValueError, match="input: the files have changed since"):
        prepare(corpus)


def test_a_job_that_died_while_writing_goes_on_and_ends_the_same(prepare, corpus, monkeypatch):
    expected = shards(prepare(corpus, output="whole"))
    write_shards, written = transforms.write_shards, []

    def die_at_the_third(block, streams, **kwargs):
        if len(written) == 2:
            streams[0].write(b"half a shard")
            raise KeyboardInterrupt
        written.append(kwargs["block_key"])
        return write_shards(block, streams, **kwargs)

    monkeypatch.setattr(transforms, "write_shards", die_at_the_third)
    with pytest.raises(BaseException):  # noqa: B017  (Beam may wrap it)
        prepare(corpus, output="killed")
    monkeypatch.setattr(transforms, "write_shards", write_shards)
    folder = corpus.parent / "killed"
    assert not (folder / "COMPLETED").exists()
    kept = {name: (folder / name).stat().st_mtime_ns for name in shards(folder)}
    assert len(kept) == 2
    prepare(corpus, output="killed")
    assert shards(folder) == expected
    assert {name: (folder / name).stat().st_mtime_ns for name in kept} == kept


def test_bad_bytes_do_not_stop_the_job_and_are_counted(prepare, corpus, capsys):
    corpus.write_bytes(corpus.read_bytes() + b"\nb\xffd line\n\nn\0ul cat\nthe dog\n")
    folder = prepare(corpus)
    manifest = load_manifest(str(folder))
    assert manifest.rejects == {"line:invalid_utf8": 1}
    assert manifest.counts["nul_bytes"] == 1
    assert manifest.counts["bytes_dead"] == 8
    (letters,) = (folder / "rejects").iterdir()
    assert json.loads(letters.read_text())["length"] == 8
    assert "  line:invalid_utf8" in capsys.readouterr().out


def test_one_giant_line_does_not_stop_the_job(prepare, corpus):
    with corpus.open("ab") as stream:
        stream.write(b"\n\n" + b"the cat sat on the mat . " * 200_000 + b"\n")
    manifest = load_manifest(str(prepare(corpus, sentences="split", dupe_factor=1)))
    assert manifest.counts["lines_cut"] == 4
    assert manifest.counts["documents"] == 41


def test_an_empty_corpus_is_refused_and_does_not_block_a_second_try(prepare, corpus, corpus_text):
    corpus.write_text("\n\n")
    with pytest.raises(ValueError, match="received 0 documents .* Give more text"):
        prepare(corpus)
    assert not (corpus.parent / "out").exists()
    corpus.write_text(corpus_text)
    assert (prepare(corpus) / "COMPLETED").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"max_seq_length": 100_000}, "--max_seq_length from 8 to 4096"),
        ({"max_sequence_length": 64}, "Did you mean --max_seq_length"),
    ],
)
def test_bad_flags_are_refused_before_anything_is_written(prepare, corpus, flags, message):
    with pytest.raises(ValueError, match=message):
        prepare(corpus, **flags)
    assert not (corpus.parent / "out").exists()


def test_a_glob_of_nothing_is_refused_before_anything_is_written(prepare, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing matches"):
        prepare(tmp_path / "none*.txt")
    assert not (tmp_path / "out").exists()


def test_every_choice_reaches_the_records(prepare, corpus, corpus_text):
    corpus.write_text(f"{corpus_text}\n\n{corpus_text}")
    folder = prepare(
        corpus,
        objective="mlm",
        dedup="exact",
        ids="tf_text",
        compression="gzip",
        do_whole_word_mask=True,
        max_ngram=3,
    )
    manifest = load_manifest(str(folder))
    assert manifest.counts["documents_duplicate"] == 40
    assert manifest.statistics["random_next_share"] == 0.0
    for shard in manifest.shard_files(str(folder), "train"):
        dataset = tf.data.TFRecordDataset(shard, compression_type="GZIP")
        assert sum(1 for _ in dataset) > 0


def test_bins_are_named_in_files_and_manifest(prepare, corpus):
    folder = prepare(corpus, bins="16,32")
    shards_of_train = load_manifest(str(folder)).splits["train"]["shards"]
    assert [shard["max_seq_length"] for shard in shards_of_train] == [16, 32] * 3
    assert {shard["file"] for shard in shards_of_train} < {path.name for path in folder.iterdir()}


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit, match="0"):
        create_pretraining_data.main(["--help"])
    assert "example:\n  mnemosyne prepare --input" in capsys.readouterr().out


def test_casing_recorded_next_to_the_vocabulary_decides(prepare, corpus, tmp_path, vocab_file):
    vocab = tmp_path / "vocab.txt"
    vocab.write_bytes(pathlib.Path(vocab_file).read_bytes())
    (tmp_path / "vocab.txt.json").write_text('{"settings": {"do_lower_case": false}}')
    with pytest.raises(ValueError, match="Give --do_lower_case false or another vocabulary"):
        prepare(corpus, vocab_file=vocab, do_lower_case="true")
    assert not (tmp_path / "out").exists()
    folder = prepare(corpus, vocab_file=vocab)
    assert load_manifest(str(folder)).settings["do_lower_case"] is False
    # The copy in the folder of records is as well protected: its manifest says it.
    with pytest.raises(ValueError, match="manifest.json records for this vocabulary"):
        prepare(corpus, vocab_file=folder / "vocab.txt", output="again", do_lower_case="true")
