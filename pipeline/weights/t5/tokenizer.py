"""The tokenizer of a T5's folder: SentencePiece, or the WordPiece vocabulary of our own models."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from data_prep import storage
from data_prep.wordpiece import WordpieceTokenizer
from pipeline.weights.recorded_tokenizer import recorded_casing, recorded_ids

SENTENCEPIECE, WORDPIECE = "spiece.model", "vocab.txt"


class SentencepieceTokenizer:
    """Text to the ids of a SentencePiece model; what `WordpieceTokenizer` is for a vocabulary.

    Args:
        vocab_file: the model.

    Attributes:
        vocab_file: its path.
        num_ids: ids that `tokenize` may give.
        pad_id, unk_id, sep_id: of `<pad>`, `<unk>` and `</s>`, which ends a segment.
        cls_id: None: nothing stands before a text.

    Raises:
        ValueError: the file is no SentencePiece model, or lacks one of these.
    """

    cls_id = None

    def __init__(self, vocab_file: str):
        self.vocab_file = os.fspath(vocab_file)
        try:
            self._pieces = tf_text.SentencepieceTokenizer(storage.read_whole(self.vocab_file))
        except tf.errors.OpError as error:
            raise ValueError(
                f"{self.vocab_file}: expected a SentencePiece model, received {error.message}"
            ) from error
        self.num_ids = int(self._pieces.vocab_size())
        self.pad_id, self.sep_id, self.unk_id = (
            self._id(piece) for piece in ("<pad>", "</s>", "<unk>")
        )

    def tokenize(self, lines: Sequence[str | bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Returns the ids of all lines, int32, one after another, and how many are of each."""
        ragged = self._pieces.tokenize(tf.constant(list(lines), tf.string))
        return ragged.values.numpy(), ragged.row_lengths().numpy()

    def _id(self, piece: str) -> int:
        found = int(self._pieces.string_to_id(piece))
        if self._pieces.id_to_string(found).numpy().decode() != piece:
            raise ValueError(f"{self.vocab_file}: expected the piece {piece}, it is missing")
        return found


def read_t5_tokenizer(folder: str | os.PathLike) -> SentencepieceTokenizer | WordpieceTokenizer:
    """Reads the tokenizer of a folder; of a vocabulary its casing and ids, as `read_run` does.

    Raises:
        FileNotFoundError: there is neither a SentencePiece model nor a vocabulary.
        ValueError: the file is damaged, padding is not 0, with which a T5 begins its answer, or
            files disagree on casing or ids.
    """
    folder = pathlib.Path(folder)
    if (folder / SENTENCEPIECE).is_file():
        tokenizer = SentencepieceTokenizer(folder / SENTENCEPIECE)
    elif (folder / WORDPIECE).is_file():
        tokenizer = WordpieceTokenizer(
            folder / WORDPIECE,
            do_lower_case=recorded_casing(folder, folder / WORDPIECE),
            ids=recorded_ids(folder),
        )
        tokenizer.cls_id = None  # as in records of span corruption
    else:
        raise FileNotFoundError(
            f"{folder}: expected {SENTENCEPIECE} or {WORDPIECE}, there is neither"
        )
    if tokenizer.pad_id != 0:
        raise ValueError(
            f"{tokenizer.vocab_file}: expected padding to be entry 0, received {tokenizer.pad_id}"
        )
    return tokenizer
