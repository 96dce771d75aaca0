"""Records by a Beam pipeline as its documentation suggests: one element a record.

`mnemosyne bench prepare` compares it with `transforms`. It has the tokenizer, pairs and masks of
this project, called with thousands of lines and records at once, so that the comparison is between
the pipelines alone; with tensorflow-text's BertTokenizer and loops over tokens, as a first version
would have, it is several times slower. Its own are the reader, Python's tf.train.Example for every
record, the shuffle of records that `num_shards` asks for, and the writer.

Source: Apache Beam, `fileio.ReadMatches`, `BatchElements`, `tfrecordio.WriteToTFRecord`.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Iterator, Mapping, Sequence

import apache_beam as beam
import numpy as np
from apache_beam.io import fileio

from data_prep.beam import command_flags
from data_prep.examples.example_arrays import SequenceBuilder
from data_prep.examples.rng import RandomStream
from data_prep.examples.segment_pairs import SPECIAL_TOKENS_PER_PAIR, truncate_pairs
from data_prep.examples.sentence_pairs import PairMaker
from data_prep.masking_rules import MaskingRules
from data_prep.wordpiece import WordpieceTokenizer

NUM_SHARDS = 8
DOCUMENTS_PER_BATCH = 256

Sentences = list[bytes]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline; the flags carry the names of google-research/bert. Returns 0."""
    parser = argparse.ArgumentParser(prog="idiomatic_beam", allow_abbrev=False)
    for name in ("input", "vocab_file", "output"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("max_seq_length", "max_predictions_per_seq", "dupe_factor"):
        parser.add_argument(f"--{name}", type=int, required=True)
    flags = parser.parse_args(argv)
    with command_flags.beam_pipeline([]) as pipeline:
        _ = (
            pipeline
            | "Find files" >> fileio.MatchFiles(flags.input)
            | "Open files" >> fileio.ReadMatches()
            | "Read documents" >> beam.FlatMap(read_documents)
            | "Batch documents" >> beam.BatchElements(64, DOCUMENTS_PER_BATCH)
            | "Make examples" >> beam.ParDo(MakeExamples(flags))
            | "Write records"
            >> beam.io.WriteToTFRecord(
                os.path.join(flags.output, "records"),
                file_name_suffix=".tfrecord",
                num_shards=NUM_SHARDS,
            )
        )
    return 0


def read_documents(file: fileio.ReadableFile) -> Iterator[Sentences]:
    """Yields the documents of a file: a sentence a line, blank lines between."""
    document: Sentences = []
    for line in file.open():
        if line := line.strip():
            document.append(line)
        elif document:
            yield document
            document = []
    if document:
        yield document


class MakeExamples(beam.DoFn):
    """Batches of documents to serialized tf.train.Examples."""

    def __init__(self, flags: argparse.Namespace):
        self._flags = flags

    def setup(self):
        """Gets the tokenizer ready."""
        flags = self._flags
        self._tokenizer = tokenizer = WordpieceTokenizer(flags.vocab_file)
        self._builder = SequenceBuilder(
            max_seq_length=flags.max_seq_length,
            pad_id=tokenizer.pad_id,
            is_continuation=tokenizer.is_continuation,
            rules=MaskingRules(
                masked_lm_prob=0.15,
                max_predictions_per_seq=flags.max_predictions_per_seq,
                do_whole_word_mask=False,
                cls_id=tokenizer.cls_id,
                sep_id=tokenizer.sep_id,
                mask_id=tokenizer.mask_id,
                vocab_size=len(tokenizer.vocab),
            ),
        )

    def process(self, documents: list[Sentences]) -> Iterator[bytes]:
        """Yields the records of a batch."""
        flags = self._flags
        lines = [line for document in documents for line in document]
        seed = random.Random(b"".join(lines)).getrandbits(64)
        rng = RandomStream(seed)
        ids, lengths = self._tokenizer.tokenize(lines)
        lines_before = np.concatenate([[0], np.cumsum(lengths > 0)])
        ends = lines_before[np.cumsum([len(document) for document in documents])]
        ends = [int(end) for end in np.unique(ends) if end]  # without documents of no token
        pairs = PairMaker(
            sentence_ends=np.cumsum(lengths[lengths > 0]),
            document_ends=np.array(ends, np.int64),
            text_ids=[index.to_bytes(16, "little") for index in range(len(ends))],
            max_seq_length=flags.max_seq_length,
            short_seq_prob=0.1,
            seed=seed,
        ).pairs_of_all(flags.dupe_factor)
        pairs = truncate_pairs(pairs, flags.max_seq_length - SPECIAL_TOKENS_PER_PAIR, rng)
        features = self._builder.build(ids, pairs, rng)
        columns = [values.tolist() for values in features.values()]
        for record in zip(*columns, strict=True):
            yield to_example(dict(zip(features, record, strict=True)))


def to_example(record: Mapping[str, list[int] | list[float]]) -> bytes:
    """Returns one record as a serialized tf.train.Example."""
    import tensorflow as tf

    feature = {}
    for name, values in record.items():
        if isinstance(values[0], float):
            feature[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        else:
            feature[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
