import numpy as np
import pytest

from data_prep.examples import token_blocks
from data_prep.examples.token_blocks import (
    TokenBlock,
    id_dtype,
    merge,
    pack,
    unpack,
    without_duplicates,
)


def block(*documents, dtype=np.uint16):
    """`documents`: (id, sentences), a sentence being a list of token ids."""
    sentences = [sentence for _, document in documents for sentence in document]
    return TokenBlock(
        [name.encode().ljust(16) for name, _ in documents],
        np.array([len(document) for _, document in documents], np.int64),
        np.array([len(sentence) for sentence in sentences], np.int64),
        np.array([token for sentence in sentences for token in sentence], dtype),
    )


def contents(a_block):
    return (
        [each.decode().strip() for each in a_block.document_ids],
        a_block.sentence_counts.tolist(),
        a_block.sentence_lengths.tolist(),
        a_block.ids.tolist(),
    )


A = ("a", [[1, 2], [3]])
B = ("b", [[70, 71, 72]])
EMPTY = ("c", [])


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_what_was_packed_unpacks_equal(dtype):
    original = block(B, EMPTY, A, dtype=dtype)
    assert contents(unpack(pack(original))) == contents(original)
    assert unpack(pack(original)).ids.dtype == dtype


@pytest.mark.parametrize(
    "parts", [[[A, B, EMPTY]], [[B, EMPTY], [A]], [[EMPTY], [A], [B]], [[B], [A, EMPTY]]]
)
def test_merged_documents_are_in_the_order_of_their_ids(parts):
    merged = merge(pack(block(*part)) for part in parts)
    assert contents(merged) == (["a", "b", "c"], [2, 1, 0], [2, 1, 3], [1, 2, 3, 70, 71, 72])


def test_nothing_merges_to_an_empty_block():
    assert contents(merge([])) == ([], [], [], [])


def test_ids_take_two_bytes_while_the_vocabulary_allows_it():
    assert id_dtype(65_536) == np.uint16
    assert id_dtype(65_537) == np.uint32


def test_of_documents_of_equal_id_one_is_kept():
    ids = [b"a" * 16, b"a" * 16, b"b" * 16, b"c" * 16, b"c" * 16]
    block = TokenBlock(
        ids,
        np.array([1, 1, 2, 0, 0]),
        np.array([2, 2, 1, 3]),
        np.array([7, 8, 7, 8, 9, 4, 5, 6], np.uint16),
    )
    kept = without_duplicates(block)
    assert kept.document_ids == [b"a" * 16, b"b" * 16, b"c" * 16]
    assert kept.sentence_counts.tolist() == [1, 2, 0]
    assert kept.sentence_lengths.tolist() == [2, 1, 3]
    assert kept.ids.tolist() == [7, 8, 9, 4, 5, 6]


def test_ids_of_documents_with_text_are_read_off_the_packed_block():
    documents = [(b"a" * 16, [1, 2], [7, 8, 9]), (b"b" * 16, [], []), (b"c" * 16, [1], [5])]
    arrays = [(i, np.array(n, np.int64), np.array(t, np.uint16)) for i, n, t in documents]
    block = token_blocks.block_of(arrays)
    assert token_blocks.text_ids(token_blocks.pack(block)) == {b"a" * 16, b"c" * 16}
    found = [(i, n.tolist(), t.tolist()) for i, n, t in token_blocks.documents(block)]
    assert found == documents


def test_no_documents_are_an_empty_block():
    packed = token_blocks.pack(token_blocks.block_of([]))
    assert token_blocks.text_ids(packed) == set()
    assert token_blocks.unpack(packed).document_ids == []
