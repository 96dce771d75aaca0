"""One block of documents to one shard of records, or to one for each length of records."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import random
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import numpy as np

from data_prep.examples import rng as random_words
from data_prep.examples import sentence_packing, sentence_pairs, token_blocks
from data_prep.examples.example_arrays import SequenceBuilder
from data_prep.examples.masking import MaskingRules
from data_prep.examples.rng import RandomWords
from data_prep.examples.sentence_pairs import PairMaker, SegmentPairs
from data_prep.examples.tfrecord_encoding import encode_tfrecords
from data_prep.examples.token_blocks import TokenBlock
from data_prep.settings import PreparationSettings
from data_prep.tokenizer.basic_tokenizer import is_ideograph
from data_prep.wordpiece import WordpieceTokenizer

SEQUENCES_PER_STEP = 2_048
_GZIP_LEVEL = 1


def write_shards(
    block: TokenBlock,
    streams: Sequence[BinaryIO],
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
        streams: where TFRecords go, one for each of the settings' `lengths`.
        block_key: "train-00003" or "heldout-00000".
        settings: of the whole folder. Held-out documents are used once, not `dupe_factor` times.
        tokenizer: for the special ids; nothing is tokenized here.
        on_progress: called with sequences written and sequences in all.

    Returns:
        What the manifest has to know: counts, `length_histogram`, and of every shard
        `max_seq_length`, `sequences` and `sha256`.
    """
    read = len(block.document_ids)
    if settings.dedup == "exact":
        block = token_blocks.without_duplicates(block)
    words = RandomWords(random_words.seed_of(settings.random_seed, block_key, "masks"))
    if settings.objective == "mlm":
        ids, pairs, without_partner = _packed(block, settings, block_key, tokenizer)
    else:
        ids, pairs, without_partner = _paired(block, settings, block_key, words)
    pairs = pairs.take(words.permutation(len(pairs)))
    lengths = _lengths(pairs, settings)
    predictions = sequences = 0
    shards = []
    bins = _by_length(lengths, settings)
    for stream, length, chosen in zip(streams, settings.lengths, bins, strict=True):
        builder = _sequence_builder(settings, tokenizer, length)
        hashed = _HashedStream(stream)
        with _compressed(hashed, settings.compression) as target:
            for begin in range(0, len(chosen), SEQUENCES_PER_STEP):
                step = pairs.take(chosen[begin : begin + SEQUENCES_PER_STEP])
                features = builder.build(ids, step, words)
                target.write(encode_tfrecords(features))
                if "masked_lm_weights" in features:
                    predictions += int(features["masked_lm_weights"].sum())
                sequences += len(step)
                on_progress(sequences, len(pairs))
        shards.append({"max_seq_length": length, "sequences": len(chosen), **hashed.summary()})
    return {
        "documents": len(block.document_ids),
        "documents_duplicate": read - len(block.document_ids),
        "documents_without_text": int(np.count_nonzero(block.sentence_counts == 0)),
        "sentences": len(block.sentence_lengths),
        "tokens": len(block.ids),
        **_token_counts(block.ids, tokenizer, settings),
        "sequences": len(pairs),
        "random_next": int(pairs.is_random_next.sum()),
        "pairs_without_partner": without_partner,
        "bytes_out": sum(shard["bytes_out"] for shard in shards),
        "shards": shards,
        "predictions": predictions,
        "sequence_tokens": int(lengths.sum()),
        "length_histogram": np.bincount(lengths, minlength=settings.max_seq_length + 1).tolist(),
    }


def _token_counts(
    ids: np.ndarray, tokenizer: WordpieceTokenizer, settings: PreparationSettings
) -> dict[str, int]:
    """Counts unknown tokens and, where words matter, ideographs and those that continue a word."""
    if not settings.marks_words:
        unknown = int(np.count_nonzero(ids == tokenizer.unk_id))
        return {"unknown_tokens": unknown, "ideographs": 0, "ideographs_in_words": 0}
    size = len(tokenizer.vocab)
    plain, marked = np.bincount(ids, minlength=2 * size).reshape(2, size)
    ideographs = [index for index, entry in enumerate(tokenizer.vocab) if is_ideograph(entry)]
    return {
        "unknown_tokens": int(plain[tokenizer.unk_id] + marked[tokenizer.unk_id]),
        "ideographs": int((plain + marked)[ideographs].sum()),
        "ideographs_in_words": int(marked[ideographs].sum()),
    }


