"""Literal little TSV files, good and bad, and what the reader makes of them."""

import numpy as np
import pytest

from pipeline.glue import reader
from pipeline.glue.tasks import TASKS

BY_NAME = {task.name: task for task in TASKS}


def read(tmp_path, task_name, content):
    path = tmp_path / "train.tsv"
    path.write_bytes(content)
    return reader.read_tsv(BY_NAME[task_name], str(path))


def test_cola_has_no_header_and_its_text_in_column_four(tmp_path):
    examples, rejects = read(tmp_path, "CoLA", b"gj04\t1\t\tHe left.\nks08\t0\t*\tHim left.\n")
    assert examples.texts == (["He left.", "Him left."],)
    assert examples.labels.tolist() == [1, 0]
    assert examples.labels.dtype == np.int32
    assert rejects == []


def test_sst2_skips_its_header(tmp_path):
    examples, _ = read(tmp_path, "SST-2", b"sentence\tlabel\na fine film \t1\n")
    assert examples.texts == (["a fine film "],)
    assert examples.labels.tolist() == [1]


def test_quotes_and_a_byte_order_mark_are_plain_characters(tmp_path):
    content = (
        b"\xef\xbb\xbfQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
        b'1\t10\t11\t" Never ended\tHe said " yes "\n'
        b'0\t12\t13\tA "\tB\n'
    )
    examples, rejects = read(tmp_path, "MRPC", content)
    assert examples.texts == (['" Never ended', 'A "'], ['He said " yes "', "B"])
    assert examples.labels.tolist() == [1, 0]
    assert rejects == []


def test_rte_labels_become_positions_in_the_label_list(tmp_path):
    content = b"index\tsentence1\tsentence2\tlabel\n0\tA\tB\tnot_entailment\n1\tC\tD\tentailment\n"
    examples, _ = read(tmp_path, "RTE", content)
    assert examples.labels.tolist() == [1, 0]


def test_stsb_scores_are_floats(tmp_path):
    header = "\t".join(BY_NAME["STS-B"].columns)
    row = "0\tg\tf\ty\t1\tn\tn\tOne man.\tA man.\t3.800"
    examples, _ = read(tmp_path, "STS-B", f"{header}\n{row}\n".encode())
    assert examples.texts == (["One man."], ["A man."])
    assert examples.labels.dtype == np.float32
    np.testing.assert_allclose(examples.labels, [3.8])


def test_only_a_line_feed_ends_a_line(tmp_path):
    content = "s\t1\t\tone\u2028still one\x0bstill\r\ns\t0\t\ttwo".encode()
    examples, rejects = read(tmp_path, "CoLA", content)
    assert examples.texts == (["one\u2028still one\x0bstill", "two"],)
    assert rejects == []


GOOD = b"s\t1\t\tgood\n" * 99


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (
            b"s\t1\tthree",
            r"expected 4 tab-separated columns (source, label, mark, sentence), "
            r"received 3",
        ),
        (b"", "expected 4 tab-separated columns (source, label, mark, sentence), received 1"),
        (b"s\t2\t\ttext", "expected label to be one of 0, 1, received '2'"),
        (b"s\t1\t\t  ", "expected text in column sentence, received an empty field"),
        (b"s\t1\t\tcaf\xe9 x", "expected UTF-8, received byte 0xe9 at offset 8"),
    ],
)
def test_a_bad_row_is_left_out_and_kept_with_its_reason(tmp_path, bad, reason):
    examples, rejects = read(tmp_path, "CoLA", GOOD + bad + b"\n")
    assert len(examples) == 99
    path = str(tmp_path / "train.tsv")
    text = bad.decode("utf-8", "backslashreplace")
    assert rejects == [reader.Reject("CoLA", path, 100, reason, text)]


@pytest.mark.parametrize("score", ["5.01", "-0.1", "nan", "much"])
def test_a_score_outside_0_to_5_is_a_bad_row(tmp_path, score):
    header = "\t".join(BY_NAME["STS-B"].columns)
    row = "0\tg\tf\ty\t1\tn\tn\tA\tB\t"
    content = f"{header}\n" + f"{row}1.0\n" * 99 + f"{row}{score}\n"
    examples, rejects = read(tmp_path, "STS-B", content.encode())
    assert len(examples) == 99
    assert rejects[0].reason == f"expected score to be a number from 0 to 5, received '{score}'"


def test_more_than_one_percent_of_bad_rows_is_an_error_at_the_first(tmp_path):
    content = b"s\t1\n" + b"s\t1\t\tgood\n" * 197 + b"x\ny\n"
    with pytest.raises(ValueError) as error:
        read(tmp_path, "CoLA", content)
    assert str(error.value).startswith(
        f"{tmp_path}/train.tsv, line 1: expected 4 tab-separated columns (source, label, mark, "
        "sentence), received 2. 3 of 200 rows are bad, more than 1%"
    )


def test_another_header_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="line 1: expected the header sentence, label .*a, b;"):
        read(tmp_path, "SST-2", b"a\tb\ntext\t1\n")


def test_a_header_alone_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="expected rows with the columns sentence, label"):
        read(tmp_path, "SST-2", b"sentence\tlabel\n")


def test_a_task_is_read_from_its_two_files(tmp_path):
    folder = tmp_path / "SST-2"
    folder.mkdir()
    (folder / "train.tsv").write_bytes(b"sentence\tlabel\ngood\t1\nbad\t0\n")
    (folder / "dev.tsv").write_bytes(b"sentence\tlabel\nfine\t1\n")
    data = reader.read_task(BY_NAME["SST-2"], str(tmp_path))
    assert (data.train.texts, data.dev.texts) == ((["good", "bad"],), (["fine"],))
    assert data.note == ""


def test_a_missing_file_is_named_with_its_remedy(tmp_path):
    folder = tmp_path / "MRPC"
    folder.mkdir()
    with pytest.raises(FileNotFoundError, match=r"MRPC/train.tsv: .*msr_paraphrase_train.txt"):
        reader.read_task(BY_NAME["MRPC"], str(tmp_path))


def test_the_hash_tells_changed_files(tmp_path):
    folder = tmp_path / "SST-2"
    folder.mkdir()
    (folder / "train.tsv").write_bytes(b"sentence\tlabel\ngood\t1\n")
    hashes = set()
    for text in (b"fine", b"fine", b"poor"):
        (folder / "dev.tsv").write_bytes(b"sentence\tlabel\n" + text + b"\t1\n")
        hashes.add(reader.read_task(BY_NAME["SST-2"], str(tmp_path)).sha256)
    assert len(hashes) == 2


def test_qnli_without_train_splits_dev_by_question_and_says_so(tmp_path):
    folder = tmp_path / "QNLI"
    folder.mkdir()
    rows = [f"{i}\tquestion {i // 2}\tanswer {i}\tentailment\n" for i in range(40)]
    (folder / "dev.tsv").write_text("index\tquestion\tsentence\tlabel\n" + "".join(rows))
    data = reader.read_task(BY_NAME["QNLI"], str(tmp_path))
    again = reader.read_task(BY_NAME["QNLI"], str(tmp_path))
    assert (len(data.train), len(data.dev)) == (32, 8)
    assert not set(data.train.texts[0]) & set(data.dev.texts[0])
    assert data.train.texts == again.train.texts
    assert "seed 2019" in data.note and "not comparable" in data.note
