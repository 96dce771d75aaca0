import numpy as np
import pytest

from data_prep.tokenizer.segmented_words import continues_word, is_segmented, without_marks
from data_prep.wordpiece import WordpieceTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ENTRIES = [*SPECIAL, *"天气很好今看た,。", "a", "##b", "c"]
SIZE = len(ENTRIES)


@pytest.mark.parametrize(
    ("parts", "continues"),
    [
        (["天", "气"], [False, True]),
        (["好", "。"], [False, False]),
        (["天", "气", "。", "好", "看"], [False, True, False, False, True]),
        (["看", "た"], [False, True]),
        (["a", "天"], [False, True]),
        (["a", ",", "c"], [False, False, False]),
        (["天"], [False]),
        ([], []),
    ],
)
def test_what_follows_an_ideograph_without_a_blank_continues_its_word(parts, continues):
    assert continues_word(parts) == continues


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("今天 天气 很 好 。", True),
        ("今天 天气 很 好。", True),
        ("今天天气很好。", False),
        ("好看。", False),
        ("天气", True),
        ("今天天气", False),
        ("今天天气很好， 看今天天气。", False),
        ("a b c", True),
        ("été", True),
    ],
)
def test_a_line_is_segmented_by_what_stands_between_its_blanks(line, expected):
    assert is_segmented(line.encode()) == expected


@pytest.fixture
def tokenizer(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("".join(f"{entry}\n" for entry in ENTRIES), encoding="utf-8")
    return WordpieceTokenizer(str(path), mark_words=True)


def shown(tokenizer, line):
    ids, lengths = tokenizer.tokenize([line])
    assert lengths.tolist() == [len(ids)]
    return " ".join(("+" if id >= SIZE else "") + ENTRIES[id % SIZE] for id in ids)


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("今天 天气 很 好 。", "今 +天 天 +气 很 好 。"),
        ("今天天气很好。", "今 天 天 气 很 好 。"),
        ("看た ab 天,", "看 +た a ##b 天 ,"),
        ("龘天 天龘", "[UNK] +天 天 +[UNK]"),
        ("ab c", "a ##b c"),
    ],
)
def test_tokens_that_continue_a_word_of_the_text_are_marked(tokenizer, line, tokens):
    assert shown(tokenizer, line) == tokens
    assert shown(tokenizer, line) == tokens  # from the memory


def test_marks_change_no_id_and_both_kinds_of_line_go_together(tokenizer, tmp_path):
    plain = WordpieceTokenizer(str(tmp_path / "vocab.txt"))
    lines = ["今天 天气 很 好 。", "今天天气很好。", "ab", "天气 好看"]
    marked_ids, marked_lengths = tokenizer.tokenize(lines)
    ids, lengths = plain.tokenize(lines)
    assert marked_lengths.tolist() == lengths.tolist()
    assert without_marks(marked_ids, SIZE).tolist() == ids.tolist()
    assert tokenizer.num_ids == len(tokenizer.is_continuation) == 2 * SIZE
    assert tokenizer.is_continuation[SIZE:].all()
    assert plain.num_ids == SIZE


def test_ids_without_marks_are_the_same_array():
    ids = np.array([0, 4], np.uint16)
    assert without_marks(ids, 5) is ids
    assert without_marks(np.array([5, 9], np.uint16), 5).dtype == np.uint16
