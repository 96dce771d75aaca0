"""What is no model of another library, and what a refused import leaves behind."""

import pytest

from pipeline import cli
from pipeline.weights.import_model import import_model


def test_a_folder_of_nothing_known_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a folder with config.json .* received"):
        import_model(tmp_path / "nowhere", tmp_path / "ours")


def test_what_needs_no_import_says_so(tmp_path, saved, pretrained_run):
    with pytest.raises(ValueError, match="is a model folder already"):
        import_model(saved("encoder"), tmp_path / "ours")
    with pytest.raises(ValueError, match="is a run of `mnemosyne pretrain`"):
        import_model(pretrained_run, tmp_path / "ours")


def test_a_folder_in_use_is_never_written_to(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    before = sorted(path.name for path in (tmp_path / "theirs").iterdir())
    with pytest.raises(ValueError, match="--output: expected a new or empty folder"):
        import_model(tmp_path / "theirs", tmp_path / "theirs")
    assert sorted(path.name for path in (tmp_path / "theirs").iterdir()) == before


def test_the_command_ends_with_one_line_and_a_refusal_with_code_2(tmp_path, hugging_face, capsys):
    hugging_face.write_folder(tmp_path / "theirs", "BertForMaskedLM")
    flags = ["--input", str(tmp_path / "theirs"), "--output", str(tmp_path / "ours")]
    assert cli.main(["import", *flags]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "encoder/pooler has no weights in the origin" in lines[0]
    assert lines[-1].startswith("import: Hugging Face BertForMaskedLM theirs: pretrainer")
    assert cli.main(["import", *flags]) == 2
    assert "expected a new or empty folder" in capsys.readouterr().err


def test_the_folder_that_one_stands_in_and_a_link_to_an_empty_one_are_filled(
    tmp_path, hugging_face, monkeypatch
):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    import_model(tmp_path / "theirs", tmp_path / "link")
    assert (tmp_path / "there" / "model.json").is_file()
    monkeypatch.chdir(tmp_path / "here")
    import_model(tmp_path / "theirs", ".")
    assert (tmp_path / "here" / "model.json").is_file()


def test_an_output_that_cannot_be_made_is_named(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="--output: expected a folder that can be made.*file/sub"):
        import_model(tmp_path / "theirs", tmp_path / "file" / "sub")
