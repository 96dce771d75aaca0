import numpy as np

from data_prep.jit import compiled

_SOURCE = """
def total(values):
    result = 0
    for value in values:
        result += value
    return result
"""


def test_a_function_without_a_place_for_its_cache_is_compiled_all_the_same():
    names = {}
    exec(_SOURCE, names)  # from no file: there is no folder to keep machine code in
    total = compiled(names["total"])
    assert total(np.arange(5)) == 10
    assert len(total.signatures) == 1
