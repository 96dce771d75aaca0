import os

import pytest

from data_prep.job.spill_files import SpillFiles


def test_blocks_come_back_from_the_places_that_travelled(tmp_path):
    spill = SpillFiles(str(tmp_path))
    blocks = [b"first", b"", b"\0" * 100_000, b"last"]
    with spill.writer("unit") as put:
        places = [put(block) for block in blocks]
    assert [spill.read(place) for place in reversed(places)] == blocks[::-1]


def test_what_travels_is_small_whatever_the_block(tmp_path):
    with SpillFiles(str(tmp_path)).writer("unit") as put:
        assert len(put(b"x" * 1_000_000)) < 200


def test_a_unit_done_twice_keeps_both_files(tmp_path):
    spill = SpillFiles(str(tmp_path))
    places = []
    for block in (b"one", b"another"):
        with spill.writer("unit") as put:
            places.append(put(block))
    assert [spill.read(place) for place in places] == [b"one", b"another"]


def test_without_a_folder_the_blocks_travel_themselves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spill = SpillFiles(None)
    with spill.writer("unit") as put:
        assert spill.read(put(b"block")) == b"block"
    assert os.listdir(tmp_path) == []


def test_a_missing_file_is_an_error_and_not_an_empty_block(tmp_path):
    spill = SpillFiles(str(tmp_path))
    with spill.writer("unit") as put:
        place = put(b"block")
    os.remove(tmp_path / os.listdir(tmp_path)[0])
    with pytest.raises(FileNotFoundError):
        spill.read(place)
