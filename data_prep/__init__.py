"""Text to pre-training records, in five stages.

1. `documents`       files -> documents of lines; bad bytes become dead letters.
2. `sentences`       lines -> sentences.
3. `wordpiece`       sentences -> token ids; also learns the vocabulary.
4. `sentence_pairs`, `masking`   token ids -> masked pairs, seeded.
5. `features`        masked pairs -> tf.train.Example bytes, shards and manifest.

`transforms` joins them into one Apache Beam pipeline, `create_pretraining_data` is its command.
"""