def _lengths(pairs: SegmentPairs, settings: PreparationSettings) -> np.ndarray:
    """Returns int64 [num_pairs], the tokens of their records, special ones included."""
    special = 2 if settings.objective == "mlm" else 3
    return pairs.a_end - pairs.a_begin + pairs.b_end - pairs.b_begin + special


def _by_length(lengths: np.ndarray, settings: PreparationSettings) -> list[np.ndarray]:
    """Returns for every length of records the places of the pairs that go there, in order."""
    length_bin = np.searchsorted(settings.lengths, lengths)
    return [np.flatnonzero(length_bin == place) for place in range(len(settings.lengths))]


def _dupe_factor(settings: PreparationSettings, block_key: str) -> int:
    return settings.dupe_factor if block_key.startswith("train") else 1


def _paired(
    block: TokenBlock, settings: PreparationSettings, block_key: str, words: RandomWords
) -> tuple[np.ndarray, SegmentPairs, int]:
    """Returns the tokens, the pairs as places in them, and how many pairs lacked a partner."""
    maker = _pair_maker(block, settings, block_key)
    pairs = maker.pairs_of_all(_dupe_factor(settings, block_key))
    max_tokens = settings.max_seq_length - sentence_pairs.SPECIAL_TOKENS_PER_PAIR
    pairs = sentence_pairs.truncate_pairs(pairs, max_tokens, words)
    return block.ids, pairs, maker.without_partner


def _packed(
    block: TokenBlock, settings: PreparationSettings, block_key: str, tokenizer: WordpieceTokenizer
) -> tuple[np.ndarray, SegmentPairs, int]:
    ids, sentence_ends = sentence_packing.with_separators(block, tokenizer.sep_id)
    seed = random_words.seed_of(settings.random_seed, block_key, "packs")
    packs = sentence_packing.pack_sentences(
        sentence_ends,
        is_separator=ids == tokenizer.sep_id,
        max_tokens=settings.max_seq_length - sentence_packing.SPECIAL_TOKENS_PER_PACK,
        short_seq_prob=settings.short_seq_prob,
        dupe_factor=_dupe_factor(settings, block_key),
        rng=random.Random(seed),
    )
    return ids, packs, 0


def _pair_maker(block: TokenBlock, settings: PreparationSettings, block_key: str) -> PairMaker:
    has_text = block.sentence_counts > 0
    return PairMaker(
        sentence_ends=np.cumsum(block.sentence_lengths),
        document_ends=np.cumsum(block.sentence_counts[has_text]),
        text_ids=[each for each, ok in zip(block.document_ids, has_text, strict=True) if ok],
        max_seq_length=settings.max_seq_length,
        short_seq_prob=settings.short_seq_prob,
        words=RandomWords(random_words.seed_of(settings.random_seed, block_key, "pairs")),
        sentence_order=settings.objective == "mlm_sop",
    )


def _sequence_builder(
    settings: PreparationSettings, tokenizer: WordpieceTokenizer, max_seq_length: int
) -> SequenceBuilder:
    return SequenceBuilder(
        max_seq_length=max_seq_length,
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
            max_ngram=settings.max_ngram,
        ),
        is_single=settings.objective == "mlm",
        is_masked=settings.masking == "static",
    )


class _HashedStream:
    """Passes bytes on, hashing and counting them."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> int:
        self.sha256.update(content)
        self.size += len(content)
        return self._stream.write(content)

    def flush(self) -> None:
        self._stream.flush()

    def summary(self) -> dict[str, Any]:
        return {"sha256": self.sha256.hexdigest(), "bytes_out": self.size}


def _compressed(stream: Any, compression: str) -> contextlib.AbstractContextManager[Any]:
    if compression == "none":
        return contextlib.nullcontext(stream)
    # Without name and time, so that equal records are equal bytes.
    return gzip.GzipFile("", "wb", _GZIP_LEVEL, stream, mtime=0)
