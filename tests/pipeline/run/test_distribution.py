import numpy as np
import pytest
import tensorflow as tf

from pipeline.run import distribution


def test_mirrored_takes_every_cpu_device_where_there_is_no_gpu():
    strategy = distribution.make_strategy("mirrored")
    assert strategy.num_replicas_in_sync == 2  # tests/conftest.py makes two logical devices
    assert distribution.device_names(strategy) == ["CPU:0", "CPU:1"]


def test_one_has_one_replica():
    assert distribution.make_strategy("one_device").num_replicas_in_sync == 1


def test_unknown_strategy_lists_the_known_ones():
    with pytest.raises(ValueError, match="'many'.*one_device, mirrored, multi_worker, tpu"):
        distribution.make_strategy("many")


def test_multi_worker_without_workers_says_what_to_set(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match="TF_CONFIG.*docs/distributed.md.*strategy=mirrored"):
        distribution.make_strategy("multi_worker")


def test_every_replica_gets_its_rows_of_the_global_batch(two_replicas):
    rows = tf.data.Dataset.from_tensor_slices({"x": np.arange(24).reshape(12, 2)})
    batches = rows.batch(4, drop_remainder=True)
    seen = [
        [
            part[:, 0].numpy().tolist()
            for part in two_replicas.experimental_local_results(batch["x"])
        ]
        for batch in distribution.distribute(two_replicas, batches)
    ]
    assert seen == [[[0, 2], [4, 6]], [[8, 10], [12, 14]], [[16, 18], [20, 22]]]


class Processes:
    """Stands for a strategy of so many processes with one replica each; one of them asks."""

    def __init__(self, number, index):
        self.context = tf.distribute.InputContext(
            num_input_pipelines=number, input_pipeline_id=index, num_replicas_in_sync=number
        )

    def distribute_datasets_from_function(self, function):
        return function(self.context)


def test_processes_share_the_global_batch_of_one_file(tmp_path):
    file = str(tmp_path / "one.tfrecord")
    with tf.io.TFRecordWriter(file) as writer:
        for i in range(12):
            writer.write(str(i))
    records = tf.data.TFRecordDataset(file)
    batches = records.batch(6, drop_remainder=True).map(
        lambda texts: {"x": tf.strings.to_number(texts, tf.int32)}
    )
    shares = [
        [batch["x"].tolist() for batch in of_process.as_numpy_iterator()]
        for of_process in (
            distribution.distribute(Processes(3, index), batches) for index in range(3)
        )
    ]
    assert shares == [[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]
