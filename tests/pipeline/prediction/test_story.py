"""`mnemosyne predict`: a label and a probability for each row, in order."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import load_pretrained
from pipeline.commands import predict

TEXTS = ["the cat sat", "the mat", "sat on the cat"]


def run(model, input_file, output, *flags):
    return predict.main(
        [f"--checkpoint={model}", f"--input={input_file}", f"--output={output}", *flags]
    )


def read_tsv(path):
    header, *lines = path.read_text().splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


@pytest.fixture(params=["tsv", "jsonl", "parquet"])
def texts_file(request, tmp_path):
    path = tmp_path / f"texts.{request.param}"
    if request.param == "tsv":
        path.write_text("text\n" + "\n".join(TEXTS) + "\n")
    elif request.param == "jsonl":
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    else:
        pq.write_table(pa.table({"text": TEXTS}), path)
    return path


def test_every_row_has_the_label_that_the_model_predicts(fine_tuned, texts_file, tmp_path, capsys):
    output = tmp_path / "labels.tsv"
    assert run(fine_tuned("text"), texts_file, output) == 0
    expected = load_pretrained(fine_tuned("text")).predict(TEXTS)
    rows = read_tsv(output)
    assert [row["row"] for row in rows] == ["1", "2", "3"]
    assert [row["label"] for row in rows] == [prediction.label for prediction in expected]
    # Six digits are written.
    for row, prediction in zip(rows, expected, strict=True):
        assert float(row["probability"]) == pytest.approx(prediction.probability, rel=1e-5)
    assert capsys.readouterr().out.splitlines()[-1] == f"predicted 3 rows: {output}"


def test_pairs_have_two_columns_and_bad_rows_are_saved(fine_tuned, tmp_path, capsys):
    texts = tmp_path / "pairs.tsv"
    texts.write_text("b\ta\nthe mat\tthe cat\nalone\n\tthe cat\nsat\ton\n")
    output = tmp_path / "labels.jsonl"
    assert run(fine_tuned("a", "b"), texts, output) == 0
    pairs = [("the cat", "the mat"), ("on", "sat")]
    expected = [each.label for each in load_pretrained(fine_tuned("a", "b")).predict(pairs)]
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(row["row"], row["label"]) for row in rows] == list(zip([1, 4], expected, strict=True))
    rejects = (tmp_path / "labels.jsonl.rejects.jsonl").read_text().splitlines()
    assert [json.loads(line)["row"] for line in rejects] == [2, 3]
    assert "predicted 2 rows" in (said := capsys.readouterr().out)
    assert "2 bad rows in" in said


def test_texts_longer_than_the_model_takes_are_counted(fine_tuned, tmp_path, capsys):
    texts = tmp_path / "texts.tsv"
    texts.write_text("text\n" + "the cat " * 10_000 + "\nthe cat\n")
    assert run(fine_tuned("text"), texts, tmp_path / "labels.tsv") == 0
    assert "1 longer than the model's 8 tokens, and cut" in capsys.readouterr().out


def test_other_columns_can_be_named(fine_tuned, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"review": "the cat"}\n')
    with pytest.raises(ValueError, match="row 1: expected the column text, received review"):
        run(fine_tuned("text"), texts, tmp_path / "out.tsv")
    assert not (tmp_path / "out.tsv").exists()
    assert run(fine_tuned("text"), texts, tmp_path / "out.tsv", "--columns=review") == 0
    with pytest.raises(ValueError, match=r"--columns: expected 1 \(text of task T\)"):
        run(fine_tuned("text"), texts, tmp_path / "out.tsv", "--columns=review,more")


def test_a_text_of_ten_thousand_words_is_cut(fine_tuned, tmp_path):
    texts = tmp_path / "texts.tsv"
    texts.write_text("text\n" + "the cat " * 5_000 + "\n")
    assert run(fine_tuned("text"), texts, tmp_path / "out.tsv") == 0
    assert len(read_tsv(tmp_path / "out.tsv")) == 1


def test_a_file_without_rows_is_refused(fine_tuned, tmp_path):
    texts = tmp_path / "texts.tsv"
    texts.write_text("text\n")
    with pytest.raises(ValueError, match="expected rows with text in text, received none below"):
        run(fine_tuned("text"), texts, tmp_path / "out.tsv")


@pytest.mark.parametrize(
    ("name", "content", "received"),
    [
        ("texts.tsv.gz", gzip.compress(b"text\nthe cat\n"), "a compressed file; unpack it first"),
        ("texts.tsv", "text\nthe cat\n".encode("utf-16"), "UTF-16; convert it to UTF-8"),
        ("texts.csv", b"text\nthe cat\n", r"a name that ends with \.csv"),
        ("texts.json", b'[{"text": "the cat"}]', "one JSON array; write one object a line"),
        ("texts.tsv", b"text\rthe cat\r", "carriage returns alone"),
    ],
    # The time in a gzip header may not be part of a test's name: two workers have to agree on it.
    ids=["compressed", "UTF-16", "CSV", "JSON array", "carriage returns"],
)
def test_a_file_of_another_kind_is_named(fine_tuned, tmp_path, name, content, received):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}.*expected .*, received {received}"):
        run(fine_tuned("text"), tmp_path / name, tmp_path / "out.tsv")
    assert not (tmp_path / "out.tsv").exists()


def test_a_pretraining_run_has_no_labels(pretrained_run, tmp_path):
    texts = tmp_path / "texts.tsv"
    texts.write_text("text\nthe cat\n")
    for flags in ((), ("--columns=text",)):
        with pytest.raises(ValueError, match="expects a classifier"):
            run(pretrained_run, texts, tmp_path / "out.tsv", *flags)


def test_an_output_of_unknown_kind_is_refused(fine_tuned, tmp_path):
    with pytest.raises(ValueError, match=r"--output .*ends with \.tsv"):
        run(fine_tuned("text"), tmp_path / "texts.tsv", tmp_path / "out.xlsx")


def test_a_classifier_that_does_not_say_what_it_takes_needs_columns(fine_tuned, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"a": "the cat", "b": "sat"}\n')
    with pytest.raises(ValueError, match="--columns: expected .* received none"):
        run(fine_tuned(), texts, tmp_path / "out.tsv")
    for columns in ("a", "a,b", "a, b"):
        assert run(fine_tuned(), texts, tmp_path / "out.tsv", f"--columns={columns}") == 0
        assert len(read_tsv(tmp_path / "out.tsv")) == 1
