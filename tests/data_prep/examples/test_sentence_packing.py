import random

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_prep.examples.sentence_packing import pack_sentences, with_separators
from data_prep.examples.token_blocks import TokenBlock

SEP = 3


def block(documents):
    """`documents`: lists of sentence lengths; the tokens are 10, 11, 12 and so on."""
    lengths = [length for document in documents for length in document]
    return TokenBlock(
        [b"%016d" % place for place in range(len(documents))],
        np.array([len(document) for document in documents], np.int64),
        np.array(lengths, np.int64),
        np.arange(10, 10 + sum(lengths), dtype=np.uint16),
    )


def pack(documents, *, max_tokens=8, seed=0, dupe_factor=1, short_seq_prob=0.0):
    ids, ends = with_separators(block(documents), SEP)
    packs = pack_sentences(
        ends,
        is_separator=ids == SEP,
        max_tokens=max_tokens,
        short_seq_prob=short_seq_prob,
        dupe_factor=dupe_factor,
        rng=random.Random(seed),
    )
    return ids, list(zip(packs.a_begin.tolist(), packs.a_end.tolist(), strict=True)), packs


def test_a_separator_follows_every_document_and_none_an_empty_one():
    ids, ends = with_separators(block([[2, 1], [], [3]]), SEP)
    assert ids.tolist() == [10, 11, 12, SEP, 13, 14, 15, SEP]
    assert ids.dtype == np.uint16
    assert ends == [2, 4, 8]


CORPUS = st.lists(st.lists(st.integers(1, 12), max_size=6), max_size=6)


@settings(deadline=None)
@example([[8], [1]], 0, 0.0)  # the [SEP] of a sentence that fills its record opened the next
@given(CORPUS, st.integers(0, 1_000), st.sampled_from([0.0, 0.5]))
def test_every_token_is_packed_once_in_order_within_the_limit(documents, seed, short):
    ids, packs, pairs = pack(documents, seed=seed, short_seq_prob=short)
    packed = np.concatenate([ids[begin:end] for begin, end in packs]) if packs else ids[:0]
    assert packed[packed != SEP].tolist() == ids[ids != SEP].tolist()
    assert all(0 < end - begin <= 8 for begin, end in packs)
    assert not any(ids[end - 1] == SEP or ids[begin] == SEP for begin, end in packs)
    assert (pairs.b_begin == pairs.b_end).all()


def test_packs_end_between_sentences_and_take_all_that_fit():
    _, packs, _ = pack([[3, 3, 3, 3, 3, 3, 3]], max_tokens=8)
    # After the first pack, of random length, two sentences of three tokens fit into eight.
    assert {end - begin for begin, end in packs[1:-1]} == {6}
    assert all(begin % 3 == 0 for begin, _ in packs)


def test_packs_go_on_over_the_ends_of_documents():
    ids, packs, _ = pack([[1], [1], [1], [1], [1], [1]], max_tokens=5)
    assert any(SEP in ids[begin:end] for begin, end in packs)


def test_copies_are_packed_at_other_places():
    _, packs, _ = pack([[2] * 40], dupe_factor=4)
    begins = [begin for begin, _ in packs]
    copies = np.split(begins, [i for i, begin in enumerate(begins) if begin == 0 and i])
    assert len({tuple(copy.tolist()) for copy in copies}) > 1
