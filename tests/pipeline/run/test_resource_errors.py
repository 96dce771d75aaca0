import errno
import re

import pytest
import tensorflow as tf

from pipeline.run.resource_errors import out_of_memory, with_remedies


def fails_with(error):
    @with_remedies
    def story(recipe, *, data_dir):
        raise error

    return story


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("cannot allocate"),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
    ],
)
def test_out_of_memory_names_what_helps(tiny_recipe, error):
    with pytest.raises(ValueError, match="Memory is not enough for 8 sequences of 10 tokens"):
        fails_with(error)(tiny_recipe(), data_dir="")


def test_remedies_stand_in_the_order_of_their_cost(tiny_recipe):
    named = re.findall(r"--set ([a-z_.]+)=", out_of_memory(tiny_recipe(), "OOM"))
    assert named[-2:] == ["prepare.max_seq_length", "model.size"]
    order = ("train.micro_batch_size", "train.precision", "train.recompute")
    assert named[:-2] == [setting for setting in order if setting in named]


def test_disk_full_says_how_to_go_on(tiny_recipe):
    full = OSError(errno.ENOSPC, "No space left on device", "run/metrics.jsonl")
    with pytest.raises(OSError, match="run/metrics.jsonl: No space left.*make room and run the"):
        fails_with(full)(tiny_recipe(), data_dir="")


def test_another_error_is_left_alone(tiny_recipe):
    other = FileNotFoundError(errno.ENOENT, "no such file")
    with pytest.raises(FileNotFoundError) as caught:
        fails_with(other)(tiny_recipe(), data_dir="")
    assert caught.value is other
