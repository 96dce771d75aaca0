import numpy as np
import tensorflow as tf

from models import BertClassifier, BertPretrainer


def test_logits_have_one_column_per_output(bert_config, pretraining_batch):
    assert BertClassifier(bert_config, num_outputs=3)(pretraining_batch()).shape == (4, 3)


def test_encoder_weights_move_from_pretrainer_to_classifier(bert_config, pretraining_batch):
    batch = pretraining_batch()
    pretrainer, classifier = BertPretrainer(bert_config), BertClassifier(bert_config, 2)
    pretrainer(batch), classifier(batch)
    classifier.encoder.set_weights(pretrainer.encoder.get_weights())
    np.testing.assert_array_equal(pretrainer.encoder(batch)[1], classifier.encoder(batch)[1])


def test_every_weight_gets_a_gradient(bert_config, pretraining_batch):
    classifier = BertClassifier(bert_config, 2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(classifier(pretraining_batch()) ** 2)
    assert all(g is not None for g in tape.gradient(loss, classifier.trainable_variables))
