"""Task files with odd or broken content, from flags to scores."""

import pytest
from glue_folders import glue, make_task, results_of

from pipeline.commands import glue as command


def test_a_sentence_of_ten_thousand_tokens_is_cut_and_scored(folder, seeds_answer):
    make_task(folder / "glue", "SST-2", train=8)
    for file in ("train", "dev", "test"):
        path = folder / "glue" / "SST-2" / f"{file}.tsv"
        path.write_text(path.read_text().replace("a good film", "good " * 10_000, 1))
    assert glue(folder, "--num_train_epochs=1") == 0
    assert results_of(folder / "out")["rows"][0]["dev_examples"] == 6
    assert len((folder / "out" / "submission" / "SST-2.tsv").read_text().splitlines()) == 5


def test_windows_line_ends_and_byte_order_marks_change_nothing(folder, seeds_answer):
    make_task(folder / "glue", "RTE")
    assert glue(folder) == 0
    before = results_of(folder / "out")["runs"]
    for path in (folder / "glue" / "RTE").iterdir():
        text = "\ufeff" + path.read_text().replace("\n", "\r\n")
        path.write_bytes(text.encode())
    assert command.main([*flags_to(folder, "again")]) == 0
    after = results_of(folder / "again")["runs"]
    for run in (*before, *after):
        del run["seconds"], run["data_sha256"]
    assert before == after


def flags_to(folder, output):
    return [
        *(f"--checkpoint={folder / 'run'}", f"--glue_dir={folder / 'glue'}"),
        *(f"--output={folder / output}", "--batch_size=8", "--max_seq_length=16", "--random_init"),
    ]


def test_a_bad_test_file_is_found_before_anything_is_written(folder):
    make_task(folder / "glue", "RTE")
    path = folder / "glue" / "RTE" / "test.tsv"
    path.write_text("index\tsentence1\tsentence2\n0\tone\n")
    with pytest.raises(ValueError, match="RTE/test.tsv, line 2: expected 3 tab-separated columns"):
        glue(folder)
    path.write_text("index\tsentence1\tsentence2\n")
    with pytest.raises(ValueError, match="RTE/test.tsv: expected rows with the columns index"):
        glue(folder)
    assert not (folder / "out").exists()
