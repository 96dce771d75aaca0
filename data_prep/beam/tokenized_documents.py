"""Documents on their way to their blocks, tokenized many lines at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data_prep.corpus.documents import Document
from data_prep.corpus.sentences import split_sentences
from data_prep.examples import token_blocks
from data_prep.examples.token_blocks import TokenBlock
from data_prep.wordpiece import WordpieceTokenizer

BUCKET_BYTES = 4 << 20


class Buckets:
    """Collects documents until they are worth a call of the tokenizer.

    Args:
        tokenizer: for the sentences.
        mode: "split" lines into sentences, or "given".
    """

    def __init__(self, tokenizer: WordpieceTokenizer, mode: str):
        self._tokenizer = tokenizer
        self._mode = mode
        self._clear()

    def _clear(self) -> None:
        self._size = 0
        self._documents: list[tuple[str, bytes, int]] = []
        self._sentences: list[bytes] = []

    def add(self, key: str, identity: bytes, document: Document) -> None:
        """Adds a document that belongs to block `key`."""
        sentences = split_sentences(document) if self._mode == "split" else document
        self._documents.append((key, identity, len(sentences)))
        self._sentences += sentences
        self._size += sum(map(len, sentences))

    def are_full(self) -> bool:
        """Says whether it is time to `take`."""
        return self._size >= BUCKET_BYTES

    def take(self) -> Iterator[tuple[str, bytes]]:
        """Yields (block, packed documents) for all that was added, then is empty."""
        ids, lengths = self._tokenizer.tokenize(self._sentences)
        ids = ids.astype(token_blocks.id_dtype(self._tokenizer.num_ids))
        by_key: dict[str, list[tuple[bytes, np.ndarray, np.ndarray]]] = {}
        token = sentence = 0
        for key, identity, count in self._documents:
            document_lengths = lengths[sentence : sentence + count]
            end = token + int(document_lengths.sum())
            document_lengths = document_lengths[document_lengths > 0]
            by_key.setdefault(key, []).append((identity, document_lengths, ids[token:end]))
            token, sentence = end, sentence + count
        self._clear()
        for key, documents in by_key.items():
            identities, document_lengths, document_ids = zip(*documents, strict=True)
            yield (
                key,
                token_blocks.pack(
                    TokenBlock(
                        list(identities),
                        np.array([len(each) for each in document_lengths], np.int64),
                        np.concatenate(document_lengths),
                        np.concatenate(document_ids),
                    )
                ),
            )
