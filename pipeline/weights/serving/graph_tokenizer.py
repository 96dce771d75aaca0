"""BERT's tokenizer as operations of a graph: strings to ids, for a model that is served.

The rules of google-research/bert (`data_prep.wordpiece`) are written with RE2 and ICU, which know
characters by other tables of Unicode than Python; `compare_ids` says where ids differ.

Source: google-research/bert, tokenization.py, `BasicTokenizer`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from data_prep.wordpiece import SPECIAL_TOKENS, WordpieceTokenizer

_IDEOGRAPHS = (
    r"\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}\x{f900}-\x{faff}\x{20000}-\x{2a6df}\x{2a700}-\x{2b73f}"
    r"\x{2b740}-\x{2b81f}\x{2b820}-\x{2ceaf}\x{2f800}-\x{2fa1f}"
)
_WHITE_SPACE = r"[\t\n\r\p{Z}]"
_DROPPED = r"[\p{Cc}\p{Cf}\x{fffd}]"
_MARK = r"[!-/:-@\[-`{-~\p{P}]"
_WORD_CHARACTERS, _WORD_BYTES = 200, 800  # a longer word is [UNK]


class GraphTokenizer(tf.Module):
    """Strings `[batch]` to int32 ids, framed and padded.

    Args:
      vocab: the entries; the index of an entry is its id.
      do_lower_case: lower-case and strip accents.
      ids: "bert" or "tf_text", see `WordpieceTokenizer`.
      max_seq_length: tokens of the longest row.
    """

    def __init__(self, vocab: Sequence[str], *, do_lower_case: bool, ids: str, max_seq_length: int):
        super().__init__()
        self.do_lower_case = do_lower_case
        self.max_seq_length = max_seq_length
        self._is_tf_text = ids == "tf_text"
        self._special = {token: vocab.index(token) for token in SPECIAL_TOKENS}
        shared = {"vocab": list(vocab), "token_out_type": tf.int32, "unknown_token": "[UNK]"}
        if self._is_tf_text:
            self._pieces = tf_text.FastBertTokenizer(
                **shared, max_bytes_per_word=100, lower_case_nfd_strip_accents=do_lower_case
            )
        else:
            self._pieces = tf_text.FastWordpieceTokenizer(
                **shared, max_bytes_per_word=_WORD_BYTES, no_pretokenization=True
            )

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the ids of strings `[batch]`, ragged `[batch, None]`, without special tokens."""
        if self._is_tf_text:
            return self._pieces.tokenize(texts).merge_dims(1, -1)
        words = tf.strings.split(self._spaced(texts))
        is_long = tf.strings.length(words, unit="UTF8_CHAR") > _WORD_CHARACTERS
        words = tf.where(is_long, "[UNK]", words)
        return self._pieces.tokenize(words).merge_dims(1, -1)

    def _spaced(self, texts: tf.Tensor) -> tf.Tensor:
        """The words of strings with a space between two of them."""
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")
        texts = tf.strings.regex_replace(texts, _WHITE_SPACE, " ")
        texts = tf.strings.regex_replace(texts, _DROPPED, "")
        texts = tf.strings.regex_replace(texts, f"([{_IDEOGRAPHS}])", r" \1 ")
        if self.do_lower_case:
            texts = tf_text.normalize_utf8(tf.strings.lower(texts, encoding="utf-8"), "NFD")
            texts = tf.strings.regex_replace(texts, r"\p{Mn}", "")
        return tf.strings.regex_replace(texts, f"({_MARK})", r" \1 ")

    def features(self, texts: tf.Tensor, pairs: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Returns what `BertEncoder` reads: [CLS] text [SEP] or [CLS] text [SEP] pair [SEP].

        Args:
          texts: strings `[batch]`.
          pairs: second segments, strings `[batch]`.
        """
        segments = [self.tokenize(each) for each in ([texts] if pairs is None else [texts, pairs])]
        budget = self.max_seq_length - 1 - len(segments)
        ids, segment_ids = tf_text.combine_segments(
            _trimmed(segments, budget), self._special["[CLS]"], self._special["[SEP]"]
        )
        # No row has no length: a batch of none is one token wide.
        shape = tf.maximum(ids.bounding_shape(), [0, 1])
        return {
            "input_ids": ids.to_tensor(self._special["[PAD]"], shape=shape),
            "input_mask": tf.ones_like(ids).to_tensor(0, shape=shape),
            "segment_ids": segment_ids.to_tensor(0, shape=shape),
        }


def _trimmed(segments: Sequence[tf.RaggedTensor], budget: int) -> list[tf.RaggedTensor]:
    """Cuts rows to `budget` tokens in all, those of the longer segment first, the second at a tie.

    Source: google-research/bert, run_classifier.py, `_truncate_seq_pair`.
    """
    if len(segments) == 1:
        return [segments[0][:, :budget]]
    first, second = (segment.row_lengths() for segment in segments)
    half = budget // 2
    kept = (
        tf.minimum(first, tf.maximum(budget - second, budget - half)),
        tf.minimum(second, tf.maximum(budget - first, half)),
    )
    return [
        tf.gather(segment, tf.ragged.range(length), batch_dims=1)
        for segment, length in zip(segments, kept, strict=True)
    ]


def compare_ids(graph: GraphTokenizer, ours: WordpieceTokenizer, texts: Sequence[str]) -> list[str]:
    """Returns the texts whose ids differ between the graph and the tokenizer of the records."""
    found = graph.tokenize(tf.constant([text.encode("utf-8") for text in texts])).to_list()
    ids, lengths = ours.tokenize(texts)
    expected = np.split(ids, np.cumsum(lengths)[:-1])
    return [
        text
        for text, one, other in zip(texts, found, expected, strict=True)
        if one != other.tolist()
    ]
