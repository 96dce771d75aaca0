import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric_bounds import chance

from data_prep.examples.sentence_pairs import PairMaker


def make(
    documents, *, seed=0, dupe_factor=1, short_seq_prob=0.0, max_seq_length=23, ids=None, **more
):
    """`documents`: lists of sentence lengths. Returns the pairs and their maker."""
    lengths = [length for document in documents for length in document]
    maker = PairMaker(
        sentence_ends=np.cumsum(lengths),
        document_ends=np.cumsum([len(document) for document in documents]),
        text_ids=[each.ljust(16) for each in ids or map(b"%d".__mod__, range(len(documents)))],
        max_seq_length=max_seq_length,
        short_seq_prob=short_seq_prob,
        seed=seed,
        **more,
    )
    return maker.pairs_of_all(dupe_factor), maker


def rows(pairs):
    columns = (pairs.a_begin, pairs.a_end, pairs.b_begin, pairs.b_end, pairs.is_random_next)
    return list(zip(*(column.tolist() for column in columns), strict=True))


CORPUS = st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=8), min_size=1, max_size=6)


def test_a_document_alone_gives_true_pairs_only():
    pairs, maker = make([[5, 5, 5, 5, 5, 5, 5, 5]])
    assert rows(pairs) == [(0, a, a, 20, 0) for a in pairs.a_end[:1]] + [
        (20, a, a, 40, 0) for a in pairs.a_end[1:]
    ]
    assert maker.without_partner >= 0


def test_one_sentence_alone_gives_no_pair_and_is_counted():
    pairs, maker = make([[5]])
    assert len(pairs) == 0
    assert maker.without_partner == 1


def test_one_sentence_documents_pair_at_random_with_each_other():
    assert rows(make([[5], [7]])[0]) == [(0, 5, 5, 12, 1), (5, 12, 0, 5, 1)]


@settings(deadline=None)
@given(CORPUS, st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 1.0]))
def test_segments_are_whole_sentences_and_random_ones_come_from_elsewhere(corpus, seed, short):
    ends = np.cumsum([sum(document) for document in corpus])
    borders = {0, *np.cumsum([length for document in corpus for length in document]).tolist()}
    pairs, _ = make(corpus, seed=seed, short_seq_prob=short)
    for a_begin, a_end, b_begin, b_end, is_random in rows(pairs):
        assert {a_begin, a_end, b_begin, b_end} <= borders
        assert a_begin < a_end and b_begin < b_end
        document_a, document_b = np.searchsorted(ends, [a_begin, b_begin], side="right")
        assert np.searchsorted(ends, a_end - 1, side="right") == document_a
        if is_random:
            assert document_a != document_b
        else:
            assert b_begin == a_end and document_a == document_b


@settings(deadline=None)
@given(CORPUS.filter(lambda corpus: len(corpus) > 1), st.integers(0, 10_000))
def test_every_sentence_is_used_when_partners_are_there(corpus, seed):
    pairs, maker = make(corpus, seed=seed)
    covered = np.zeros(sum(map(sum, corpus)), bool)
    for a_begin, a_end, b_begin, b_end, is_random in rows(pairs):
        covered[a_begin:a_end] = True
        if not is_random:
            covered[b_begin:b_end] = True
    assert covered.all()
    assert maker.without_partner == 0


def test_documents_of_equal_text_are_no_random_partners():
    documents = [[4, 4, 4], [4, 4, 4], [9]]
    pairs, _ = make(documents, ids=[b"same", b"same", b"other"], dupe_factor=50)
    of_the_twins = [row for row in rows(pairs) if row[0] < 24 and row[4]]
    assert of_the_twins
    assert {row[2] for row in of_the_twins} == {24}


def test_half_of_the_pairs_of_long_documents_are_random():
    pairs, _ = make([[5] * 400, [5] * 400], dupe_factor=10)
    assert len(pairs) > 2_000
    assert abs(pairs.is_random_next.mean() - 0.5) < chance(len(pairs), 0.5)


