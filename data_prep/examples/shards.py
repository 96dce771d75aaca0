"""One block of documents to one shard of records, or to one for each length of records."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import numpy as np

from data_prep.examples import partner_pool, segment_pairs, sentence_packing, token_blocks
from data_prep.examples.example_arrays import SequenceBuilder
from data_prep.examples.hashed_stream import HashedStream, compressed
from data_prep.examples.rng import RandomStream, seed_of
from data_prep.examples.segment_pairs import SegmentPairs
from data_prep.examples.sentence_pairs import PairMaker
from data_prep.examples.span_corruption import SpanCorruption, record_lengths
from data_prep.examples.tfrecord_encoding import encode_tfrecords
from data_prep.examples.token_blocks import TokenBlock
from data_prep.masking_rules import MaskingRules
from data_prep.settings import PreparationSettings
from data_prep.tokenizer.basic_tokenizer import is_ideograph
from data_prep.wordpiece import WordpieceTokenizer

SEQUENCES_PER_STEP = 2_048
_SPAN_CORRUPTION = "span_corruption"
_SINGLE = ("mlm", _SPAN_CORRUPTION)  # objectives whose records hold one segment


def write_shards(
    block: TokenBlock,
    streams: Sequence[BinaryIO],
    *,
    block_key: str,
    settings: PreparationSettings,
    tokenizer: WordpieceTokenizer,
    pool: TokenBlock | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Pairs, masks, shuffles and writes the documents of one block.

    How many records a document makes and with which labels is a function of the seed and the
    document; every other choice, of the seed, the block's name and its documents too.

    Args:
        block: documents in the order of their ids.
        streams: where TFRecords go, one for each of the settings' `lengths`.
        block_key: "train-00003" or "heldout-00000".
        settings: of the whole folder. Held-out documents are used once, not `dupe_factor` times.
        tokenizer: for the special ids; nothing is tokenized here.
        pool: documents to borrow random next sentences from; those that are in the block, too, are
            passed over.
        on_progress: called with sequences written and sequences in all.

    Returns:
        What the manifest has to know: counts, `length_histogram`, and of every shard
        `max_seq_length`, `sequences` and `sha256`; of span corruption also `text_tokens`,
        `target_length` and `num_sentinels`.
    """
    read = len(block.document_ids)
    if settings.dedup == "exact":
        block = token_blocks.without_duplicates(block)
    rng = RandomStream(seed_of(settings.random_seed, block_key, "masks"))
    if settings.objective in _SINGLE:
        ids, pairs, without_partner = _packed(block, settings, block_key, tokenizer)
    else:
        ids, pairs, without_partner = _paired(block, pool, settings, block_key, rng)
    pairs = pairs.take(rng.permutation(len(pairs)))
    lengths, of_spans = _lengths(pairs, settings, tokenizer)
    predictions = sequences = 0
    shards = []
    bins = _by_length(lengths, settings)
    for stream, length, chosen in zip(streams, settings.lengths, bins, strict=True):
        builder = _sequence_builder(settings, tokenizer, length)
        hashed = HashedStream(stream)
        with compressed(hashed, settings.compression) as target:
            for begin in range(0, len(chosen), SEQUENCES_PER_STEP):
                step = pairs.take(chosen[begin : begin + SEQUENCES_PER_STEP])
                features = builder.build(ids, step, rng)
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
        **of_spans,
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


def _lengths(
    pairs: SegmentPairs, settings: PreparationSettings, tokenizer: WordpieceTokenizer
) -> tuple[np.ndarray, dict[str, int]]:
    """Returns int64 [num_pairs], the tokens of their records, and what spans add to the counts."""
    text = pairs.a_end - pairs.a_begin + pairs.b_end - pairs.b_begin
    if settings.objective == _SPAN_CORRUPTION:
        lengths, replaced = record_lengths(text, settings.masked_lm_prob)
        longest = _sequence_builder(settings, tokenizer, settings.max_seq_length)
        return lengths, {
            "predictions": int(replaced.sum()),
            "text_tokens": int(text.sum()),
            "target_length": longest.max_target_length,
            "num_sentinels": longest.num_sentinels,
        }
    if settings.objective in _SINGLE:
        return text + sentence_packing.SPECIAL_TOKENS_PER_PACK, {}
    return text + segment_pairs.SPECIAL_TOKENS_PER_PAIR, {}


