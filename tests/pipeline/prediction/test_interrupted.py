"""`mnemosyne predict` that is killed leaves no answers next to the bad rows of another call."""

import pytest
import sudden_death

from pipeline.commands import predict

EARLIER = "text\nthe mat\nsat on\n\n"  # the third row is bad
TEXTS = "text\nthe cat sat\n\nthe mat\n"  # the second is


def run(model, input_file, output):
    return predict.main([f"--checkpoint={model}", f"--input={input_file}", f"--output={output}"])


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", ["tsv", "parquet"])
def test_killed_at_each_rename_and_called_again(fine_tuned, tmp_path, monkeypatch, kind):
    model = fine_tuned("text")
    earlier, texts = tmp_path / "earlier.tsv", tmp_path / "texts.tsv"
    earlier.write_text(EARLIER)
    texts.write_text(TEXTS)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    with sudden_death.renames_counted(monkeypatch) as renames:
        assert run(model, texts, whole / f"labels.{kind}") == 0
    assert renames == [str(whole / f"labels.{kind}.rejects.jsonl"), str(whole / f"labels.{kind}")]
    for number in (1, 2, 1):
        assert run(model, earlier, killed / f"labels.{kind}") == 0  # answers to other texts
        with (
            sudden_death.death_at_rename(monkeypatch, number),
            pytest.raises(sudden_death.KilledError),
        ):
            run(model, texts, killed / f"labels.{kind}")
        assert not (killed / f"labels.{kind}").exists()
    assert run(model, texts, killed / f"labels.{kind}") == 0
    assert contents(killed) == contents(whole)


def test_answers_that_cannot_be_written_leave_the_earlier_ones(fine_tuned, tmp_path, monkeypatch):
    texts = tmp_path / "texts.tsv"
    texts.write_text(TEXTS)
    output = tmp_path / "labels.tsv"
    assert run(fine_tuned("text"), texts, output) == 0
    before = contents(tmp_path)

    def fails(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("pipeline.text_tables.result_file.write_table", fails)
    with pytest.raises(OSError, match="No space left"):
        run(fine_tuned("text"), texts, output)
    assert contents(tmp_path) == before
