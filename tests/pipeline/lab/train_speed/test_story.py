import contextlib
import io
import json
import sys

import pytest

from pipeline.commands import bench
from pipeline.lab.prepare import processor
from pipeline.lab.side_by_side.contestant import OUR_ROOT, Contestant
from pipeline.lab.train_speed import contestants, story

TOY = (
    *("--sizes", "tiny", "--vocab_size", "100", "--batch_size", "2", "--max_seq_length", "16"),
    *("--max_predictions_per_seq", "3", "--rounds", "2"),
)


@pytest.fixture
def all_programs_are_fake(monkeypatch, fake_program):
    """Every contestant is one program that does nothing for 0.01 s a step."""
    path = fake_program()
    monkeypatch.setattr(contestants, "_program", lambda library: path)
    products = Contestant(contestants.MATRIX_PRODUCTS, path)
    monkeypatch.setattr(story, "matrix_products", lambda: products)


def test_all_take_turns_and_the_table_shows_them(all_programs_are_fake, tmp_path, capsys):
    path = tmp_path / "train.json"
    flags = ["--keras_hub", sys.executable, "--baseline", OUR_ROOT, "--output", str(path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contestants, "_program_of_checkout", lambda root: contestants._program("any"))
        assert bench.main(["train", *TOY, *flags, "--helped", "--dropout", "0.1", "0"]) == 0
    printed = capsys.readouterr().out
    assert f"processor: {processor.name()}" in printed
    first, second = json.loads(path.read_text())["cases"]
    assert (first["dropout"], second["dropout"]) == (0.1, 0.0)
    assert list(first["programs"]) == [
        *("mnemosyne", "baseline", "keras-hub"),
        *("mnemosyne, helped", "baseline, helped", "keras-hub, helped"),
    ]
    for name, figures in first["programs"].items():
        assert len(figures["turns"]) == 2
        assert printed.count(f"\n{name}  ") == 2
    last = printed.splitlines()[-1]
    assert last.startswith("CPU time of a step, ours 1; BERT-tiny, dropout 0.1, one core: ")


def test_what_trains_another_model_is_refused(all_programs_are_fake, fake_program, monkeypatch):
    other = fake_program("other", parameters=10**6)
    monkeypatch.setattr(contestants, "_program_of_checkout", lambda root: other)
    with pytest.raises(ValueError, match="baseline has 1,000,000 weights, expected our 100"):
        bench.main(["train", *TOY, "--baseline", OUR_ROOT])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--rounds", "0"], "--rounds: expected at least 1, received 0"),
        (["--max_seq_length", "1024"], "--max_seq_length: .* at most 512, received 1024"),
        (["--max_seq_length", "20"], "expected more than the 20 predictions"),
        (["--dropout", "1"], "--dropout: expected from 0 to below 1, received 1"),
        (["--core", "4096"], r"--core: expected one of \[.*received 4096"),
    ],
)
def test_flags_that_make_no_sense_are_refused(flags, message):
    with pytest.raises(ValueError, match=message):
        bench.main(["train", *flags])


def test_a_python_that_is_none_says_how_to_make_one():
    with pytest.raises(FileNotFoundError, match=r"--hf_tf: .*nothing.*pip install 'transformers"):
        bench.main(["train", "--hf_tf", "nothing"])


def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"--baseline: .*no pipeline/cli\.py"):
        bench.main(["train", "--baseline", str(tmp_path)])


@pytest.mark.slow
def test_our_step_trains_the_model_that_it_is_asked_for(tmp_path, peer_flags):
    path = tmp_path / "train.json"
    flags = peer_flags(*contestants.PEERS)
    with contextlib.redirect_stdout(io.StringIO()):
        assert bench.main(["train", *TOY, *flags, f"--output={path}"]) == 0
    programs = json.loads(path.read_text())["cases"][0]["programs"]
    assert len(programs) == 1 + len(flags)
    embeddings = (100 + 512 + 2) * 128 + 2 * 128
    block = 4 * (128 + 1) * 128 + (128 + 1) * 512 + (512 + 1) * 128 + 2 * 2 * 128
    pooler, transform, next_sentence = (128 + 1) * 128, (128 + 1) * 128 + 2 * 128, (128 + 1) * 2
    expected = embeddings + 2 * block + pooler + transform + 100 + next_sentence
    for name, figures in programs.items():
        assert figures["parameters"] == expected, name
        assert figures["turns"][-1]["cpu_seconds"] > 0


@pytest.mark.slow
def test_profile_finds_products_and_the_optimizer_in_our_step(tmp_path):
    path = tmp_path / "profile.json"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert bench.main(["train", *TOY, "--profile", f"--output={path}"]) == 0
    ours = json.loads(path.read_text())["cases"][0]["programs"]["mnemosyne"]
    for part in ("matrix products", "attention", "blocks", "optimizer"):
        assert ours["seconds"][part] > 0
        assert f"\n{part}  " in printed.getvalue()
    assert printed.getvalue().splitlines()[-1].startswith("matrix products are ")
