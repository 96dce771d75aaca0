"""One block of documents to one shard of records."""

from __future__ import annotations

import collections
import hashlib
import random
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from data_prep import random_words, sentence_pairs
from data_prep.example_encoding import encode_examples, frame_records
from data_prep.masking import MaskingRules
from data_prep.preparation_settings import PreparationSettings
from data_prep.random_words import RandomWords
from data_prep.sentence_pairs import PairMaker, SegmentPairs
from data_prep.sequences import SequenceBuilder
from data_prep.token_blocks import TokenBlock
from data_prep.wordpiece import WordpieceTokenizer

SEQUENCES_PER_STEP = 2_048


def write_shard(
    block: TokenBlock,
    stream: BinaryIO,
    *,
    block_key: str,
    settings: PreparationSettings,
    tokenizer: WordpieceTokenizer,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Pairs, masks, shuffles and writes the documents of one block.

    Every choice is a function of the seed, the block's name and its documents.

    Args:
        block: documents in the order of their ids.
        stream: where TFRecords go.
        block_key: "train-00003" or "heldout-00000".
        settings: of the whole folder. Held-out documents are used once, not `dupe_factor` times.
        tokenizer: for the special ids; nothing is tokenized here.
        on_progress: called with sequences written and sequences in all.

    Returns:
        What the manifest has to know: counts, `sha256` and `length_histogram`.
    """
    tokens = len(block.ids)
    unknown = int(np.count_nonzero(block.ids == tokenizer.unk_id))
    documents = len(block.document_ids)
    sentences = len(block.sentence_lengths)
    maker = _pair_maker(block, settings, block_key)
    dupe_factor = settings.dupe_factor if block_key.startswith("train") else 1
    pairs = maker.pairs_of_all(dupe_factor)
    words = RandomWords(random_words.seed_of(settings.random_seed, block_key, "masks"))
    pairs = sentence_pairs.truncate_pairs(
        pairs, settings.max_seq_length - sentence_pairs.SPECIAL_TOKENS_PER_PAIR, words
    )
    pairs = pairs.take(words.permutation(len(pairs)))
    writer = _ShardWriter(stream, _sequence_builder(settings, tokenizer))
    for begin in range(0, len(pairs), SEQUENCES_PER_STEP):
        step = slice(begin, begin + SEQUENCES_PER_STEP)
        writer.write(block.ids, pairs.take(step), words)
        on_progress(min(begin + SEQUENCES_PER_STEP, len(pairs)), len(pairs))
    return {
        "documents": documents,
        "documents_without_text": int(np.count_nonzero(block.sentence_counts == 0)),
        "sentences": sentences,
        "tokens": tokens,
        "unknown_tokens": unknown,
        "sequences": len(pairs),
        "random_next": int(pairs.is_random_next.sum()),
        "pairs_without_partner": maker.without_partner,
        **writer.summary(),
    }


def _pair_maker(block: TokenBlock, settings: PreparationSettings, block_key: str) -> PairMaker:
    has_text = block.sentence_counts > 0
    return PairMaker(
        sentence_ends=np.cumsum(block.sentence_lengths).tolist(),
        document_ends=np.cumsum(block.sentence_counts[has_text]).tolist(),
        text_ids=[each for each, ok in zip(block.document_ids, has_text, strict=True) if ok],
        max_seq_length=settings.max_seq_length,
        short_seq_prob=settings.short_seq_prob,
        rng=random.Random(random_words.seed_of(settings.random_seed, block_key, "pairs")),
    )


def _sequence_builder(
    settings: PreparationSettings, tokenizer: WordpieceTokenizer
) -> SequenceBuilder:
    return SequenceBuilder(
        max_seq_length=settings.max_seq_length,
        pad_id=tokenizer.pad_id,
        cls_id=tokenizer.cls_id,
        sep_id=tokenizer.sep_id,
        is_continuation=tokenizer.is_continuation,
        rules=MaskingRules(
            masked_lm_prob=settings.masked_lm_prob,
            max_predictions_per_seq=settings.max_predictions_per_seq,
            do_whole_word_mask=settings.do_whole_word_mask,
            mask_id=tokenizer.mask_id,
            vocab_size=len(tokenizer.vocab),
        ),
    )


class _ShardWriter:
    """Writes records and keeps count of what was written."""

    def __init__(self, stream: BinaryIO, builder: SequenceBuilder):
        self._stream = stream
        self._builder = builder
        self._sha256 = hashlib.sha256()
        self._lengths = np.zeros(builder.max_seq_length + 1, np.int64)
        self._counts: collections.Counter[str] = collections.Counter()

    def write(self, ids: np.ndarray, pairs: SegmentPairs, words: RandomWords) -> None:
        features = self._builder.build(ids, pairs, words)
        framed = frame_records(*encode_examples(features))
        self._stream.write(framed)
        self._sha256.update(framed)
        lengths = np.count_nonzero(features["input_mask"], axis=1)
        self._lengths += np.bincount(lengths, minlength=len(self._lengths))
        self._counts["predictions"] += int(features["masked_lm_weights"].sum())
        self._counts["sequence_tokens"] += int(lengths.sum())
        self._counts["bytes_out"] += len(framed)

    def summary(self) -> dict[str, Any]:
        names = ("predictions", "sequence_tokens", "bytes_out")
        return {
            **{name: self._counts[name] for name in names},
            "sha256": self._sha256.hexdigest(),
            "length_histogram": self._lengths.tolist(),
        }
