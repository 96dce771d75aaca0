import dataclasses

from models import BertConfig
from pipeline.run.memory_estimate import estimate

BASE = BertConfig.named("base", vocab_size=30_522)


def of(config=BASE, **settings):
    defaults = {"num_parameters": 1_000, "optimizer_bytes": 8_000, "micro_batch": (8, 128, 20)}
    return estimate(config, **defaults | settings)


def test_weights_and_gradients_are_four_bytes_each():
    memory = of()
    assert (memory.weights, memory.gradients, memory.optimizer) == (4_000, 4_000, 8_000)
    assert memory.total == 16_000 + memory.activations


def test_half_precision_adds_copies_of_weights_and_micro_batches_add_sums():
    assert of(precision="bfloat16").weights == 6_000
    assert of(num_micro_batches=4).gradients == 8_000


def test_a_block_is_that_of_korthikanti_et_al():
    # s b h (34 + 5 a s / h) bytes: 16-bit numbers, f = 4 h, dropout.
    s, b, h, a = 128, 8, 768, 12
    block = s * b * (34 * h + 5 * a * s)
    two = of(dataclasses.replace(BASE, num_layers=2), precision="bfloat16")
    one = of(dataclasses.replace(BASE, num_layers=1), precision="bfloat16")
    assert two.activations - one.activations == block


def test_recomputation_keeps_the_inputs_of_blocks_alone():
    two = of(dataclasses.replace(BASE, num_layers=2), recompute=True)
    one = of(dataclasses.replace(BASE, num_layers=1), recompute=True)
    assert two.activations - one.activations == 4 * 8 * 128 * 768


def test_activations_are_those_of_a_micro_batch():
    assert 2 * of(micro_batch=(4, 128, 20)).activations == of().activations
