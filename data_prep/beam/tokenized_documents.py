"""Documents to packed token blocks, one for each block key, tokenized many lines at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from data_prep.corpus.documents import Document
from data_prep.corpus.sentences import split_sentences
from data_prep.examples import token_blocks
from data_prep.wordpiece import WordpieceTokenizer

BATCH_BYTES = 4 << 20

Tokenized = tuple[str, bytes, np.ndarray, np.ndarray]


class DocumentBatch:
    """Collects documents until there is enough text for a call of the tokenizer.

    Args:
        tokenizer: for the sentences.
        mode: "split" lines into sentences, or "given".
        on_document: is called with every tokenized document: block key, document id, lengths of the
            sentences that hold text, int64 [num_sentences], and token ids [num_tokens].
    """

    def __init__(
        self,
        tokenizer: WordpieceTokenizer,
        mode: str,
        on_document: Callable[[str, bytes, np.ndarray, np.ndarray], None] = lambda *document: None,
    ):
        self._tokenizer = tokenizer
        self._mode = mode
        self._on_document = on_document
        self._clear()

    def _clear(self) -> None:
        self._size = 0
        self._documents: list[tuple[str, bytes, int]] = []
        self._sentences: list[bytes] = []

    def add(self, key: str, document_id: bytes, document: Document) -> None:
        """Adds a document that belongs to block `key`."""
        sentences = split_sentences(document) if self._mode == "split" else document
        self._documents.append((key, document_id, len(sentences)))
        self._sentences += sentences
        self._size += sum(map(len, sentences))

    def is_full(self) -> bool:
        """Says whether it is time to `tokenize`."""
        return self._size >= BATCH_BYTES

    def tokenize(self) -> Iterator[tuple[str, bytes]]:
        """Yields (block key, packed documents) for all that was added; the batch is empty then."""
        by_key: dict[str, list[tuple[bytes, np.ndarray, np.ndarray]]] = {}
        for key, document_id, lengths, ids in self._tokenized():
            self._on_document(key, document_id, lengths, ids)
            by_key.setdefault(key, []).append((document_id, lengths, ids))
        self._clear()
        for key, documents in by_key.items():
            yield key, token_blocks.pack(token_blocks.block_of(documents))

    def _tokenized(self) -> Iterator[Tokenized]:
        ids, lengths = self._tokenizer.tokenize(self._sentences)
        ids = ids.astype(token_blocks.id_dtype(self._tokenizer.num_ids))
        token = sentence = 0
        for key, document_id, num_sentences in self._documents:
            of_document = lengths[sentence : sentence + num_sentences]
            end = token + int(of_document.sum())
            yield key, document_id, of_document[of_document > 0], ids[token:end]
            token, sentence = end, sentence + num_sentences
