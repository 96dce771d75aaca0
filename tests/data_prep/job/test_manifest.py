import json

import pytest

from data_prep.job.manifest import Manifest, load_manifest

MANIFEST = Manifest(
    settings={"max_seq_length": 32},
    vocab={"size": 9, "sha256": "ab"},
    splits={"train": {"shards": [{"file": "a.tfrecord"}, {"file": "b.tfrecord"}]}},
    counts={"documents": 3},
    rejects={},
    statistics={},
    versions={},
)


@pytest.fixture
def folder(tmp_path):
    MANIFEST.save(str(tmp_path))
    (tmp_path / "COMPLETED").write_text("")
    return tmp_path


def test_saved_manifest_loads_equal(folder):
    assert load_manifest(str(folder)) == MANIFEST


def test_shard_files_are_paths_in_order(folder):
    assert MANIFEST.shard_files("d", "train") == ["d/a.tfrecord", "d/b.tfrecord"]
    assert MANIFEST.shard_files("d", "heldout") == []


@pytest.mark.parametrize("name", ["COMPLETED", "manifest.json"])
def test_an_unfinished_folder_is_refused_with_the_command_to_finish_it(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} does not exist. Run `mnemosyne prepare"):
        load_manifest(str(folder))


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_manifest(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected the JSON"),
        ("[]", "expected the JSON"),
        (json.dumps({"format_version": 7}), "expected format_version 1, received 7"),
        (json.dumps({"format_version": 1}), "'splits'.* are missing"),
    ],
)
def test_a_damaged_manifest_is_refused_with_what_is_wrong(folder, content, message):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        load_manifest(str(folder))
