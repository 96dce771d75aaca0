"""One hash over all shards, whatever engine made them and however the input was cut.

    python -m pytest tests/data_prep/engines/test_agreement.py

ends with the table of docs/engines.md. Engines that are not at hand are skipped and say why.
"""

import glob
import gzip
import os
import shutil
import time

import apache_beam
import pytest

from data_prep.examples.partner_pool import SMALL_BLOCK_TEXTS
from data_prep.features import load_manifest

PROCESSES = "--direct_running_mode=multi_processing"
SECONDS_FOR_A_JOB = 600


@pytest.fixture(scope="session")
def corpora(tmp_path_factory, documents):
    """The same documents as one file, as one file each, and as one compressed file each."""
    folder = tmp_path_factory.mktemp("corpora")
    # Three of each, so that some blocks are small and borrow from the partner pool, some are not.
    texts = ["\n".join(document) + "\n" for document in documents]
    texts += [f"{opening}{text}" for opening in ("sun sea .\n", "the tree .\n") for text in texts]
    (folder / "whole.txt").write_text("\n".join(texts))
    for number, text in enumerate(reversed(texts)):
        (folder / f"plain{number}.txt").write_text(text)
        (folder / f"gz{number}.txt.gz").write_bytes(gzip.compress(text.encode()))
    return {name: folder / pattern for name, pattern in CORPORA.items()}


CORPORA = {"one file": "whole.txt", "120 files": "plain*.txt", "120 gzip files": "gz*.txt.gz"}


@pytest.fixture(scope="session")
def expected(tmp_path_factory, corpora, vocab_file, hash_of):
    """The hash of the plainest job: one file, one process, one thread."""
    from data_prep.create_pretraining_data import main

    folder = tmp_path_factory.mktemp("expected") / "out"
    flags = "--max_seq_length=32 --max_predictions_per_seq=5 --dupe_factor=2 --num_shards=3"
    flags += " --heldout_fraction=0.2 --sentences=given"
    files = [f"--input={corpora['one file']}", f"--vocab_file={vocab_file}", f"--output={folder}"]
    assert main([*flags.split(), *files]) == 0
    shards = load_manifest(str(folder)).splits["train"]["shards"]
    sizes = sorted(shard["documents"] for shard in shards)
    assert sizes[0] < SMALL_BLOCK_TEXTS <= sizes[-1]
    return hash_of(folder)


@pytest.fixture
def compare(table, hash_of, expected):
    """Returns `compare(folder, engine, corpus, started)`: one row of the table, checked."""

    def check(folder, engine, corpus, started):
        digest, seconds = hash_of(folder), time.monotonic() - started
        table.append(f"{engine:26} {corpus:14} {digest[:16]} {seconds:6.1f} s")
        assert digest == expected

    return check


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("threads", [1, 2])
def test_in_one_process(prepare, cut_finely, corpora, corpus, threads, compare):
    mode = ["--direct_running_mode=multi_threading", f"--direct_num_workers={threads}"]
    started = time.monotonic()
    folder = prepare(corpora[corpus], beam=mode if threads > 1 else [])
    compare(folder, f"{threads} threads" if threads > 1 else "in memory", corpus, started)


def test_another_seed_gives_another_hash(prepare, corpora, hash_of, expected):
    assert hash_of(prepare(corpora["one file"], random_seed=1)) != expected


@pytest.fixture
def run(start, corpora, compare):
    """Returns `run(engine, corpus, *beam)`: the command as a process, its result compared."""

    def go(engine, corpus, *beam):
        started = time.monotonic()
        job = start(corpora[corpus], output="out", beam=beam)
        assert job.wait(SECONDS_FOR_A_JOB) == 0, job.log.read_text()
        compare(job.folder, engine, corpus, started)

    return go


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 3])
def test_in_processes(run, workers):
    run(f"{workers} processes", "120 gzip files", PROCESSES, f"--direct_num_workers={workers}")


@pytest.mark.slow
def test_on_dask(run):
    pytest.importorskip("distributed", reason="dask is not installed (extra dask)")
    import dask.distributed

    with dask.distributed.LocalCluster(n_workers=2, threads_per_worker=1) as cluster:
        address = f"--dask_client_address={cluster.scheduler_address}"
        run("Dask, 2 workers", "120 files", "--runner=DaskRunner", address)


def job_server_jar(engine):
    """Path of the jar of Beam's job server; skips the test where it or Java is not at hand."""
    if shutil.which("java") is None:
        pytest.skip("no Java runtime")
    variable, version = f"{engine.upper()}_JOB_SERVER_JAR", apache_beam.__version__
    artifact = f"beam-runners-{engine}-*-job-server"
    found = [
        *glob.glob(os.environ.get(variable, "")),
        *glob.glob(
            os.path.expanduser(f"~/.m2/repository/org/apache/beam/{artifact}/{version}/*.jar")
        ),
        *glob.glob(os.path.expanduser(f"~/.apache_beam/cache/jars/{artifact}-{version}.jar")),
    ]
    if not found:
        pytest.skip(
            f"no {artifact}-{version}.jar in ~/.m2 or ~/.apache_beam/cache/jars, none named by "
            f"{variable}"
        )
    return found[0]


@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["one file", "120 gzip files"])
def test_on_flink(run, corpus):
    jar = f"--flink_job_server_jar={job_server_jar('flink')}"
    run("Flink, local, 2 slots", corpus, "--runner=FlinkRunner", jar, "--parallelism=2")


@pytest.mark.slow
def test_on_spark(run):
    jar = f"--spark_job_server_jar={job_server_jar('spark')}"
    run(
        "Spark, local, 2 threads",
        "120 files",
        "--runner=SparkRunner",
        jar,
        "--spark_master_url=local[2]",
    )
