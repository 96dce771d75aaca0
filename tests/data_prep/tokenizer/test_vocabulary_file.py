import json

import pytest

from data_prep.tokenizer.vocabulary_file import (
    casing_of,
    check_casing,
    load_vocabulary,
    unreachable_entries,
)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "received an empty file"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\ncat\n", r"\[MASK\] is missing"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\na\n", "'a' on lines 6 and 7"),
        (b"[PAD]\n\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", "blank line 2"),
        (b"[PAD]\n\xff\n", "expected UTF-8"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat \n", "'cat ' on line 6"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat\n\tdog\n", r"'\\tdog' on line 7"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nnew york\n", "'new york' on line 6"),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat\u00a0\n".encode(), "on line 6"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n \n", "blank line 6"),
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


def written(path, entries, **sidecars):
    path.write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8")
    for name, content in sidecars.items():
        (path.parent / f"{name.replace('__', '.')}").write_text(json.dumps(content))
    return str(path)


def test_a_byte_order_mark_is_no_part_of_the_first_entry(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "".join(f"{each}\n" for each in SPECIAL).encode())
    assert load_vocabulary(str(path)) == SPECIAL


def test_a_lone_exotic_space_is_an_entry_like_others(tmp_path):
    assert load_vocabulary(written(tmp_path / "v", [*SPECIAL, "\u2028"]))[-1] == "\u2028"


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("v__json", lambda recorded: {"settings": {"do_lower_case": recorded}}),
        ("manifest__json", lambda recorded: {"settings": {"do_lower_case": recorded}}),
        ("tokenizer_config__json", lambda recorded: {"do_lower_case": recorded}),
    ],
)
def test_a_recorded_casing_decides_and_its_opposite_is_refused(tmp_path, recorded, file, content):
    path = written(tmp_path / "v", [*SPECIAL, "Cat", "dog"], **{file: content(recorded)})
    assert check_casing(path, recorded) == ""
    with pytest.raises(ValueError, match=f"Give --do_lower_case {str(recorded).lower()} or"):
        check_casing(path, not recorded)


def test_a_neighbour_that_records_no_casing_is_passed_over(tmp_path):
    (tmp_path / "v.json").write_text("{")
    written(tmp_path / "v", [*SPECIAL, "cat"], manifest__json=[], tokenizer_config__json={})
    assert check_casing(str(tmp_path / "v"), True) == ""


def test_unrecorded_upper_case_under_lower_casing_is_refused_with_its_fraction(tmp_path):
    path = written(tmp_path / "v", [*SPECIAL, "Cat", "##Dog", "sat", "mat", "\u00c9t\u00e9"])
    with pytest.raises(ValueError, match=r"3 of 10 entries \(30.0%; 'Cat' is one\)"):
        check_casing(path, True)
    assert check_casing(path, False) == ""


def test_a_stray_capital_is_a_warning(tmp_path):
    words = [f"w{number}" for number in range(200)]
    assert "1 of 206 entries" in check_casing(
        written(tmp_path / "v", [*SPECIAL, *words, "X"]), True
    )


def test_capitals_that_no_entry_spells_are_a_warning(tmp_path):
    path = written(tmp_path / "v", [*SPECIAL, "cat"])
    assert "every capitalised word becomes [UNK]" in check_casing(path, False)
    assert check_casing(path, True) == ""


def test_a_script_without_case_gives_no_warning(tmp_path):
    path = written(tmp_path / "v", [*SPECIAL, "\u4f60", "\u597d"])
    assert check_casing(path, True) == check_casing(path, False) == ""


def test_entries_with_a_lower_cased_twin_and_bracketed_ones_are_reachable():
    vocab = [*SPECIAL, "[unused1]", "Cat", "cat", "\u00e9", "e", "##A", "##a", "1", "-"]
    assert unreachable_entries(vocab) == []


@pytest.mark.parametrize("learned", [True, False])
def test_without_a_flag_text_is_lower_cased_as_the_vocabulary_was_learned(tmp_path, learned):
    (tmp_path / "v.json").write_text(json.dumps({"settings": {"do_lower_case": learned}}))
    path = str(tmp_path / "v")
    assert [casing_of(path, asked) for asked in (None, True, False)] == [learned, True, False]


@pytest.mark.parametrize("record", [None, "no json", "[]", '{"settings": {}}'])
def test_a_vocabulary_of_somebody_else_is_lower_cased_by_default(tmp_path, record):
    if record is not None:
        (tmp_path / "v.json").write_text(record)
    path = str(tmp_path / "v")
    assert [casing_of(path, asked) for asked in (None, True, False)] == [True, True, False]
