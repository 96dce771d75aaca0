import random

import pytest

from data_prep.tokenizer.vocabulary_learner import LeftOut, learn_vocabulary, left_out

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def test_frequent_neighbours_are_joined_first():
    vocabulary = learn_vocabulary({"low": 5, "lower": 2, "newest": 6, "widest": 3}, 19)
    # e-s and s-t stand side by side 9 times and e-s sorts first; then es-t 9, then o-w 7 times.
    assert vocabulary[-3:] == ["##es", "##est", "##ow"]


def test_special_tokens_come_first_then_characters():
    assert learn_vocabulary({"ab": 1}, 7) == [*SPECIAL, "##b", "a"]


def test_order_of_the_counts_leaves_no_trace():
    rng = random.Random(1)
    words = ["".join(rng.choices("abcde", k=rng.randint(1, 9))) for _ in range(400)]
    counts = {word: rng.randint(1, 9) for word in words}
    shuffled = list(counts.items())
    rng.shuffle(shuffled)
    assert learn_vocabulary(counts, 150) == learn_vocabulary(dict(shuffled), 150)


def test_learning_stops_when_no_pair_occurs_twice():
    assert learn_vocabulary({"ab": 1, "cd": 1}, 1_000) == [*SPECIAL, "##b", "##d", "a", "c"]


def test_a_whole_frequent_word_becomes_one_piece():
    assert "hello" in learn_vocabulary({"hello": 10}, 100)


def test_repeated_letters_are_joined_from_the_left():
    # a ##a ##a ##a -> a ##aa ##a -> a ##aaa -> aaaa
    assert learn_vocabulary({"aaaa": 4}, 100)[5:] == ["##a", "a", "##aa", "##aaa", "aaaa"]


def naive_next_pair(words):
    """The most frequent pair by counting everything anew; ties to the pair that sorts first."""
    counts = {}
    for pieces, count in words:
        for pair in zip(pieces[:-1], pieces[1:], strict=True):
            counts[pair] = counts.get(pair, 0) + count
    best = min(counts.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
    return best[0] if best[1] >= 2 else None


def naive_vocabulary(word_counts, vocab_size):
    words = [([w[0], *("##" + c for c in w[1:])], n) for w, n in word_counts.items()]
    vocabulary = [*SPECIAL, *sorted({p for pieces, _ in words for p in pieces})]
    while len(vocabulary) < vocab_size and (pair := naive_next_pair(words)):
        joined = pair[0] + pair[1][2:]
        for pieces, _ in words:
            place = 0
            while place + 1 < len(pieces):
                if (pieces[place], pieces[place + 1]) == pair:
                    pieces[place : place + 2] = [joined]
                place += 1
        if joined not in vocabulary:
            vocabulary.append(joined)
    return vocabulary


@pytest.mark.parametrize("seed", range(5))
def test_the_heap_finds_what_counting_anew_finds(seed):
    rng = random.Random(seed)
    words = ["".join(rng.choices("aabbc", k=rng.randint(1, 8))) for _ in range(80)]
    counts = {word: rng.randint(1, 5) for word in words}
    assert learn_vocabulary(counts, 60) == naive_vocabulary(counts, 60)


def test_no_words_are_refused():
    with pytest.raises(ValueError, match="received none"):
        learn_vocabulary({}, 100)


@pytest.mark.parametrize("size", [0, 5])
def test_a_size_without_room_for_a_character_is_refused_with_the_least_size(size):
    with pytest.raises(ValueError, match="at least 6 .5 special tokens and a character"):
        learn_vocabulary({"abc": 1}, size)


def test_characters_are_kept_by_frequency_as_many_as_fit():
    assert learn_vocabulary({"abc": 1, "c": 1, "b": 1, "cb": 1}, 8)[5:] == ["##b", "##c", "c"]


def test_every_character_that_fits_gets_in():
    # 3,000 ideographs, each a word of its own, some common and most rare, in English text.
    ideographs = {chr(0x4E00 + i): 1 + 3_000 // (i + 1) for i in range(3_000)}
    vocabulary = learn_vocabulary({**ideographs, "the": 9_000, "sun": 400}, 8_000)
    assert set(ideographs) <= set(vocabulary)
    assert {"the", "sun"} <= set(vocabulary)
    assert len(vocabulary) == len(set(vocabulary))


def test_ideographs_need_no_entry_for_the_inside_of_a_word_and_letters_do():
    vocabulary = learn_vocabulary({"\u4e00": 5, "\u0e01\u0e02": 3}, 100)
    assert vocabulary[5:8] == ["##\u0e02", "\u0e01", "\u4e00"]
    assert "##\u4e00" not in vocabulary


def test_a_character_that_is_very_rare_gives_way_to_frequent_pieces():
    # The last of 3 entries: "z" occurs once, the pair a-b 101 times; a hundred to one is the rate.
    assert learn_vocabulary({"ab": 101, "z": 1}, 8)[5:] == ["##b", "a", "ab"]
    assert learn_vocabulary({"ab": 100, "z": 1}, 8)[5:] == ["##b", "a", "z"]


def test_a_quarter_of_the_entries_is_for_characters_however_rare():
    # Two characters of the word, "y" as the third of 12 entries; pairs of 10,000 come after it.
    vocabulary = learn_vocabulary({"aaaaaaaaaaaaaaaa": 10_000, "y": 1, "z": 1}, 5 + 12)
    assert {"##a", "a", "y"} < set(vocabulary)
    assert "y" not in learn_vocabulary({"aaaaaaaaaaaaaaaa": 10_000, "y": 1}, 5 + 4)


def test_the_alphabet_is_limited_when_asked():
    counts = {"abab": 5, "a": 9, "c": 1}
    assert learn_vocabulary(counts, 100, limit_alphabet=2) == learn_vocabulary(
        {"abab": 5, "a": 9}, 100
    )


def test_a_word_with_a_character_beyond_the_limit_teaches_nothing():
    assert learn_vocabulary({"ab": 5, "abc": 5, "ab ": 0}, 100, limit_alphabet=2)[5:] == [
        "##b",
        "a",
        "ab",
    ]


def test_what_is_left_out_is_counted_by_characters_and_words():
    counts = {"ab": 4, "cb": 3, "b": 2, "a": 1}
    vocabulary = [*SPECIAL, "a", "##b", "c"]
    # Only "b" at the beginning of a word has no entry.
    assert left_out(counts, vocabulary) == LeftOut(characters=1, unknown_words=2, words=10)
    assert left_out(counts, [*vocabulary, "b"]).unknown_words == 0


def test_a_word_too_long_for_the_tokenizer_is_unknown():
    assert left_out({"a" * 201: 3, "a": 1}, [*SPECIAL, "a", "##a"]).unknown_words == 3
