"""`mnemosyne bench finetune` with programs that train nothing."""

import json
import pathlib
import sys

import numpy as np
import pytest

from pipeline.commands import bench
from pipeline.lab.finetune_speed import examples, story

CHECK = """
    import numpy
    assert numpy.load(settings["examples"])["labels"].tolist() == [1, 0, 1, 0]
"""


@pytest.fixture
def flags(tmp_path):
    """Those of a little task SST-2."""
    (tmp_path / "glue" / "SST-2").mkdir(parents=True)
    for name in ("train", "dev"):
        content = "sentence\tlabel\n" + "a good film\t1\na film\t0\n" * 2
        (tmp_path / "glue" / "SST-2" / f"{name}.tsv").write_text(content)
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "film"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocab) + "\n")
    paths = [f"--glue_dir={tmp_path / 'glue'}", f"--vocab_file={tmp_path / 'vocab.txt'}"]
    toy = ["--tasks=SST-2", "--size=tiny", "--batch_size=2", "--max_seq_length=8", "--rounds=2"]
    return ["finetune", *paths, *toy, "--steps=1", f"--output={tmp_path / 'figures.json'}"]


def test_all_take_turns_and_the_table_shows_them(
    flags, fake_program, tmp_path, monkeypatch, capsys
):
    path = fake_program(build=CHECK, loss=0.69)
    monkeypatch.setattr(story, "_program", lambda library: path)
    assert bench.main([*flags, "--hf_tf", sys.executable]) == 0
    (case,) = json.loads((tmp_path / "figures.json").read_text())["cases"]
    assert list(case["programs"]) == ["mnemosyne", "Hugging Face TF"]
    # Rows of 8: [CLS] a good film [SEP] and [CLS] a film [SEP].
    assert case["text_fraction"] == (5 + 4) / 16
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].startswith("SST-2, BERT-tiny, 2 examples a step, at most 8 tokens, 56% of")
    assert printed[-1].startswith("CPU time of a step, ours 1; SST-2: ")


def test_a_regression_is_refused(flags, tmp_path):
    (tmp_path / "glue" / "STS-B").mkdir()
    with pytest.raises(ValueError, match="expected tasks of classes, received STS-B"):
        examples.save_examples(
            str(tmp_path / "glue"), "STS-B", "", max_seq_length=8, folder=str(tmp_path)
        )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--rounds=0"], "--rounds: expected at least 1"),
        (["--max_seq_length=4"], "--max_seq_length: expected 5 to 512, received 4"),
        (["--dropout=1"], "--dropout: expected from 0"),
        (["--core=4096"], "--core: expected one of"),
    ],
)
def test_flags_that_make_no_sense_are_refused(flags, more, message):
    with pytest.raises(ValueError, match=message):
        bench.main([*flags, *more])


def test_every_program_exists():
    everything = story.contestants(
        story.Settings("", "", keras_hub="python", hf_tf="python", mnemosyne=True)
    )
    assert [each.name for each in everything][:2] == ["mnemosyne", "mnemosyne, its own optimizer"]
    for each in everything:
        assert pathlib.Path(each.program).is_file()


@pytest.mark.slow
def test_ours_trains_the_classifier_that_it_is_asked_for(flags, tmp_path, peer_flags):
    more = peer_flags(*story.PEERS)
    assert bench.main([*flags, *more]) == 0
    (case,) = json.loads((tmp_path / "figures.json").read_text())["cases"]
    assert len(case["programs"]) == 1 + len(more)
    for figures in case["programs"].values():
        # Two classes at random weights.
        assert figures["first_loss"] == pytest.approx(np.log(2), abs=0.3)
