import itertools

import numpy as np
from numeric_bounds import chance

from data_prep.examples import ngrams
from data_prep.examples.ngrams import choose_ngrams
from data_prep.examples.rng import RandomStream


def choose(is_maskable, begins_word, *, wanted, max_ngram, seed=0):
    rows = len(is_maskable)
    return choose_ngrams(
        is_maskable,
        begins_word,
        wanted=np.full(rows, wanted),
        max_ngram=max_ngram,
        rng=RandomStream(seed),
    )


def single_pieces(rows, length):
    """Rows of one-piece words between two special tokens."""
    column = np.arange(length)
    maskable = np.broadcast_to((column > 0) & (column < length - 1), (rows, length))
    return maskable, maskable


def test_the_limit_of_tokens_is_kept_and_only_first_pieces_are_chosen():
    rng = np.random.default_rng(0)
    maskable = rng.random((500, 30)) < 0.9
    begins = rng.random((500, 30)) < 0.5
    begins[:, 1:] |= ~maskable[:, :-1]
    begins[:, 0] = True
    for max_ngram, wanted in itertools.product((2, 3, 10), (1, 5)):
        chosen = choose(maskable, begins, wanted=wanted, max_ngram=max_ngram)
        assert not (chosen & ~(maskable & begins)).any()
        word = np.cumsum(begins & maskable, axis=1)
        for row in range(500):
            words = set(word[row, chosen[row]])
            assert sum(w in words for w in word[row, maskable[row]]) <= wanted


def test_no_ngram_crosses_a_special_token():
    # Words of one piece at 1, 2, 4 and 5; a special token at 3.
    maskable = np.array([[False, True, True, False, True, True, False]])
    starts, ends, counts = ngrams._words_of_rows(maskable, maskable)
    assert (starts[0, :4].tolist(), ends[0, :4].tolist()) == ([1, 2, 4, 5], [2, 3, 5, 6])
    assert counts.tolist() == [4]

    def is_run(first, last):
        places = (np.array([first]), np.array([last]))
        return bool(ngrams._is_one_run(maskable, starts, ends, *places)[0])

    assert [is_run(0, 1), is_run(2, 3)] == [True, True]
    assert [is_run(1, 2), is_run(0, 3)] == [False, False]


def test_lengths_come_with_chance_one_over_their_words():
    # 100 words and room for 3 tokens: the first n-gram nearly always fits.
    maskable, begins = single_pieces(30_000, 102)
    chosen = choose(maskable, begins, wanted=3, max_ngram=3)
    triples = (chosen[:, :-2] & chosen[:, 1:-1] & chosen[:, 2:]).any(axis=1).mean()
    # Of three words at first: 2/11. Or of one and two that happen to be neighbours: what is drawn
    # second touches the first at two of about 100 positions.
    assert abs(triples - 2 / 11) < chance(30_000, 2 / 11) + 2 / 100


def test_the_same_words_make_the_same_choice():
    maskable, begins = single_pieces(50, 20)
    one, other = (choose(maskable, begins, wanted=4, max_ngram=3, seed=s) for s in (1, 2))
    assert (choose(maskable, begins, wanted=4, max_ngram=3, seed=1) == one).all()
    assert (one != other).any()


def test_a_row_without_a_word_chooses_nothing():
    maskable = np.zeros((3, 8), bool)
    assert not choose(maskable, maskable, wanted=2, max_ngram=4).any()
