"""Which variable takes which path, and how tensors are cut."""

import dataclasses

import pytest

from mnemosyne_tf.parameter_roles import find_role
from mnemosyne_tf.variable_plan import matrix_shape, plan_variable, split_chunks, summarise


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("dense/kernel", (128, 512), (128, 512)),
        ("attention/query/kernel", (128, 2, 64), (128, 128)),
        ("attention/output/kernel", (2, 64, 128), (128, 128)),
        ("conv/kernel", (3, 3, 64, 64), (576, 64)),
        ("conv1d/kernel", (8, 16, 16), (128, 16)),
        ("dense/bias", (128,), None),
        ("scale", (), None),
        ("word_embeddings/Embedding", (512, 128), None),
        ("next_sentence/kernel", (128, 2), None),
        ("wide/kernel", (8, 257), None),
        ("edge/kernel", (8, 256), (8, 256)),
        ("dense/kernel", (1568, 64), (1568, 64)),  # a hidden layer behind a flattened image
    ],
)
def test_matrix_form(name, shape, expected):
    assert matrix_shape(name, shape) == expected


@pytest.mark.parametrize(
    ("num_coords", "chunk_size", "expected"),
    [(1, 1024, (1, 1)), (10, 4, (3, 4)), (9, 4, (3, 3)), (1025, 1024, (2, 513)), (5, 1, (5, 1)),
     # Of one length where that takes few more: 30,522 words of 768, 128 coordinates; not of 1.
     (10, 6, (2, 5)), (30522 * 768, 1024, (30522, 768)), (30522 * 128, 1024, (5087, 768)),
     (30522, 1024, (30, 1018))],
)  # fmt: skip
def test_chunks_are_few_and_even(num_coords, chunk_size, expected):
    assert split_chunks(num_coords, chunk_size) == expected


@pytest.mark.parametrize("chunk_size", [1, 2, 7, 16])
def test_chunks_cover_every_coordinate_once(chunk_size):
    for num_coords in range(1, 60):
        counts = make_plan(shape=(num_coords,), chunk_size=chunk_size).chunk_counts
        assert sum(counts) == num_coords
        assert 1 <= min(counts) <= max(counts) <= chunk_size


@pytest.mark.parametrize(
    ("shape", "grid", "chunk_grid"),
    [
        ((6, 4), (3, 2, 4), (3, 1, 1)),  # chunks of two rows
        ((3, 16), (3, 2, 8), (3, 2, 1)),  # two chunks a row
        ((5, 8), (5, 1, 8), (5, 1, 1)),
        ((3, 2, 4), (3, 2, 4), (3, 1, 1)),
        ((), (1, 1, 1), (1, 1, 1)),
        ((11,), (2, 1, 6), (2, 1, 1)),  # padded
        ((7, 4), (4, 1, 7), (4, 1, 1)),  # neither divides the other
    ],
)
def test_grid_splits_the_shape_of_the_variable_where_it_can(shape, grid, chunk_grid):
    plan = make_plan(shape=shape, chunk_size=8)
    assert (plan.grid, plan.chunk_grid) == (grid, chunk_grid)


def test_orthogonalise_false_sends_a_kernel_elementwise():
    assert make_plan(shape=(64, 64), orthogonalise=True).path == "matrix"
    assert make_plan(shape=(64, 64), orthogonalise=False).path == "elementwise"


@pytest.mark.parametrize("shape", [(None, 3), (0, 3)])
def test_shape_that_is_not_static_or_empty_is_refused_by_name(shape):
    with pytest.raises(ValueError, match="'lookup/kernel'.*received shape"):
        make_plan(name="lookup/kernel", shape=shape)


def test_summary_rows_say_role_path_and_state():
    plans = [make_plan(shape=(16, 8), decayed=True), make_plan(name="b/bias", shape=(8,))]
    plans[1] = dataclasses.replace(plans[1], rate_scale=1 / 12)
    names = ["a/kernel", "b/bias"]
    roles = [find_role("a/kernel", (16, 8)), find_role("b/bias", (8,))]
    lines = summarise(names, plans, roles, [266, 26], (500, [0.012, 0.0001]))
    header, kernel, bias, totals = (" ".join(line.split()) for line in lines)
    assert "step size at 500" in header
    assert kernel == "a/kernel [16, 8] kernel rank 2 matrix 16 x 8 x 1 x 1 0.012 1 x 128 yes 1,064"
    assert bias == "b/bias [8] bias named 'bias' elementwise x 0.0833 x 1 0.0001 1 x 8 no 104"
    assert totals == "2 variables, 136 weights, 1,168 bytes of state (2.15 floats per weight)"


def make_plan(*, name="kernel", shape=(8, 8), chunk_size=1024, decayed=False, orthogonalise=True):
    return plan_variable(
        name=name, shape=shape, chunk_size=chunk_size, decayed=decayed, orthogonalise=orthogonalise
    )


@pytest.mark.parametrize(
    ("name", "shape", "blocks"),
    [
        ("layer_0/attention/query/kernel", (768, 768), (1, 6)),
        ("attention/key/kernel", (768, 12, 64), (1, 6)),
        ("attention/value/kernel", (768, 768), (1, 6)),
        ("attention/output/kernel", (768, 768), (6, 1)),
        ("attention/attention_output/kernel", (12, 64, 768), (6, 1)),
        ("layer_0/o_proj/kernel", (768, 768), (6, 1)),
        ("layer_0/output/kernel", (3072, 768), (1, 1)),  # of the feed-forward layer
        ("pooler/kernel", (768, 768), (1, 1)),
        ("query/kernel", (192, 192), (1, 1)),  # no multiple of 128
        ("query/bias", (768,), (1, 1)),
    ],
)
def test_kernels_of_attention_are_cut_where_their_heads_are(name, shape, blocks):
    plan = plan_variable(
        name=name,
        shape=shape,
        chunk_size=1024,
        decayed=True,
        orthogonalise=True,
        attention_block=128,
    )
    assert plan.blocks == blocks
    assert make_plan(name=name, shape=shape).blocks == (1, 1)
