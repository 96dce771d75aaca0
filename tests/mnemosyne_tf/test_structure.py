import numpy as np
import pytest

from mnemosyne_tf import Structure


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_random_features": 5}, "even num_random_features.*received 5"),
        ({"chunk_size": 0}, "chunk_size of at least 1, received 0"),
        ({"level_1": "median"}, "received 'median'"),
        ({"level_2": "mean"}, "level_2 in .*received 'mean'"),
        ({"num_memory_heads": 0}, "num_memory_heads of at least 1, received 0"),
        ({"level_1": "none"}, 'chunk_size 1 with level_1 "none".*received 1024'),
    ],
)
def test_structure_out_of_range_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Structure(**settings)


def test_default_keeps_under_2_3_floats_a_weight():
    structure = Structure()
    assert 2 + np.prod(structure.memory_shape) / structure.chunk_size < 2.3