def test_short_sequences_make_more_and_shorter_pairs():
    long, _ = make([[2] * 500, [2] * 500])
    short, _ = make([[2] * 500, [2] * 500], short_seq_prob=1.0, seed=3)
    assert len(short) > len(long)


def test_each_copy_is_paired_anew():
    pairs, _ = make([[5] * 40, [5] * 40], dupe_factor=2)
    per_copy = [row for row in rows(pairs) if row[0] < 200]
    assert len(set(per_copy)) > len(per_copy) / 2 + 2


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_pairs(seed):
    documents = [[3, 9, 4], [8, 2], [5]]
    assert rows(make(documents, seed=seed)[0]) == rows(make(documents, seed=seed)[0])


def test_sentence_order_swaps_half_of_the_true_pairs():
    pairs, maker = make([[5] * 400, [5] * 400], dupe_factor=10, sentence_order=True)
    swapped = pairs.is_random_next == 1
    assert len(pairs) > 1_500
    assert abs(swapped.mean() - 0.5) < chance(len(pairs), 0.5)
    assert (pairs.b_begin == pairs.a_end)[~swapped].all()
    assert (pairs.a_begin == pairs.b_end)[swapped].all()
    assert maker.without_partner == 0


def test_sentence_order_makes_no_pair_of_one_sentence():
    pairs, maker = make([[5], [7]], sentence_order=True)
    assert (len(pairs), maker.without_partner) == (0, 2)


@pytest.mark.parametrize("sentence_order", [False, True])
def test_no_documents_make_no_pairs(sentence_order):
    assert len(make([], sentence_order=sentence_order)[0]) == 0


def first_segments(documents, ids, *, num_borrowed=0, **more):
    """Of all pairs of the document "the": where A begins and ends in it, and the label."""
    pairs, _ = make(documents, ids=ids, num_borrowed=num_borrowed, dupe_factor=3, **more)
    index = ids.index(b"the")
    begin = sum(map(sum, documents[:index]))
    end = begin + sum(documents[index])
    return [
        (a - begin, a_end - begin, label)
        for a, a_end, _, _, label in rows(pairs)
        if begin <= a < end
    ]


@settings(deadline=None)
@given(CORPUS, CORPUS, st.lists(st.integers(1, 30), min_size=1, max_size=9), st.integers(0, 99))
def test_a_document_makes_the_same_pairs_in_every_company(before, others, document, seed):
    alone = first_segments([document, [5]], [b"the", b"other"], seed=seed, short_seq_prob=0.5)
    ids = [b"b%d" % n for n in range(len(before))] + [b"the"]
    ids += [b"c%d" % n for n in range(len(others))]
    among = {"documents": [*before, document, *others], "ids": ids, "seed": seed}
    assert first_segments(**among, short_seq_prob=0.5) == alone
    assert first_segments(**among, short_seq_prob=0.5, num_borrowed=len(others)) == alone


def test_borrowed_documents_lend_segments_and_make_no_pairs():
    pairs, maker = make([[5] * 40, [6] * 40], num_borrowed=1, dupe_factor=5)
    assert pairs.a_end.max() <= 200
    random = pairs.is_random_next == 1
    assert random.any()
    assert (pairs.b_begin >= 200).tolist() == random.tolist()
    assert maker.without_partner == 0


def test_copies_of_a_document_are_paired_as_further_copies():
    twins = make([[5] * 40] * 2, ids=[b"same", b"same"], dupe_factor=1, seed=4)[0]
    once = make([[5] * 40], ids=[b"same"], dupe_factor=2, seed=4)[0]
    in_document = {(a % 200, (a_end - 1) % 200) for a, a_end, *_ in rows(twins)}
    assert in_document == {(a, a_end - 1) for a, a_end, *_ in rows(once)}
