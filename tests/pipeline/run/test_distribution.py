import pytest

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
