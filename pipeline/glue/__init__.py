"""GLUE: reads the official task files, fine-tunes classifiers, scores them, writes a submission.

`tasks` has one row per task, `reader` and `files` turn TSV files into examples, `pretrained_run`
and `initial_weights` read the encoder, `encoding` turns examples into padded ids,
`classifier_training` trains one classifier, `task_run` runs one task with one seed, `metrics`
scores it, `results` keeps and words the scores, `submission` answers the test files, and `finetune`
does all of it for `mnemosyne glue`.
"""
