"""A model folder stands wherever a run may stand: fine-tuning, continued training, Python."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from models import BertConfig
from pipeline import load_pretrained
from pipeline.glue.initial_weights import load_encoder
from pipeline.glue.pretrained_run import read_run
from pipeline.run.checkpoints import load_pretrained_model, newest_checkpoint
from pipeline.run.initial_run import InitialRun, load_initial_run


def test_fine_tuning_reads_sizes_tokenizer_and_weights(saved, random_weights):
    folder = saved("pretrainer")
    run = read_run(str(folder))
    assert (run.max_seq_length, run.trained_positions, run.do_lower_case) == (10, 12, True)
    start = load_encoder(run, dropout=0.1, random_init=False, seed=0)
    weights = random_weights("pretrainer")
    np.testing.assert_array_equal(start.weights[0], weights["encoder/embeddings/word_embeddings"])
    assert start.step is None


def test_a_pretrainer_is_loaded_whole(saved, built, random_weights):
    folder, model = saved("pretrainer"), built("pretrainer")
    load_pretrained_model(model, folder)
    expected = random_weights("pretrainer")["masked_lm_head/output_bias"]
    np.testing.assert_array_equal(model.masked_lm_head.output_bias.numpy(), expected)


def test_training_begins_with_an_encoder_and_says_which_heads_are_new(saved, built, capsys):
    folder, model = saved("encoder"), built("pretrainer")
    optimizer = tf.keras.optimizers.SGD()
    load_initial_run(InitialRun(newest_checkpoint(folder)), model, optimizer)
    assert "has no weights of masked_lm_head, " in capsys.readouterr().out


def test_another_size_is_refused_by_the_first_tensor(saved, config, built):
    other = dataclasses.replace(config, hidden_dim=16)
    with pytest.raises(ValueError, match=r"word_embeddings: expected shape \[15, 8\]"):
        load_pretrained_model(built("pretrainer"), saved("pretrainer", config=other))
    assert BertConfig.load(saved("pretrainer") / "bert_config.json") == config


def test_an_encoder_gives_vectors_but_fills_no_masks(saved):
    bert = load_pretrained(saved("encoder"))
    assert bert.encode(["the cat"]).shape == (1, 8)
    with pytest.raises(ValueError, match="with a masked-LM head"):
        bert.fill_mask("the [MASK]")
    assert len(load_pretrained(saved("pretrainer")).fill_mask("the [MASK]")[0]) == 5
