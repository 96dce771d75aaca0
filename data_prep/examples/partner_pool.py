"""Documents of the whole corpus to the few that lend random next sentences to every small block.

A block of few documents would take all its random segments from these few, and a block of one would
have none. Such a block borrows: besides its own documents, those of the pool are partners too.

The pool of a split holds the documents with the smallest ids, which are hashes of their text: a
sample that does not depend on the order in which documents come, because the smallest of several
pools are the smallest of all. Of a long document it holds an excerpt, so that its size is bounded.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import numpy as np

from data_prep.examples import token_blocks
from data_prep.examples.token_blocks import TokenBlock
from data_prep.settings import PreparationSettings

SMALL_BLOCK_TEXTS = 32  # a block of fewer borrows
POOL_DOCUMENTS = 32
EXCERPT_TOKENS = 1 << 15  # with all documents of the pool, 2 MiB of ids


class PartnerPool:
    """Collects the documents of one split with the smallest ids."""

    def __init__(self):
        self._texts: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
        self._heap: list[tuple[int, bytes]] = []  # of the ids, negated: the largest comes first

    def wants(self, document_id: bytes) -> bool:
        """Says whether the document belongs to the pool, as far as is known by now."""
        if document_id in self._texts:
            return False
        return len(self._texts) < POOL_DOCUMENTS or document_id < self._heap[0][1]

    def offer(self, document_id: bytes, sentence_lengths: np.ndarray, ids: np.ndarray) -> None:
        """Takes the document, or an excerpt of it, if the pool wants it and it holds text.

        Args:
            document_id: 16 bytes.
            sentence_lengths: int64 [num_sentences], none of them 0.
            ids: [num_tokens].
        """
        if not len(ids) or not self.wants(document_id):
            return
        if len(self._texts) == POOL_DOCUMENTS:
            del self._texts[heapq.heappop(self._heap)[1]]
        self._texts[document_id] = _excerpt(document_id, sentence_lengths, ids)
        heapq.heappush(self._heap, (-int.from_bytes(document_id, "big"), document_id))

    def pack(self) -> bytes:
        """Returns the documents as a packed block, in the order of their ids."""
        documents = [(each, *self._texts[each]) for each in sorted(self._texts)]
        return token_blocks.pack(token_blocks.block_of(documents))


class PartnerPools:
    """The pools of several splits; a document goes to that of its block.

    Args:
        splits: "train", "heldout", both or none. Documents of other splits are passed over.
    """

    def __init__(self, splits: Iterable[str]):
        self._pools = {split: PartnerPool() for split in splits}

    def wants(self, block_key: str, document_id: bytes) -> bool:
        """Says whether the document belongs to a pool, as far as is known by now."""
        pool = self._pools.get(split_of(block_key))
        return pool is not None and pool.wants(document_id)

    def offer(
        self, block_key: str, document_id: bytes, sentence_lengths: np.ndarray, ids: np.ndarray
    ) -> None:
        """Offers a document; see `PartnerPool.offer`."""
        if pool := self._pools.get(split_of(block_key)):
            pool.offer(document_id, sentence_lengths, ids)

    def pack(self) -> Iterator[tuple[str, bytes]]:
        """Yields the splits with their packed pools."""
        for split, pool in self._pools.items():
            yield split, pool.pack()


def split_of(block_key: str) -> str:
    """Returns "train" for "train-00003"."""
    return block_key.partition("-")[0]


def merge(packed_pools: Iterable[bytes]) -> PartnerPool:
    """Returns the pool of all documents of several packed ones."""
    pool = PartnerPool()
    for packed in packed_pools:
        for document in token_blocks.documents(token_blocks.unpack(packed)):
            pool.offer(*document)
    return pool


def is_small(packed_blocks: Iterable[bytes]) -> bool:
    """Says whether the blocks hold text, but too few texts to be partners of each other."""
    texts: set[bytes] = set()
    for packed in packed_blocks:
        texts.update(token_blocks.text_ids(packed))
        if len(texts) >= SMALL_BLOCK_TEXTS:
            return False
    return bool(texts)


def splits_with_pool(settings: PreparationSettings) -> list[str]:
    """Returns the splits that have a pool: those with documents, where segments may be random."""
    if settings.objective != "mlm_nsp":
        return []
    return [split for split in ("train", "heldout") if settings.shards_of(split)]


def borrowed(pool: TokenBlock, block: TokenBlock) -> TokenBlock:
    """Returns the documents of the pool that the block does not hold itself."""
    own = set(block.document_ids)
    return token_blocks.take(
        pool, [index for index, each in enumerate(pool.document_ids) if each not in own]
    )


def _excerpt(
    document_id: bytes, sentence_lengths: np.ndarray, ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns lengths and ids of the sentences from one on that the id chooses."""
    if len(ids) <= EXCERPT_TOKENS:
        return sentence_lengths, ids.copy()
    ends = np.cumsum(sentence_lengths)
    offset = int.from_bytes(document_id[8:], "little") % (len(ids) - EXCERPT_TOKENS + 1)
    first = int(np.searchsorted(ends, offset, side="right"))
    begin = int(ends[first] - sentence_lengths[first])
    last = max(first + 1, int(np.searchsorted(ends, begin + EXCERPT_TOKENS, side="right")))
    # A single sentence may be longer than an excerpt.
    lengths = np.minimum(sentence_lengths[first:last], EXCERPT_TOKENS)
    return lengths, ids[begin : begin + int(lengths.sum())].copy()
