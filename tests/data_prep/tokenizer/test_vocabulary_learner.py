import random

import pytest

from data_prep.tokenizer.vocabulary_learner import learn_vocabulary

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


def test_a_size_below_the_alphabet_is_refused_with_the_least_size():
    with pytest.raises(ValueError, match="at least 8 .5 special tokens and 3 characters"):
        learn_vocabulary({"abc": 1}, 7)


def test_rare_characters_beyond_the_alphabet_are_left_out():
    counts = {chr(0x4E00 + i): 10 for i in range(1_000)} | {"z": 1}
    assert "z" not in learn_vocabulary(counts, 2_000)
