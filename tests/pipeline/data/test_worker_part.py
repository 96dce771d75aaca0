import itertools

import numpy as np
import pytest
import tensorflow as tf

from data_prep import features as records
from pipeline.data.training_data import TrainingData
from pipeline.data.worker_part import WorkerPart, worker_part


def context(worker, *, workers, replicas):
    return tf.distribute.InputContext(workers, worker, replicas)


@pytest.fixture
def data(records_dir, tiny_recipe):
    recipe = tiny_recipe("train.global_batch_size=12")
    return TrainingData(recipe, records.load_manifest(records_dir), records_dir)


def test_parts_lie_side_by_side_in_pieces_of_one_replica():
    parts = [
        worker_part(context(worker, workers=3, replicas=6), global_batch_size=24)
        for worker in range(3)
    ]
    assert parts == [WorkerPart(0, 8, 4), WorkerPart(8, 16, 4), WorkerPart(16, 24, 4)]
    assert [part.num_pieces for part in parts] == [2, 2, 2]


def test_uneven_parts_are_refused_with_what_to_change():
    with pytest.raises(ValueError, match=r"5 replicas, received 12\. Pass --set .*=15\."):
        worker_part(context(0, workers=1, replicas=5), global_batch_size=12)
    with pytest.raises(ValueError, match="2 workers must have as many replicas, received 3"):
        worker_part(context(0, workers=2, replicas=3), global_batch_size=12)


def joined(parts, count):
    """The global batches that the elements of all workers make: `[count, rows, ...]` by feature."""
    steps = list(itertools.islice(zip(*parts, strict=True), count))
    return {
        name: np.stack(
            [np.concatenate([piece[name] for part in step for piece in part]) for step in steps]
        )
        for name in steps[0][0][0]
    }


def in_pieces(dataset, num_pieces):
    """Yields the pieces of each step."""
    elements = dataset.as_numpy_iterator()
    while pieces := list(itertools.islice(elements, num_pieces)):
        yield pieces


# Three epochs of 40 records from two files: more workers than files are among these.
@pytest.mark.parametrize(("workers", "replicas_each"), [(1, 2), (2, 1), (3, 2)])
def test_the_parts_of_all_workers_are_the_batches_of_one(data, workers, replicas_each):
    first_step, steps = 2, 9
    whole = joined([in_pieces(data.train_batches(first_step), 1)], steps)
    replicas = workers * replicas_each
    parts = [
        in_pieces(
            data.dataset_for(context(worker, workers=workers, replicas=replicas), first_step),
            replicas_each,
        )
        for worker in range(workers)
    ]
    for name, values in joined(parts, steps).items():
        np.testing.assert_array_equal(values, whole[name])


@pytest.mark.parametrize("workers", [1, 3])
def test_held_out_parts_are_the_held_out_batches(data, workers):
    whole = joined([in_pieces(data.heldout, 1)], 2)
    parts = [
        in_pieces(data.heldout_for(context(worker, workers=workers, replicas=workers)), 1)
        for worker in range(workers)
    ]
    assert len(whole["input_ids"]) == 2  # 20 sequences in batches of 12
    for name, values in joined(parts, 2).items():
        np.testing.assert_array_equal(values, whole[name])


def test_a_strategy_takes_the_datasets_as_they_are(data, two_replicas):
    batches = two_replicas.distribute_datasets_from_function(
        lambda context: data.dataset_for(context, first_step=1)
    )
    whole = next(iter(data.train_batches(first_step=1)))["input_ids"]
    halves = two_replicas.experimental_local_results(next(iter(batches))["input_ids"])
    assert [len(half) for half in halves] == [6, 6]
    np.testing.assert_array_equal(np.concatenate(halves), whole)
