import pytest

from mnemosyne_tf import Structure
from models import BertConfig
from pipeline.lab.cost import shapes as shapes


def test_bert_base_has_the_known_weights_and_keeps_at_most_2_3_floats_for_each():
    variables = shapes.bert("base")
    assert shapes.num_weights(variables) == 110_106_428
    assert 2.27 < shapes.state_floats(variables, Structure()) / 110_106_428 <= 2.3
    assert sum(count for *_, count in shapes.counted(variables)) == len(variables) == 206


def test_orthogonalisation_and_training_step_of_bert_base_cost_what_is_published():
    variables = shapes.bert("base")
    # 5 iterations on 50 kernels of 768 x 768 and 24 of 768 x 3072: 30 and 90 times 768^3.
    assert shapes.newton_schulz_flops(variables) == (50 * 30 + 24 * 90) * 768**3
    config = BertConfig.named("base", vocab_size=shapes.VOCAB_SIZE)
    flops = shapes.training_step_flops(variables, config, tokens=8192, seq_len=128, predictions=20)
    assert flops == pytest.approx(64 * 69.93e9, rel=0.02)


def test_vision_transformer_and_prompt_have_their_published_sizes():
    assert shapes.num_weights(shapes.vision_transformer(layers=32)) == 632_045_800
    assert shapes.num_weights(shapes.soft_prompt()) == 100 * 4096


def test_state_without_memory_is_two_floats_a_weight():
    prompt = shapes.soft_prompt()
    assert shapes.state_floats(prompt, Structure(use_memory=False)) == 2 * 409_600
    assert shapes.state_floats(prompt, Structure(chunk_size=1, level_1="none")) == 274 * 409_600
