import pytest

from mnemosyne_tf.guarded_optimizer import all_finite
from models.fused import cross_entropy
from pipeline.lab.train_speed import step_parts
from pipeline.lab.train_speed.trace import Operation
from pipeline.optimizers import keras_optimizers

BERT = "bert_pretrainer/encoder/layer_0"


@pytest.mark.parametrize(
    ("opcode", "op_type", "path", "part"),
    [
        ("dot", "MatMul", f"{BERT}/attention/query/Tensordot/MatMul", "matrix products"),
        ("dot", "Einsum", "bert_pretrainer/masked_lm_head/einsum/Einsum", "matrix products"),
        ("", "_FusedMatMul", f"{BERT}/intermediate/MatMul", "matrix products"),
        ("dot", "Einsum", f"{BERT}/attention/einsum/Einsum", "attention"),
        ("fusion", "Einsum", f"gradient_tape/{BERT}/attention/einsum/Einsum_1", "attention"),
        ("", "BatchMatMulV2", f"{BERT}/attention/MatMul", "attention"),
        ("fusion", "Tanh", f"{BERT}/Tanh", "blocks"),
        ("fusion", "", "", "blocks"),
        ("fusion", "ArgMax", "ArgMax", "heads and loss"),
        ("fusion", "AddV2", "bert_pretrainer/masked_lm_head/add", "heads and loss"),
        ("fusion", "UnsortedSegmentSum", "AddN_35/inputs_1", "embedding scatter"),
        ("scatter", "", "", "embedding scatter"),
        ("", "Mul", "while/body/_1/while/AdamW/mul_63", "optimizer"),
        ("", "MatMul", "while/body/_1/while/Mnemosyne/MatMul", "optimizer"),
        ("", "L2Loss", "while/AdamW/global_norm/L2Loss", "optimizer"),
        ("", "IteratorGetNext", "while/body/_1/IteratorGetNext", "other"),
        ("", "", "", "other"),
    ],
)
def test_part_of_an_operation(opcode, op_type, path, part):
    assert step_parts.part_of(Operation("name", opcode, op_type, path, 1.0)) == part


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (keras_optimizers._adam, "optimizer"),
        (all_finite, "optimizer"),
        (cross_entropy._sums, "heads and loss"),
        (cross_entropy._logit_gradients, "heads and loss"),
    ],
)
def test_what_a_function_compiled_by_itself_does_is_of_its_part(function, part):
    name = getattr(function, "python_function", function).__name__
    operation = Operation("fusion.1", "fusion", "Mul", "mul_1", 1.0, program=name)
    assert step_parts.part_of(operation) == part


def test_seconds_add_up_by_part():
    operations = [
        Operation("a", "dot", "MatMul", "", 1.0),
        Operation("b", "dot", "MatMul", "", 2.0),
        Operation("c", "fusion", "", "", 4.0),
    ]
    seconds = step_parts.seconds_by_part(operations)
    assert list(seconds) == list(step_parts.PARTS)
    assert (seconds["matrix products"], seconds["blocks"], sum(seconds.values())) == (3.0, 4.0, 7.0)
