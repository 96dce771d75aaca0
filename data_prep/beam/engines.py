"""Beam's engines: names, requirements, and how each is released after a job.

Beam reports late what is missing, after minutes of start or on a worker. What can be known
beforehand is checked here, before anything is written.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from typing import Any

from data_prep import storage

_LOCAL = "FnApiRunner"
_LOCAL_ENGINES = ("fnapi", "direct", "prism")
_DASK = "apache_beam.runners.dask.dask_runner.DaskRunner"
_DASK_SIZES = ("--dask_npartitions", "--dask_partition_size")
_NEEDED_BY_DATAFLOW = ("project", "region", "temp_location")
_PACKAGE_FLAGS = ("sdk_container_image", "setup_file", "extra_packages", "requirements_file")


def complete_flags(beam_flags: Sequence[str]) -> list[str]:
    """Returns Beam's flags with the engine named as Beam finds it, and with our defaults.

    The local engine is named: Beam's own default first tries to download another. Dask gets a
    partition for each unit of work; by its default of 128 units, one worker would do nearly all.
    """
    flags = [*beam_flags]
    if _engine(beam_flags) == "dask":
        flags.append(f"--runner={_DASK}")
        if not any(flag.split("=")[0] in _DASK_SIZES for flag in flags):
            flags.append("--dask_partition_size=1")
    elif _runner(beam_flags) == _LOCAL:
        flags.append(f"--runner={_LOCAL}")
    return flags


def is_local(beam_flags: Sequence[str]) -> bool:
    """Says whether all workers are on this machine and the engine shuffles in its memory."""
    return _engine(beam_flags) in _LOCAL_ENGINES


def declare_options(beam_flags: Sequence[str]) -> None:
    """Makes Beam know the flags of the engine; it declares Dask's only with the engine itself.

    Raises:
        ValueError: Dask is asked for and not installed.
    """
    if _engine(beam_flags) != "dask":
        return
    if importlib.util.find_spec("distributed") is None:
        raise ValueError(
            "--runner=DaskRunner: expected dask and distributed, but they are not installed. "
            "Install them: pip install 'apache-beam[dask]'."
        )
    from apache_beam.runners.dask import dask_runner  # noqa: F401

    logging.getLogger("distributed").setLevel(logging.WARNING)


def check_engine(beam_flags: Sequence[str], paths: Sequence[str]) -> None:
    """Refuses flags with which the engine could not start or its workers not reach the files.

    Args:
        beam_flags: those of Beam on the command line.
        paths: what workers read and write.

    Raises:
        ValueError: a flag or a package is missing or does not fit.
        FileNotFoundError: there is no job server of that name.
    """
    from apache_beam.options import pipeline_options

    options = pipeline_options.PipelineOptions(complete_flags(beam_flags))
    check = _CHECKS.get(_engine(beam_flags))
    if check:
        check(options.get_all_options(), paths)
    if _engine(beam_flags) == "dataflow":
        _check_by_beam(options)


def release(result: Any) -> None:
    """Ends what an engine leaves running after a job: workers of Dask that the job started."""
    client = getattr(result, "client", None)
    if client is not None:
        result.cancel()
        client.close()


def _runner(beam_flags: Sequence[str]) -> str:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--runner", default=_LOCAL)
    return parser.parse_known_args(list(beam_flags))[0].runner


def _engine(beam_flags: Sequence[str]) -> str:
    """Returns a short name, such as "flink" for FlinkRunner."""
    return _runner(beam_flags).rpartition(".")[2].lower().removesuffix("runner")


def _check_job_server(options: dict[str, Any], engine: str) -> None:
    if options["job_endpoint"] or options[f"{engine}_submit_uber_jar"]:
        return
    launcher = options["job_server_java_launcher"]
    if shutil.which(launcher) is None:
        raise ValueError(
            f"--runner={engine.capitalize()}Runner: expected a Java runtime, but there is no "
            f"{launcher!r}. Install one, name it with --job_server_java_launcher, or name a job "
            "server that runs with --job_endpoint."
        )
    jar = options[f"{engine}_job_server_jar"]
    if jar and not storage.is_remote(jar) and not os.path.exists(jar):
        raise FileNotFoundError(
            f"--{engine}_job_server_jar {jar}: expected the jar of Beam's job server, but there is "
            "no such file. Check the path, or leave the flag out and Beam fetches the jar."
        )


def _check_dataflow(options: dict[str, Any], paths: Sequence[str]) -> None:
    for name in _NEEDED_BY_DATAFLOW:  # Beam would make a bucket of its own for a lacking location
        if not options[name]:
            raise ValueError(
                f"--runner=DataflowRunner: expected --{name}, received none. Needed are --project, "
                "--region and --temp_location=gs://BUCKET/..."
            )
    for path in paths:
        if not storage.is_remote(path):
            raise ValueError(
                f"--runner=DataflowRunner: expected paths that its workers reach, such as "
                f"gs://BUCKET/..., received {path!r}. Copy the files there."
            )
    if not any(options[name] for name in _PACKAGE_FLAGS):
        raise ValueError(
            "--runner=DataflowRunner: expected a flag that brings this package to the workers, "
            "received none. Name an image with --sdk_container_image, or give --setup_file."
        )


def _check_by_beam(options: Any) -> None:
    from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
    from apache_beam.runners.runner import create_runner

    errors = PipelineOptionsValidator(options, create_runner("DataflowRunner")).validate()
    if errors:
        raise ValueError(f"--runner=DataflowRunner: {' '.join(errors)}")


_CHECKS: dict[str, Callable[[dict[str, Any], Sequence[str]], None]] = {
    "flink": lambda options, paths: _check_job_server(options, "flink"),
    "spark": lambda options, paths: _check_job_server(options, "spark"),
    "dataflow": _check_dataflow,
}
