import dataclasses
import os

import pytest

from data_prep.job.job_folder import JobFolder
from data_prep.settings import PreparationSettings

SETTINGS = PreparationSettings(
    input=("a",),
    input_digest="i",
    vocab_sha256="v",
    num_shards=2,
    dupe_factor=3,
    heldout_fraction=0.0,
)
OTHER = dataclasses.replace(SETTINGS, dupe_factor=4)


@pytest.fixture
def begun(tmp_path, vocab_file):
    job = JobFolder(str(tmp_path / "out"), SETTINGS)
    job.begin(vocab_file)
    return job


def write_shard(job, key, content=b"shard", recorded=5):
    with open(job.shard_paths(key)[0], "wb") as stream:
        stream.write(content)
    job.save_part(key, {"shards": [{"bytes_out": recorded}]})


def test_a_new_folder_is_not_complete(tmp_path):
    assert not JobFolder(str(tmp_path / "new"), SETTINGS).is_completed()


def test_a_begun_folder_goes_on_with_its_settings_only(begun):
    open(begun.shard_paths("train-00000")[0], "wb").close()
    assert not JobFolder(begun.directory, SETTINGS).is_completed()
    with pytest.raises(ValueError, match=r"was begun with other settings .dupe_factor: 3, now 4"):
        JobFolder(begun.directory, OTHER).is_completed()


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="expected a new or empty folder.*thesis.tex"):
        JobFolder(str(tmp_path), SETTINGS).is_completed()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, vocab_file):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="expected a folder that can be written.*Choose another"):
        JobFolder(str(tmp_path / "file" / "out"), SETTINGS).begin(vocab_file)


def test_a_block_is_finished_when_shard_and_part_are_there(begun):
    assert begun.finished_blocks() == frozenset()
    begun.save_part("train-00000", {"shards": [{"bytes_out": 5}]})
    assert begun.finished_blocks() == frozenset()
    write_shard(begun, "train-00000")
    assert begun.finished_blocks() == {"train-00000"}


def test_a_shard_of_another_size_than_recorded_is_not_finished(begun):
    write_shard(begun, "train-00000", content=b"sha")
    assert begun.finished_blocks() == frozenset()


def test_a_part_of_other_settings_counts_for_nothing(begun):
    begun.save_part("train-00000", {"sequences": 1})
    assert begun.load_part("train-00000") == {"sequences": 1}
    assert JobFolder(begun.directory, OTHER).load_part("train-00000") is None


@pytest.mark.parametrize("name", ["train-00001-of-00002.tfrecord", "manifest.json", "vocab.txt"])
def test_what_a_killed_writer_left_is_removed_at_the_next_begin(begun, vocab_file, name):
    left = os.path.join(begun.directory, f"{name}.tmp-0123")
    open(left, "wb").close()
    begun.begin(vocab_file)
    assert not os.path.exists(left)


def finish(job):
    for key in ("train-00000", "train-00001"):
        write_shard(job, key)
    job.save_part("counts", {})
    job.save_part("files", {})


def test_completion_leaves_the_marker_and_no_job_state(begun):
    finish(begun)
    begun.complete("done\n")
    assert sorted(os.listdir(begun.directory)) == [
        "COMPLETED",
        "rejects",
        "train-00000-of-00002.tfrecord",
        "train-00001-of-00002.tfrecord",
        "vocab.txt",
    ]


def test_a_folder_with_a_shard_that_is_not_whole_is_never_marked_complete(begun):
    finish(begun)
    write_shard(begun, "train-00001", content=b"cut")
    with pytest.raises(RuntimeError, match="shards as recorded.*Run the command again"):
        begun.complete("done\n")
    assert not os.path.exists(os.path.join(begun.directory, "COMPLETED"))


def test_a_worker_of_a_job_that_others_took_over_is_told_to_stop(begun, vocab_file):
    begun.check_is_ours()
    JobFolder(begun.directory, OTHER).begin(vocab_file)
    with pytest.raises(RuntimeError, match="begun anew with other settings"):
        begun.check_is_ours()
    begun.discard()
    with pytest.raises(RuntimeError, match="begun anew with other settings, or removed"):
        begun.check_is_ours()


def test_a_folder_begun_without_a_shard_is_free_for_other_settings(begun, vocab_file):
    open(begun.reject_file("unit"), "w").close()
    other = JobFolder(begun.directory, OTHER)
    assert not other.is_completed()
    other.begin(vocab_file)
    assert os.listdir(os.path.join(begun.directory, "rejects")) == []
    assert JobFolder(begun.directory, OTHER).is_completed() is False


def test_a_discarded_job_leaves_nothing_of_its_own(begun):
    open(begun.shard_paths("train-00001")[0], "wb").close()
    begun.discard()
    assert not os.path.exists(begun.directory)


def test_a_discarded_job_leaves_what_others_put_there(begun):
    notes = os.path.join(begun.directory, "notes.txt")
    open(notes, "w").close()
    begun.discard()
    assert os.listdir(begun.directory) == ["notes.txt"]


def test_a_failure_is_told_once(begun):
    assert begun.take_failure() is None
    begun.save_failure("bad line")
    assert begun.take_failure() == "bad line"
    assert begun.take_failure() is None


def test_all_is_written_when_shards_parts_and_counts_are_there(begun):
    finish(begun)
    assert begun.is_all_written()
    os.remove(begun.shard_paths("train-00001")[0])
    assert not begun.is_all_written()
