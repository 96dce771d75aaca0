"""GLUE: reads the official task files, fine-tunes a classifier, scores it.

`tasks` has one row per task, `reader` turns TSV files into examples,
`encoding` turns examples into padded ids, `classifier_training` trains one task,
`metrics` scores it, `results` keeps the score table, and `finetune` is the
command `mnemosyne glue`.
"""
