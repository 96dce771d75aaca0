"""Text to pre-training records, in five rooms.

1. `corpus`      files -> documents of lines, then of sentences; bad bytes become rejects.
2. `tokenizer`   sentences -> token ids; also learns the vocabulary.
3. `examples`    token ids -> masked pairs -> tf.train.Example bytes in shards, seeded.
4. `job`         what is finished, what is missing, the manifest of the whole.
5. `beam`        joins the stages into one Apache Beam pipeline.

`create_pretraining_data`, `learn_vocab` and `sample_glue_tasks` are the commands. Others import
only `features`, the record contract, and `wordpiece`, the tokenizer.
"""
