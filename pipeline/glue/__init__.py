"""GLUE: reads the official task files, fine-tunes a classifier, scores it.

`tasks` has one row per task, `reader` turns TSV files into examples,
`pretrained_run` and `initial_weights` read the encoder, `encoding` turns
examples into padded ids, `classifier_training` trains one task, `metrics` scores
it, `results` saves the score table, `not_run` names the tasks that are left out,
and `finetune` does all of it for `mnemosyne glue`.
"""
