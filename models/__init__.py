"""BERT in Keras 2: encoder, masked-LM and next-sentence heads, classifier, losses.

Every docstring gives shapes in the same words: `[batch, seq_len]`, `[batch, num_predictions]`,
`[batch, seq_len, hidden]`, `[batch, heads, seq_len, seq_len]`, `[vocab, hidden]`; `[]` is a scalar.
Tensors are float32 unless a dtype is named; under a mixed-precision policy the hidden states have
its compute dtype, and the logits and losses of the models stay float32.
"""

from models.bert_classifier import BertClassifier
from models.bert_config import BertConfig
from models.bert_encoder import BertEncoder
from models.bert_pretrainer import BertPretrainer

__all__ = ["BertClassifier", "BertConfig", "BertEncoder", "BertPretrainer"]
