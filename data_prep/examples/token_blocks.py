"""Tokenized documents as they travel: packed, compressed, merged into the block of one shard.

Token ids of two bytes, compressed, take about a quarter of the text they stand for; that is what
lets a local run shuffle a corpus larger than its memory could hold as records.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

_HEADER = struct.Struct("<QQQB")
_COMPRESSION_LEVEL = 1
_ID_BYTES = 16
_COUNT_BYTES = 4


# Its id, 16 bytes; the tokens of each sentence, int64, none of them 0; the ids of all tokens.
TokenDocument = tuple[bytes, np.ndarray, np.ndarray]


@dataclasses.dataclass
class TokenBlock:
    """Documents of token ids.

    Attributes:
        document_ids: 16 bytes for each document.
        sentence_counts: int64 [num_documents].
        sentence_lengths: int64 [num_sentences], tokens of each sentence, none of them 0.
        ids: uint16 or uint32 [num_tokens].
    """

    document_ids: list[bytes]
    sentence_counts: np.ndarray
    sentence_lengths: np.ndarray
    ids: np.ndarray


def id_dtype(num_ids: int) -> type:
    """Returns the smallest unsigned type that holds `num_ids` ids, counted from 0."""
    return np.uint16 if num_ids <= 1 << 16 else np.uint32


def block_of(documents: Sequence[TokenDocument]) -> TokenBlock:
    """Returns the block of these documents, in this order."""
    document_ids, lengths, ids = zip(*documents, strict=True) if documents else ((), (), ())
    return TokenBlock(
        list(document_ids),
        np.array([len(each) for each in lengths], np.int64),
        _joined(lengths, np.int64),
        _joined(ids, ids[0].dtype if ids else np.uint16),
    )


def documents(block: TokenBlock) -> Iterator[TokenDocument]:
    """Yields the documents of a block, in its order."""
    sentence = token = 0
    for document_id, count in zip(block.document_ids, block.sentence_counts, strict=True):
        lengths = block.sentence_lengths[sentence : sentence + count]
        end = token + int(lengths.sum())
        yield document_id, lengths, block.ids[token:end]
        sentence, token = sentence + count, end


def pack(block: TokenBlock) -> bytes:
    """Returns the block as compressed bytes."""
    import zstandard

    header = _HEADER.pack(
        len(block.document_ids),
        len(block.sentence_lengths),
        len(block.ids),
        block.ids.dtype.itemsize,
    )
    content = b"".join(
        (
            header,
            *block.document_ids,
            block.sentence_counts.astype("<u4").tobytes(),
            block.sentence_lengths.astype("<u4").tobytes(),
            block.ids.astype(block.ids.dtype.newbyteorder("<"), copy=False).tobytes(),
        )
    )
    return zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL).compress(content)


def unpack(packed: bytes) -> TokenBlock:
    """Reads what `pack` made."""
    import zstandard

    content = zstandard.ZstdDecompressor().decompress(packed)
    num_documents, sentences, tokens, id_bytes = _HEADER.unpack_from(content)
    document_ids, counts = _ids_and_counts(content, num_documents)
    offset = _HEADER.size + num_documents * (_ID_BYTES + _COUNT_BYTES)
    lengths = np.frombuffer(content, "<u4", sentences, offset).astype(np.int64)
    offset += _COUNT_BYTES * sentences
    return TokenBlock(
        document_ids, counts, lengths, np.frombuffer(content, f"<u{id_bytes}", tokens, offset)
    )


def text_ids(packed: bytes) -> set[bytes]:
    """Returns the ids of those documents of a packed block that hold text.

    Only the beginning, where they stand, is decompressed.
    """
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
        header = stream.read(_HEADER.size)
        num_documents = _HEADER.unpack(header)[0]
        content = header + stream.read(num_documents * (_ID_BYTES + _COUNT_BYTES))
    document_ids, counts = _ids_and_counts(content, num_documents)
    return {each for each, count in zip(document_ids, counts.tolist(), strict=True) if count}


def _ids_and_counts(content: bytes, num_documents: int) -> tuple[list[bytes], np.ndarray]:
    end = _HEADER.size + num_documents * _ID_BYTES
    document_ids = [
        content[begin : begin + _ID_BYTES] for begin in range(_HEADER.size, end, _ID_BYTES)
    ]
    return document_ids, np.frombuffer(content, "<u4", num_documents, end).astype(np.int64)


def merge(packed_blocks: Iterable[bytes]) -> TokenBlock:
    """Joins packed blocks into one with its documents in the order of their ids.

    So the order in which workers delivered them leaves no trace; documents of equal id have equal
    text, so their order makes no difference.
    """
    blocks = [unpack(packed) for packed in packed_blocks]
    document_ids = [each for block in blocks for each in block.document_ids]
    counts = _joined([block.sentence_counts for block in blocks], np.int64)
    lengths = _joined([block.sentence_lengths for block in blocks], np.int64)
    dtype = max((block.ids.dtype for block in blocks if len(block.ids)), default=np.dtype("<u2"))
    ids = _joined([block.ids for block in blocks], dtype)
    del blocks
    order = sorted(range(len(document_ids)), key=document_ids.__getitem__)
    sentence_order, sorted_counts = _reorder_runs(counts, order)
    token_order_lengths = lengths[sentence_order]
    tokens_per_document = _sums(lengths, counts)
    return TokenBlock(
        [document_ids[index] for index in order],
        sorted_counts,
        token_order_lengths,
        _take_runs(ids, tokens_per_document, order),
    )


def without_duplicates(block: TokenBlock) -> TokenBlock:
    """Returns the block with one document of each id; equal ids must be neighbours."""
    ids = block.document_ids
    return take(
        block, [index for index in range(len(ids)) if index == 0 or ids[index] != ids[index - 1]]
    )


def take(block: TokenBlock, indices: Sequence[int]) -> TokenBlock:
    """Returns the block of the documents at these increasing indices."""
    if len(indices) == len(block.document_ids):
        return block
    sentence_order, counts = _reorder_runs(block.sentence_counts, indices)
    tokens_per_document = _sums(block.sentence_lengths, block.sentence_counts)
    return TokenBlock(
        [block.document_ids[index] for index in indices],
        counts,
        block.sentence_lengths[sentence_order],
        _take_runs(block.ids, tokens_per_document, indices),
    )


def joined(block: TokenBlock, other: TokenBlock) -> TokenBlock:
    """Returns the block of the documents of both, those of `block` first."""
    return TokenBlock(
        block.document_ids + other.document_ids,
        np.concatenate([block.sentence_counts, other.sentence_counts]),
        np.concatenate([block.sentence_lengths, other.sentence_lengths]),
        np.concatenate([block.ids, other.ids]),
    )


def _joined(arrays: Sequence[np.ndarray], dtype: np.dtype | type) -> np.ndarray:
    return np.concatenate(arrays).astype(dtype, copy=False) if arrays else np.zeros(0, dtype)


def _sums(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns the sum of each run of `counts[i]` values."""
    sums = np.concatenate([[0], np.cumsum(values)])
    ends = np.cumsum(counts)
    return sums[ends] - sums[ends - counts]


def _reorder_runs(counts: np.ndarray, order: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the indices of all values, their runs put in `order`, and the run lengths."""
    begins = np.cumsum(counts) - counts
    chosen = np.asarray(order, np.int64)
    sorted_counts = counts[chosen]
    shift = begins[chosen] - (np.cumsum(sorted_counts) - sorted_counts)
    indices = np.arange(int(sorted_counts.sum())) + np.repeat(shift, sorted_counts)
    return indices, sorted_counts


def _take_runs(values: np.ndarray, counts: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Like `values[_reorder_runs(...)[0]]`, without an index as large as the values."""
    ends = np.cumsum(counts)
    return _joined([values[ends[run] - counts[run] : ends[run]] for run in order], values.dtype)
