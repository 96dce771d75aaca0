import hashlib

import pytest

from data_prep import storage


def test_a_failed_write_leaves_nothing(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(RuntimeError), storage.open_whole(str(path)) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_file_that_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError), storage.open_whole(str(path)) as stream:
        stream.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"before"


def test_files_of_a_glob_are_sorted_and_folders_left_out(tmp_path):
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).touch()
    (tmp_path / "c.txt").mkdir()
    assert storage.list_files(f"{tmp_path}/*.txt") == [f"{tmp_path}/a.txt", f"{tmp_path}/b.txt"]


def test_sha256_is_that_of_the_content(tmp_path):
    content = b"x" * 3_000_000
    storage.write_whole(str(tmp_path / "file"), content)
    assert storage.sha256(str(tmp_path / "file")) == hashlib.sha256(content).hexdigest()


def test_a_folder_that_is_not_there_lists_as_empty(tmp_path):
    assert storage.list_folder(str(tmp_path / "nowhere")) == []


def test_urls_go_to_the_file_systems_of_tensorflow():
    path = "ram://folder/file"
    storage.make_folder("ram://folder")
    storage.write_whole(path, b"content")
    assert storage.exists(path)
    assert storage.size(path) == 7
    assert storage.read_whole(path) == b"content"
    assert storage.list_files("ram://folder/*") == [path]
    assert storage.list_folder("ram://folder") == ["file"]
    storage.remove(path)
    assert not storage.exists(path)


def test_a_folder_goes_with_all_that_is_in_it_and_a_missing_one_is_fine(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    for _ in range(2):
        storage.remove_folder(str(tmp_path / "a"))
    assert list(tmp_path.iterdir()) == []
    storage.remove(str(tmp_path / "gone"), missing_ok=True)


def test_a_path_object_names_a_file_as_its_text_does(tmp_path):
    storage.write_whole(tmp_path / "a", b"1")
    with storage.open_whole(tmp_path / "a") as stream:
        stream.write(b"2")
        assert (tmp_path / "a").read_bytes() == b"1"  # whole until the end
    assert (tmp_path / "a").read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
