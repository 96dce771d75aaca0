"""`mnemosyne prepare-images` from class folders to records, with all that may go wrong."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from data_prep import prepare_images
from data_prep.features import load_manifest
from data_prep.images import shards as image_shards
from data_prep.images.records import index_shard
from data_prep.job.manifest import IMAGES

SIDE = 6


@pytest.fixture
def photographs(tmp_path):
    """Two classes of 20 noisy squares, some of them not usable."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photographs"
    for name in ("blue", "red"):
        (folder / name).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(0, 256, (8, 9, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    (folder / "red" / "notes.jpg").write_text("not an image")
    content = (folder / "red" / "0.png").read_bytes()
    (folder / "red" / "cut.png").write_bytes(content[:100])
    (folder / "blue" / "broken.png").symlink_to("nowhere")
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "blue" / "moves.gif", save_all=True, append_images=frames[1:])
    return folder


REJECTS = {"animated": 1, "damaged": 1, "not_an_image": 1, "unreadable": 1}


def prepare(photographs, output, *more):
    flags = ["--images", str(photographs), "--output", str(output), "--side", str(SIDE)]
    assert prepare_images.main([*flags, "--num_shards", "3", *more]) == 0
    return output


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.[tj]*"))}


def test_every_file_is_in_a_record_or_a_reject(photographs, tmp_path, capsys):
    output = prepare(photographs, tmp_path / "out")
    manifest = load_manifest(str(output), IMAGES)
    assert manifest.rejects == REJECTS
    assert manifest.counts["files"] == 44
    assert sum(manifest.splits["train"]["classes"]) == manifest.splits["train"]["images"]
    names = []
    for path in output.glob("*.tfrecord"):
        names += index_shard(str(path), SIDE).names
    for path in (output / "rejects").iterdir():
        names += [json.loads(line)["file"] for line in path.read_text().splitlines()]
    expected = [path.relative_to(photographs).as_posix() for path in photographs.glob("*/*")]
    assert sorted(names) == sorted(expected)
    assert "rejects         4" in capsys.readouterr().out
    assert not (output / ".job").exists()


def test_records_depend_neither_on_workers_nor_on_units(photographs, tmp_path, monkeypatch):
    one = prepare(photographs, tmp_path / "one")
    monkeypatch.setattr(prepare_images, "_FILES_PER_UNIT", 5)
    flags = ["--direct_running_mode=multi_threading", "--direct_num_workers=3"]
    three = prepare(photographs, tmp_path / "three", *flags)
    assert content(one) == content(three)


def test_a_run_that_goes_on_writes_only_what_is_missing(photographs, tmp_path, monkeypatch):
    whole = content(prepare(photographs, tmp_path / "whole"))
    write = image_shards.write_shard
    written = []

    def fails_once(contents, shard, **settings):
        written.append(shard)
        if len(written) == 3:
            raise RuntimeError("killed")
        return write(contents, shard, **settings)

    monkeypatch.setattr("data_prep.beam.image_transforms.write_shard", fails_once)
    with pytest.raises(Exception, match="killed"):
        prepare(photographs, tmp_path / "out")
    assert not (tmp_path / "out" / "COMPLETED").exists()
    found = content(prepare(photographs, tmp_path / "out"))
    assert len(written) == 3 + 2  # four blocks, of which two were there
    assert found == whole


def test_a_finished_folder_is_left_alone_and_other_settings_are_refused(
    photographs, tmp_path, capsys
):
    output = prepare(photographs, tmp_path / "out")
    prepare(photographs, output)
    assert capsys.readouterr().out.splitlines()[-1] == f"already complete: {output}"
    with pytest.raises(ValueError, match="random_seed: 12345, now 1"):
        prepare(photographs, output, "--random_seed", "1")
    with pytest.raises(ValueError, match="expected records of text, received records of images"):
        load_manifest(str(output))


def test_copies_of_an_image_are_in_one_split(photographs, tmp_path):
    for path in list((photographs / "red").glob("*.png")):
        shutil.copy(path, path.with_name(f"copy of {path.name}"))
    output = prepare(photographs, tmp_path / "out", "--heldout_fraction", "0.5")
    found = {"train": set(), "heldout": set()}
    for path in output.glob("*.tfrecord"):
        names = index_shard(str(path), SIDE).names
        found[path.name.split("-")[0]] |= {name.replace("copy of ", "") for name in names}
    assert found["heldout"] and not found["train"] & found["heldout"]


def test_a_folder_that_is_parted_stays_so(photographs, tmp_path):
    parted = tmp_path / "parted"
    shutil.copytree(photographs, parted / "train", symlinks=True)
    shutil.copytree(photographs, parted / "test", symlinks=True)
    manifest = load_manifest(str(prepare(parted, tmp_path / "out")), IMAGES)
    assert [manifest.splits[split]["images"] for split in ("train", "heldout")] == [40, 40]


def test_a_class_without_a_usable_image_is_an_error_and_does_not_stand_in_the_way(
    photographs, tmp_path
):
    (photographs / "green").mkdir()
    (photographs / "green" / "bad.png").write_bytes(b"")
    with pytest.raises(ValueError, match="received none in green"):
        prepare(photographs, tmp_path / "out")
    Image.new("RGB", (8, 8), "green").save(photographs / "green" / "good.png")
    prepare(photographs, tmp_path / "out", "--heldout_fraction", "0")
    assert "green/bad.png" in "".join(
        path.read_text() for path in (tmp_path / "out" / "rejects").iterdir()
    )


def test_too_many_rejects_are_an_error_and_the_shards_are_kept(photographs, tmp_path):
    with pytest.raises(ValueError, match=r"at most --max_bad_fraction 0.05 .* received 0.0909"):
        prepare(photographs, tmp_path / "out", "--max_bad_fraction", "0.05")
    assert len(list((tmp_path / "out").glob("*.tfrecord"))) == 4
    prepare(photographs, tmp_path / "out")


def test_an_output_among_the_images_is_refused(photographs):
    with pytest.raises(ValueError, match="expected a folder outside of --images"):
        prepare(photographs, photographs / "records")
    assert not (photographs / "records").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--side", "0"], "--side: expected 1 to 4,096, received 0"),
        (["--num_shards", "0"], "--num_shards: expected 1"),
        (["--heldout_fraction", "1"], "--heldout_fraction: expected 0 to 0.9"),
        (["--sid", "6"], "Did you mean --side"),
    ],
)
def test_flags_without_sense_are_refused(photographs, tmp_path, flags, message):
    with pytest.raises(ValueError, match=message):
        prepare(photographs, tmp_path / "out", *flags)
    assert not os.path.exists(tmp_path / "out")
