import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.wordpiece import WordpieceTokenizer


def tokens(tokenizer, lines):
    ids, lengths = tokenizer.tokenize(lines)
    assert lengths.sum() == len(ids)
    pieces = iter(tokenizer.vocab[i] for i in ids)
    return [[next(pieces) for _ in range(length)] for length in lengths]


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("The CAT sat.", ["the", "cat", "sat", "."]),
        ("unable cats", ["un", "##able", "cat", "##s"]),
        ("\u4f60\u597d cat", ["\u4f60", "\u597d", "cat"]),
        ("c\u00e0t \u2026 \u00df", ["cat", "\u2026", "\u00df"]),
        ("a\0b", ["a", "##b"]),
        ("\u00bd", ["[UNK]"]),
        ("[MASK]", ["[UNK]", "m", "##a", "##s", "##k", "[UNK]"]),
        ("", []),
        ("a" * 200, ["a", *["##a"] * 199]),
        ("a" * 201, ["[UNK]"]),
        ("\u00df" * 200, ["\u00df", *["##\u00df"] * 199]),
        ("\u00df" * 201, ["[UNK]"]),
    ],
)
def test_lines_become_these_pieces(tokenizer, line, pieces):
    assert tokens(tokenizer, [line]) == [pieces]


def test_mixed_lines_keep_their_order(tokenizer, bert_twin):
    lines = ["the cat", "caf\u00e9 \u2026 the", "", "dog", "\u4f60", "on the mat\u2026"]
    vocab = set(tokenizer.vocab)
    assert tokens(tokenizer, lines) == [bert_twin.tokenize(line, vocab) for line in lines]


ALPHABET = st.one_of(
    st.sampled_from(string.ascii_letters + " \t.,'[]#"),
    st.sampled_from("\u00df\u00e9\u2026\u4f60\u0130\u01c5\ufb01\u00bd\0\x1c\x85\u00a0\u2028\u200d"),
    st.characters(exclude_categories=["Cs"]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(ALPHABET, max_size=30).map(lambda x: x.replace("\n", "")), max_size=8))
def test_ids_follow_the_rules_of_bert_on_any_text(tokenizer, bert_twin, lines):
    vocab = set(tokenizer.vocab)
    assert tokens(tokenizer, lines) == [bert_twin.tokenize(line, vocab) for line in lines]


def test_lines_and_words_of_megabytes_are_tokenized_too(tokenizer):
    lines = ["cat " * 1_000_000, "a" * 5_000_000, "\u00df" * 1_000_000, "dog"]
    ids, lengths = tokenizer.tokenize(lines)
    assert lengths.tolist() == [1_000_000, 1, 1, 1]
    assert [tokenizer.vocab[i] for i in ids[-3:]] == ["[UNK]", "[UNK]", "dog"]


def test_bytes_and_str_give_the_same_ids(tokenizer):
    lines = ["the caf\u00e9", "on"]
    encoded = [line.encode() for line in lines]
    assert tokens(tokenizer, lines) == tokens(tokenizer, encoded)


def test_more_lines_than_one_call_takes_are_all_tokenized(tokenizer):
    _, lengths = tokenizer.tokenize(["cat dog"] * 9_000)
    assert lengths.tolist() == [2] * 9_000


def test_special_ids_and_continuations_follow_the_file(tokenizer):
    ids = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id)
    assert (*ids, tokenizer.mask_id) == (0, 1, 2, 3, 4)
    assert tokenizer.is_continuation.sum() == 1 + 26 + 1


def test_case_stays_when_lower_case_is_off(vocab_file):
    tokenizer = WordpieceTokenizer(vocab_file, do_lower_case=False)
    assert tokens(tokenizer, ["cat CAT", "\u00e9"]) == [["cat", "[UNK]"], ["[UNK]"]]


def test_ids_of_tensorflow_text_are_those_of_its_bert_tokenizer(vocab_file):
    import tensorflow as tf
    import tensorflow_text as tf_text

    lines = [
        "The c\u00e4t\u2026 sat!",
        "a\u00b2 \ufb01n",
        "stra\u00dfe \u4f60\u597d",
        "a" * 150,
        "",
        "x\0y",
    ]
    reference = tf_text.BertTokenizer(vocab_file, lower_case=True).tokenize(lines)
    expected = reference.merge_dims(1, 2)
    ids, lengths = WordpieceTokenizer(vocab_file, ids="tf_text").tokenize(lines)
    assert ids.tolist() == tf.cast(expected.flat_values, tf.int32).numpy().tolist()
    assert lengths.tolist() == expected.row_lengths().numpy().tolist()
    assert ids.tolist() != WordpieceTokenizer(vocab_file).tokenize(lines)[0].tolist()
