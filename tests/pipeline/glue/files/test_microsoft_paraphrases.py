"""MRPC from Microsoft's files."""

import pytest

from pipeline.glue import reader
from pipeline.glue.tasks import TASKS

MRPC = next(task for task in TASKS if task.name == "MRPC")
HEADER = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String"


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    folder = tmp_path / "MRPC"
    folder.mkdir()
    train = [HEADER, '1\t10\t11\t" a\tb', "0\t20\t21\tc\td", "1\t30\t31\te\tf"]
    (folder / "msr_paraphrase_train.txt").write_text("\r\n".join(train) + "\r\n")
    (folder / "msr_paraphrase_test.txt").write_text(f"{HEADER}\n1\t40\t41\tg\th\n")
    (folder / "dev_ids.tsv").write_text("20\t21\n")
    return folder


def read(folder):
    return reader.read_task(MRPC, str(folder.parent))


def test_pairs_of_the_id_file_are_dev_and_the_others_training(folder):
    data = read(folder)
    assert data.train.texts == (['" a', "e"], ["b", "f"])
    assert data.train.labels.tolist() == [1, 1]
    assert data.dev.texts == (["c"], ["d"])
    assert data.dev.labels.tolist() == [0]
    assert data.rejects == () and data.note == ""


def test_labels_of_the_test_file_are_not_read(folder):
    assert read(folder).tests == {"MRPC": (["g"], ["h"])}


def test_the_official_name_of_the_id_file_is_known_too(folder):
    (folder / "dev_ids.tsv").rename(folder / "mrpc_dev_ids.tsv")
    assert len(read(folder).dev) == 1


def test_files_of_the_benchmark_go_first(folder):
    header = HEADER.removeprefix("\ufeff")
    for name in ("train", "dev"):
        (folder / f"{name}.tsv").write_text(f"{header}\n1\t1\t2\t{name}\tx\n")
    data = read(folder)
    assert (data.train.texts[0], data.dev.texts[0]) == (["train"], ["dev"])


def test_a_missing_id_file_is_named(folder):
    (folder / "dev_ids.tsv").unlink()
    with pytest.raises(FileNotFoundError, match="MRPC/dev_ids.tsv: file of task MRPC is missing"):
        read(folder)


def test_a_pair_that_is_not_in_the_file_is_an_error(folder):
    (folder / "dev_ids.tsv").write_text("20\t21\n70\t71\n")
    with pytest.raises(ValueError, match="dev_ids.tsv, line 2: expected a pair of .* 70 and 71"):
        read(folder)


def test_a_line_that_holds_no_ids_is_an_error(folder):
    (folder / "dev_ids.tsv").write_text("20 21\n")
    with pytest.raises(ValueError, match="dev_ids.tsv, line 1: expected two tab-separated ids"):
        read(folder)


def test_the_digest_is_of_both_files(folder):
    before = read(folder).sha256
    (folder / "dev_ids.tsv").write_text("30\t31\n")
    assert read(folder).sha256 != before
