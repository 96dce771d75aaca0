import argparse
import pathlib
import re

import pytest

from data_prep.beam import command_flags, engines
from data_prep.beam.worker_watchdog import WorkerDiedError


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser(prog="mnemosyne prepare", exit_on_error=False)
    parser.add_argument("--max_seq_length", type=int)
    return parser


@pytest.mark.parametrize("flag", ["--runner=FlinkRunner", "--direct_num_workers=2"])
def test_flags_of_beam_pass(parser, flag):
    command_flags.check_beam_flags(parser, [flag])


def test_a_misspelt_flag_is_refused_with_the_nearest(parser):
    with pytest.raises(ValueError, match="'--max_seq_lenght=9'. Did you mean --max_seq_length?"):
        command_flags.check_beam_flags(parser, ["--max_seq_lenght=9"])


def engine_commands():
    """The commands of docs/engines.md, each as its list of flags."""
    text = (pathlib.Path(__file__).parents[3] / "docs" / "engines.md").read_text()
    blocks = [block.replace("\\\n", " ") for block in text.split("```")[1::2]]
    return [re.findall(r"--\S+", line) for block in blocks for line in block.strip().split("\n")]


@pytest.mark.parametrize("flags", engine_commands())
def test_every_flag_of_the_engines_page_is_known_with_its_value(parser, flags, monkeypatch):
    if "--runner=DaskRunner" in flags:
        pytest.importorskip("distributed", reason="dask is not installed (extra dask)")
    monkeypatch.setattr(engines, "check_engine", lambda *_: None)  # no Java, no jar, no bucket here
    command_flags.check_beam_flags(parser, flags)
    from apache_beam.options.pipeline_options import PipelineOptions

    names = {flag.partition("=")[0].removeprefix("--") for flag in flags}
    # The one option whose value goes by another name than its flag.
    names = {"address" if name == "dask_client_address" else name for name in names}
    given = PipelineOptions(flags).get_all_options()
    assert names <= set(given)


def test_a_death_of_a_worker_is_one_line_and_exit_code_1(capsys):
    assert command_flags.report_dead_worker(WorkerDiedError("why")) == 1
    assert capsys.readouterr().err == "mnemosyne: error: why\n"
