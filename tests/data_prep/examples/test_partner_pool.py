import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.examples import partner_pool, token_blocks
from data_prep.examples.partner_pool import EXCERPT_TOKENS, POOL_DOCUMENTS, PartnerPool


def document(number, num_sentences=3):
    """A document of sentences of 1, 2, ... tokens, all of them its number."""
    lengths = np.arange(1, num_sentences + 1)
    ids = np.full(int(lengths.sum()), number, np.uint16)
    return hashlib.blake2b(b"%d" % number, digest_size=16).digest(), lengths, ids


def pool_of(documents):
    pool = PartnerPool()
    for each in documents:
        pool.offer(*each)
    return pool


@settings(deadline=None)
@given(st.permutations(range(POOL_DOCUMENTS * 2)), st.integers(1, 5))
def test_the_pool_does_not_depend_on_order_units_or_repetition(order, num_units):
    documents = [document(number) for number in order]
    smallest = sorted(documents, key=lambda each: each[0])[:POOL_DOCUMENTS]
    units = [pool_of(documents[n::num_units] + documents[:3]).pack() for n in range(num_units)]
    packed = partner_pool.merge(units).pack()
    assert packed == pool_of(documents).pack()
    found = list(token_blocks.documents(token_blocks.unpack(packed)))
    assert [each[0] for each in found] == [each[0] for each in smallest]
    for (_, lengths, ids), (_, wanted_lengths, wanted_ids) in zip(found, smallest, strict=True):
        assert (lengths.tolist(), ids.tolist()) == (wanted_lengths.tolist(), wanted_ids.tolist())


def test_documents_without_text_are_not_taken():
    pool = PartnerPool()
    pool.offer(b"0" * 16, np.zeros(0, np.int64), np.zeros(0, np.uint16))
    assert token_blocks.unpack(pool.pack()).document_ids == []


@pytest.mark.parametrize("seed", range(20))
def test_a_long_document_lends_whole_sentences_up_to_the_limit(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 200, 2_000)
    ids = np.arange(int(lengths.sum()), dtype=np.uint32)
    pool = pool_of([(rng.bytes(16), lengths, ids)])
    block = token_blocks.unpack(pool.pack())
    ends = np.cumsum(lengths)
    assert EXCERPT_TOKENS - 200 < len(block.ids) <= EXCERPT_TOKENS
    assert (np.diff(block.ids.astype(np.int64)) == 1).all()
    first = int(np.searchsorted(ends, block.ids[0], side="right"))
    assert block.ids[0] == ends[first] - lengths[first]
    assert (
        block.sentence_lengths.tolist() == lengths[first:][: len(block.sentence_lengths)].tolist()
    )


@pytest.mark.parametrize("lengths", [[EXCERPT_TOKENS * 3], [5, EXCERPT_TOKENS * 3, 5]])
def test_a_sentence_longer_than_an_excerpt_is_cut(lengths):
    ids = np.zeros(sum(lengths), np.uint16)
    block = token_blocks.unpack(pool_of([(b"\7" * 16, np.array(lengths), ids)]).pack())
    assert block.sentence_lengths.max() == EXCERPT_TOKENS
    assert block.sentence_lengths.sum() == len(block.ids) <= EXCERPT_TOKENS


def packed_blocks(*numbers):
    return [token_blocks.pack(token_blocks.block_of([document(number)])) for number in numbers]


def test_a_block_is_small_by_its_texts_not_by_its_documents():
    limit = partner_pool.SMALL_BLOCK_TEXTS
    assert not partner_pool.is_small(packed_blocks(*range(limit)))
    assert partner_pool.is_small(packed_blocks(*range(limit - 1), *[0] * limit))
    assert not partner_pool.is_small([])


def test_a_block_does_not_borrow_what_it_holds():
    pool = token_blocks.block_of([document(number) for number in range(4)])
    block = token_blocks.block_of([document(2), document(9)])
    lent = partner_pool.borrowed(pool, block)
    assert lent.document_ids == [document(number)[0] for number in (0, 1, 3)]
    assert sorted(set(lent.ids.tolist())) == [0, 1, 3]
