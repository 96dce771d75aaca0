"""Literal little TSV files, good and bad, and what the reader makes of them."""

import dataclasses

import numpy as np
import pytest

from pipeline.glue.files import tsv
from pipeline.glue.files.examples import Reject
from pipeline.glue.tasks import TASKS

BY_NAME = {task.name: task for task in TASKS}


def read(tmp_path, task_name, content):
    path = tmp_path / "train.tsv"
    path.write_bytes(content)
    return tsv.read_tsv(BY_NAME[task_name], str(path))


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
    assert rejects == [Reject("CoLA", path, 100, reason, text)]


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


@pytest.mark.parametrize("task", ["CoLA", "SST-2"])
def test_an_empty_file_is_an_error_with_what_was_expected(tmp_path, task):
    with pytest.raises(ValueError, match="train.tsv.* expected .*received (none|an empty line)"):
        read(tmp_path, task, b"")


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "train.tsv").mkdir()
    with pytest.raises(OSError, match="train.tsv: expected a file of task CoLA, received Is a dir"):
        tsv.read_tsv(BY_NAME["CoLA"], str(tmp_path / "train.tsv"))


def test_carriage_returns_before_line_feeds_are_no_part_of_a_label(tmp_path):
    examples, rejects = read(tmp_path, "SST-2", b"sentence\tlabel\r\nfine\t1\r\npoor\t0\r\n")
    assert (examples.texts, examples.labels.tolist(), rejects) == ((["fine", "poor"],), [1, 0], [])


QQP_HEADER = b"id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"


def test_malformed_rows_of_qqp_are_counted_and_kept(tmp_path):
    row = b"1\t2\t3\tWhy?\tHow?\t1\n"
    # A line feed within a question cuts its row in two.
    content = QQP_HEADER + row * 198 + b"1\t2\t3\tWhy\nis it?\tHow?\t0\n"
    examples, rejects = read(tmp_path, "QQP", content)
    assert len(examples) == 198
    assert [reject.line for reject in rejects] == [200, 201]
    assert "expected 6 tab-separated columns" in rejects[0].reason


def test_mnli_has_other_columns_in_training_than_in_dev(tmp_path):
    task = BY_NAME["MNLI"]
    for columns, labels in ((task.columns, 1), (task.dev_columns, 5)):
        fields = [*"0123456", "p", "Premise.", "Hypothesis.", *["-"] * labels, "neutral"]
        path = tmp_path / "dev_matched.tsv"
        path.write_text("\t".join(columns) + "\n" + "\t".join(fields) + "\n")
        examples, rejects = tsv.read_tsv(task, str(path), columns=columns)
        assert examples.texts == (["Premise."], ["Hypothesis."]) and rejects == []
        assert examples.labels.tolist() == [2]


def read_test(tmp_path, content):
    path = tmp_path / "test.tsv"
    path.write_bytes(content)
    columns = ("id", "question1", "question2")
    return tsv.read_texts(
        BY_NAME["QQP"], str(path), columns=columns, text_columns=("question1", "question2")
    )


def test_every_row_of_a_test_file_keeps_its_place(tmp_path):
    rows = b"0\tWhy?\tHow?\n1\tWho?\t\n2\tcut off\n" + b"3\tA\tB\n" * 98
    texts, rejects = read_test(tmp_path, b"id\tquestion1\tquestion2\n" + rows)
    assert texts[0][:4] == ["Why?", "Who?", "cut off", "A"]
    assert texts[1][:4] == ["How?", "", "", "B"]
    assert len(texts[0]) == len(texts[1]) == 101
    assert [(reject.line, reject.reason[:30]) for reject in rejects] == [
        (4, "expected 3 tab-separated colum")
    ]


def test_an_empty_test_file_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="test.tsv: expected rows with the columns id, question1"):
        read_test(tmp_path, b"id\tquestion1\tquestion2\n")
    with pytest.raises(ValueError, match="test.tsv, line 1: expected the header id, question1"):
        read_test(tmp_path, b"")


def test_the_range_of_a_score_is_that_of_the_task(tmp_path):
    task = dataclasses.replace(BY_NAME["STS-B"], score_range=(-1.0, 1.0))
    assert tsv.parse_label(task, "-0.5") == -0.5
    with pytest.raises(ValueError, match="expected score to be a number from -1 to 1, received"):
        tsv.parse_label(task, "5.0")
