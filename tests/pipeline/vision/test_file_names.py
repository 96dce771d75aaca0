"""Files may be called anything that the system allows."""

import os

import numpy as np
from foreign_vit import Foreign

from pipeline.commands import vit as command
from pipeline.vision.images.image_set import ImageSet, Split
from pipeline.vision.results import predictions_tsv


def predictions(*names, classes=("cat", "dog")):
    split = Split(np.zeros([len(names), 1, 1, 1], np.uint8), np.zeros(len(names), np.int32), names)
    data = ImageSet("little", classes, split, split, mirrored=True)
    # A probability of a half each.
    return predictions_tsv(data, np.zeros([len(names), 2], np.float32)).splitlines()[1:]


def test_a_name_in_any_alphabet_stays_as_it_is():
    assert predictions("grün/猫_3.png") == ["grün/猫_3.png\tcat\tcat\t0.5000"]


def test_what_would_break_a_table_is_escaped():
    assert predictions("a\tb\nc\rd\\e") == [r"a\tb\nc\rd\\e" + "\tcat\tcat\t0.5000"]


def test_classes_are_escaped_too():
    found = predictions("a.png", classes=("tab\tby", "dog"))
    assert found == ["a.png\ttab\\tby\ttab\\tby\t0.5000"]


def test_bytes_that_are_not_utf_8_are_escaped():
    assert predictions(os.fsdecode(b"gr\xfcn.png")) == [r"gr\udcfcn.png" + "\tcat\tcat\t0.5000"]


def test_names_that_are_not_utf_8_stop_no_run(tmp_path, colour_folder, capsys):
    for path in list((colour_folder / "blue").iterdir()):
        path.rename(os.fsdecode(os.fsencode(path.parent) + b"/\xfc" + os.fsencode(path.name)))
    with open(os.fsencode(colour_folder) + b"/red/\xfc.txt", "w") as stream:
        stream.write("not an image")
    weights = str(Foreign("dinov2").save(tmp_path / "hf"))
    output = tmp_path / "run"
    flags = ["--images", str(colour_folder), "--weights", weights, "--output", str(output)]
    flags += ["--mode", "probe", "--batch_size", "8", "--num_train_epochs", "1"]
    assert command.main(flags) == 0
    assert r"the first red/\udcfc.txt: not_an_image" in capsys.readouterr().out
    assert r"red/\udcfc.txt" in (output / "report.html").read_text(encoding="utf-8")
    assert r"blue/\udcfc" in (output / "predictions.tsv").read_text(encoding="utf-8")
