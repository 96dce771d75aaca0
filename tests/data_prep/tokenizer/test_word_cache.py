import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.tokenizer.word_cache import WordMemory


class Letters:
    """Stands for a tokenizer: the ids of a word are its bytes. Keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, words):
        self.asked += words
        ids = np.frombuffer(b"".join(words), np.uint8).astype(np.int32)
        return ids, np.array([len(word) for word in words])


def tokenized(memory, lines):
    ids, lengths = memory.tokenize(lines)
    return [bytes(part.astype(np.uint8)) for part in np.split(ids, np.cumsum(lengths)[:-1])]


def words_of(*lines):
    letters = Letters()
    WordMemory(letters).tokenize(
        [line if isinstance(line, bytes) else line.encode() for line in lines]
    )
    return letters.asked


def test_ascii_is_cut_at_white_space_and_around_marks():
    assert words_of("It's 3rd,\tso", "(no)") == [
        *(b"It", b"'", b"s", b"3rd", b",", b"so"),
        *(b"(", b"no", b")"),
    ]


def test_any_other_character_keeps_together_what_stands_between_white_space():
    assert words_of("a caf\u00e9,bar\u2026 b") == [b"a", "caf\u00e9,bar\u2026".encode(), b"b"]
    assert words_of(b"x\0y z\xff. \x7f") == [b"x\0y", b"z\xff.", b"\x7f"]


def test_a_word_is_asked_for_once():
    letters = Letters()
    memory = WordMemory(letters)
    assert tokenized(memory, [b"on and on", b"and"]) == [b"onandon", b"and"]
    assert tokenized(memory, [b"And on"]) == [b"Andon"]
    assert letters.asked == [b"on", b"and", b"And"]


def test_words_of_more_than_256_bytes_are_not_kept():
    letters = Letters()
    memory = WordMemory(letters)
    memory.tokenize([b"a" * 256, b"b" * 257])
    memory.tokenize([b"a" * 256, b"b" * 257])
    assert [word[:1] for word in letters.asked] == [b"a", b"b", b"b"]


def test_a_full_memory_forgets_and_goes_on():
    letters = Letters()
    memory = WordMemory(letters, max_words=2)
    assert tokenized(memory, [b"a b a c b"]) == [b"abacb"]
    assert letters.asked == [b"a", b"b", b"c", b"b"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.binary(max_size=6).map(lambda word: word + b" ")), max_size=5),
    st.integers(1, 8),
)
def test_ids_do_not_depend_on_what_is_remembered(lines, max_words):
    lines = [b"".join(words) for words in lines] or [b""]
    expected = [line.translate(None, b" \t\r\n") for line in lines]
    assert tokenized(WordMemory(Letters(), max_words), lines) == expected
