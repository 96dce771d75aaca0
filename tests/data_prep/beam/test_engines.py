import argparse
import functools

import pytest

from data_prep.beam import command_flags, engines


@pytest.fixture
def check():
    """Returns `check(*flags, paths=())`: does what a command does with Beam's flags."""
    parser = argparse.ArgumentParser(prog="mnemosyne prepare")

    def run(*flags, paths=()):
        command_flags.check_beam_flags(parser, flags, paths)

    return run


@pytest.mark.parametrize(
    ("flags", "completed"),
    [
        ([], ["--runner=FnApiRunner"]),
        (["--direct_num_workers=2"], ["--direct_num_workers=2", "--runner=FnApiRunner"]),
        (["--runner=FlinkRunner"], ["--runner=FlinkRunner"]),
        (["--runner", "SparkRunner"], ["--runner", "SparkRunner"]),
    ],
)
def test_the_local_engine_is_named_unless_another_is(flags, completed):
    assert engines.complete_flags(flags) == completed


@pytest.mark.parametrize(
    ("flags", "is_local"),
    [
        ([], True),
        (["--direct_running_mode=multi_processing"], True),
        (["--runner=DirectRunner"], True),
        (["--runner=FlinkRunner"], False),
        (["--runner=DaskRunner"], False),
        (["--runner=DataflowRunner"], False),
    ],
)
def test_only_engines_of_one_machine_are_local(flags, is_local):
    assert engines.is_local(flags) == is_local


@pytest.mark.parametrize("name", ["DaskRunner", "dask", "apache_beam.runners.dask.X.DaskRunner"])
def test_dask_is_found_by_its_short_name_and_shares_units_out(name):
    assert engines.complete_flags([f"--runner={name}"]) == [
        f"--runner={name}",
        "--runner=apache_beam.runners.dask.dask_runner.DaskRunner",
        "--dask_partition_size=1",
    ]


def test_a_partition_size_of_the_user_stays():
    flags = engines.complete_flags(["--runner=DaskRunner", "--dask_npartitions=7"])
    assert not any(flag.startswith("--dask_partition_size") for flag in flags)


def test_dask_that_is_not_installed_says_how_to_get_it(check, monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'apache-beam\[dask\]'"):
        check("--runner=DaskRunner")


def test_flags_of_dask_are_known_with_dask(check):
    pytest.importorskip("distributed", reason="dask is not installed (extra dask)")
    check("--runner=DaskRunner", "--dask_client_address=tcp://host:8786", "--dask_npartitions=9")


@pytest.mark.parametrize("runner", ["FlinkRunner", "SparkRunner"])
def test_an_engine_on_java_without_java_is_refused(check, monkeypatch, runner):
    monkeypatch.setattr(engines.shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match=f"--runner={runner}: expected a Java runtime.*'java'"):
        check(f"--runner={runner}")
    check(f"--runner={runner}", "--job_endpoint=host:8099")


def test_a_job_server_that_is_not_there_is_named(check, monkeypatch):
    monkeypatch.setattr(engines.shutil, "which", lambda name: name)
    with pytest.raises(FileNotFoundError, match="--flink_job_server_jar none.jar: .*no such file"):
        check("--runner=FlinkRunner", "--flink_job_server_jar=none.jar")


DATAFLOW = {
    "runner": "DataflowRunner",
    "project": "a-project",
    "region": "europe-west1",
    "temp_location": "gs://bucket/tmp",
    "sdk_container_image": "registry/image:1",
}


def dataflow_flags(**changes):
    return [f"--{name}={value}" for name, value in {**DATAFLOW, **changes}.items() if value]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"project": None}, "expected --project, received none. Needed are"),
        ({"region": None}, "expected --region"),
        ({"temp_location": None}, "expected --temp_location"),
        ({"project": "MINE"}, r"Invalid Project ID \(MINE\)"),
        ({"temp_location": "/tmp"}, r"Invalid GCS path \(/tmp\).*temp_location"),
        ({"sdk_container_image": None}, "Name an image with --sdk_container_image"),
    ],
)
def test_dataflow_without_what_it_needs_is_refused(check, changes, message):
    with pytest.raises(ValueError, match=f"--runner=DataflowRunner: .*{message}"):
        check(*dataflow_flags(**changes), paths=["gs://bucket/text"])


def test_dataflow_with_files_of_this_machine_is_refused(check):
    with pytest.raises(ValueError, match=r"gs://BUCKET/..., received 'corpus\.txt'"):
        check(*dataflow_flags(), paths=["gs://bucket/out", "corpus.txt"])


@pytest.mark.parametrize("package", ["setup_file", "requirements_file", "extra_package"])
def test_dataflow_takes_the_package_in_other_ways_too(check, package):
    check(*dataflow_flags(sdk_container_image=None, **{package: "x"}), paths=["gs://bucket/o"])


class SubmittedError(Exception):
    pass


def test_prepare_reaches_dataflow_with_its_options_and_steps(monkeypatch, corpus_text, vocab_file):
    """All but the submission, on TensorFlow's file system in memory in place of a bucket's."""
    import tensorflow as tf
    from apache_beam.options import pipeline_options
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
    from apache_beam.transforms.environments import DockerEnvironment

    from data_prep.create_pretraining_data import main

    submitted = []

    def submit(self, pipeline, options):
        submitted.append((pipeline, options))
        raise SubmittedError

    monkeypatch.setattr(DataflowRunner, "run_pipeline", submit)
    tf.io.gfile.makedirs("ram://dataflow")
    with tf.io.gfile.GFile("ram://dataflow/corpus.txt", "w") as stream:
        stream.write(corpus_text)
    folder = "ram://dataflow/out"
    arguments = ["--input=ram://dataflow/corpus.txt", f"--output={folder}"]
    flags = dataflow_flags(num_workers=3, max_num_workers=9, machine_type="n2-standard-4")
    with pytest.raises(SubmittedError):
        main([*arguments, f"--vocab_file={vocab_file}", *flags])
    ((pipeline, options),) = submitted
    view = functools.partial(pipeline_options.PipelineOptions.view_as, options)
    cloud = view(pipeline_options.GoogleCloudOptions)
    assert (cloud.project, cloud.region, cloud.temp_location) == (
        "a-project",
        "europe-west1",
        "gs://bucket/tmp",
    )
    workers = view(pipeline_options.WorkerOptions)
    assert (workers.num_workers, workers.max_num_workers) == (3, 9)
    assert workers.machine_type == "n2-standard-4"
    assert workers.sdk_container_image == "registry/image:1"
    environment = DockerEnvironment.from_container_image(workers.sdk_container_image)
    proto = pipeline.to_runner_api(default_environment=environment)
    names = {step.unique_name.rpartition("/")[2] for step in proto.components.transforms.values()}
    assert {"Read and tokenize", "Bring blocks together", "Write blocks"} <= names
    assert not tf.io.gfile.exists(f"{folder}/COMPLETED")


def test_what_dask_started_is_ended_and_nothing_else_is_needed():
    class Result:
        steps = []

        def cancel(self):
            self.steps.append("cancelled")

        @property
        def client(self):
            return self

        def close(self):
            self.steps.append("closed")

    engines.release(Result())
    assert Result.steps == ["cancelled", "closed"]
    engines.release(None)