def _by_length(lengths: np.ndarray, settings: PreparationSettings) -> list[np.ndarray]:
    """Returns for every length of records the indices of the pairs that go there, in order."""
    length_bin = np.searchsorted(settings.lengths, lengths)
    return [np.flatnonzero(length_bin == index) for index in range(len(settings.lengths))]


def _dupe_factor(settings: PreparationSettings, block_key: str) -> int:
    return settings.dupe_factor if block_key.startswith("train") else 1


def _paired(
    block: TokenBlock,
    pool: TokenBlock | None,
    settings: PreparationSettings,
    block_key: str,
    rng: RandomStream,
) -> tuple[np.ndarray, SegmentPairs, int]:
    """Returns the tokens, the pairs as offsets into them, and how many pairs lacked a partner."""
    own = token_blocks.take(block, np.flatnonzero(block.sentence_counts).tolist())
    borrowed = 0
    if pool is not None:
        lent = partner_pool.borrowed(pool, own)
        own, borrowed = token_blocks.joined(own, lent), len(lent.document_ids)
    maker = PairMaker(
        sentence_ends=np.cumsum(own.sentence_lengths),
        document_ends=np.cumsum(own.sentence_counts),
        text_ids=own.document_ids,
        max_seq_length=settings.max_seq_length,
        short_seq_prob=settings.short_seq_prob,
        # Not of the block, so that a document makes the same pairs in any.
        seed=seed_of(settings.random_seed, "pairs") % 2**64,
        sentence_order=settings.objective == "mlm_sop",
        num_borrowed=borrowed,
    )
    pairs = maker.pairs_of_all(_dupe_factor(settings, block_key))
    max_tokens = settings.max_seq_length - segment_pairs.SPECIAL_TOKENS_PER_PAIR
    pairs = segment_pairs.truncate_pairs(pairs, max_tokens, rng)
    return own.ids, pairs, maker.without_partner


def _packed(
    block: TokenBlock, settings: PreparationSettings, block_key: str, tokenizer: WordpieceTokenizer
) -> tuple[np.ndarray, SegmentPairs, int]:
    ids, sentence_ends = sentence_packing.with_separators(block, tokenizer.sep_id)
    seed = seed_of(settings.random_seed, block_key, "packs")
    packs = sentence_packing.pack_sentences(
        sentence_ends,
        is_separator=ids == tokenizer.sep_id,
        max_tokens=settings.max_seq_length - sentence_packing.SPECIAL_TOKENS_PER_PACK,
        short_seq_prob=settings.short_seq_prob,
        dupe_factor=_dupe_factor(settings, block_key),
        rng=random.Random(seed),
    )
    return ids, packs, 0


def _sequence_builder(
    settings: PreparationSettings, tokenizer: WordpieceTokenizer, max_seq_length: int
) -> SequenceBuilder | SpanCorruption:
    if settings.objective == _SPAN_CORRUPTION:
        return SpanCorruption(
            max_seq_length=max_seq_length,
            max_text_length=settings.max_seq_length - sentence_packing.SPECIAL_TOKENS_PER_PACK,
            pad_id=tokenizer.pad_id,
            sep_id=tokenizer.sep_id,
            vocab_size=len(tokenizer.vocab),
            fraction=settings.masked_lm_prob,
        )
    return SequenceBuilder(
        max_seq_length=max_seq_length,
        pad_id=tokenizer.pad_id,
        is_continuation=tokenizer.is_continuation,
        rules=MaskingRules(
            masked_lm_prob=settings.masked_lm_prob,
            max_predictions_per_seq=settings.max_predictions_per_seq,
            do_whole_word_mask=settings.do_whole_word_mask,
            cls_id=tokenizer.cls_id,
            sep_id=tokenizer.sep_id,
            mask_id=tokenizer.mask_id,
            vocab_size=len(tokenizer.vocab),
            max_ngram=settings.max_ngram,
        ),
        is_single=settings.objective == "mlm",
        is_masked=settings.masking == "static",
    )
