import pytest

from data_prep.tokenizer.vocabulary_file import load_vocabulary


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "received an empty file"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\ncat\n", r"\[MASK\] is missing"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\na\n", "'a' on lines 6 and 7"),
        (b"[PAD]\n\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", "blank line 2"),
        (b"[PAD]\n\xff\n", "expected UTF-8"),
    ],
)
def test_a_bad_vocabulary_is_refused_with_file_and_remedy(tmp_path, content, message):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"bad.txt: .*{message}"):
        load_vocabulary(str(path))


def test_a_missing_vocabulary_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="mnemosyne vocab"):
        load_vocabulary(str(tmp_path / "none.txt"))


def test_windows_line_ends_are_no_part_of_entries(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\ncat\r\n")
    assert load_vocabulary(str(path))[-1] == "cat"
