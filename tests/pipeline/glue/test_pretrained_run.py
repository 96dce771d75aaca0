"""What is read of a run folder, and what is refused."""

import json

import pytest

from models import BertConfig
from pipeline.glue.pretrained_run import read_run

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CONFIG = BertConfig(
    vocab_size=12,
    hidden_dim=16,
    num_layers=1,
    num_heads=2,
    intermediate_dim=16,
    max_position_embeddings=512,
)


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    return make_folder(tmp_path / "run")


def make_folder(path, entries=("the", "cat")):
    path.mkdir()
    CONFIG.save(path / "bert_config.json")
    (path / "vocab.txt").write_text("\n".join([*SPECIAL, *entries]) + "\n")
    return path


def write_facts(folder, *, recipe_length=64, made_with=None, initial_run=""):
    facts = {
        "recipe": {
            "prepare": {"max_seq_length": recipe_length},
            "train": {"initial_run": str(initial_run)},
        },
        "data_manifest": {"settings": made_with or {}},
    }
    (folder / "run.json").write_text(json.dumps(facts))


@pytest.mark.parametrize("missing", ["bert_config.json", "vocab.txt"])
def test_a_folder_that_is_no_run_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f"{missing}.*--output"):
        read_run(str(folder))


def test_what_stands_in_place_of_a_run_is_named_with_the_way_on(folder):
    (folder / "bert_config.json").unlink()
    (folder / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="a folder of Hugging Face; .*`mnemosyne import`"):
        read_run(str(folder))
    for name in ("RTE-seed0", "RTE"):
        (folder / "models" / name).mkdir(parents=True)
        (folder / "models" / name / "model.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=f"name one of its models: {folder}/models/RTE$"):
        read_run(str(folder))


def test_a_message_begins_with_the_path_and_names_no_flag_of_one_caller(folder):
    with pytest.raises(FileNotFoundError, match="^nodir: expected a pre-training run folder, "):
        read_run("nodir")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    write_facts(folder, made_with={"do_lower_case": True})
    with pytest.raises(ValueError, match=f"^{folder}: expected one casing, "):
        read_run(str(folder))


def test_length_and_trained_positions_are_those_of_the_records(folder):
    write_facts(folder, recipe_length=64)
    run = read_run(str(folder))
    assert (run.max_seq_length, run.trained_positions) == (64, 64)
    assert list(run.untrained_positions(66)) == [64, 65]
    assert not run.untrained_positions(64) and not run.untrained_positions(32)


def test_an_earlier_phase_on_longer_records_trained_its_positions_too(folder, tmp_path):
    first = make_folder(tmp_path / "first")
    write_facts(first, recipe_length=256)
    write_facts(folder, recipe_length=64, initial_run=first)
    run = read_run(str(folder))
    assert (run.max_seq_length, run.trained_positions) == (64, 256)


def test_phases_that_name_each_other_end(folder):
    write_facts(folder, initial_run=folder)
    assert read_run(str(folder)).trained_positions == 64


def test_sizes_without_a_run_have_the_length_of_bert_and_no_untrained_positions(folder):
    run = read_run(str(folder))
    assert (run.max_seq_length, run.trained_positions) == (128, 512)
    assert (run.do_lower_case, run.ids) == (True, "bert")


def test_a_sequence_longer_than_the_encoder_is_refused(folder):
    run = read_run(str(folder))
    run.check_length(512)
    with pytest.raises(ValueError, match="max_position_embeddings 512, received 513"):
        run.check_length(513)


@pytest.mark.parametrize("do_lower_case", [True, False])
def test_casing_and_ids_are_those_of_the_records(folder, do_lower_case):
    write_facts(folder, made_with={"do_lower_case": do_lower_case, "ids": "tf_text"})
    run = read_run(str(folder))
    assert (run.do_lower_case, run.ids) == (do_lower_case, "tf_text")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("recipe.yaml", "vocab:\n  do_lower_case: false\n"),
        ("recipe.yaml", "prepare:\n  do_lower_case: false\n"),
        ("vocab.txt.json", '{"settings": {"do_lower_case": false}}'),
        ("tokenizer_config.json", '{"do_lower_case": false}'),
    ],
)
def test_every_record_of_casing_is_read_and_a_contradiction_is_refused(folder, name, content):
    (folder / name).write_text(content)
    assert not read_run(str(folder)).do_lower_case
    write_facts(folder, made_with={"do_lower_case": True})
    with pytest.raises(ValueError, match=f"settings.do_lower_case = true.*{name}.* = false"):
        read_run(str(folder))


def test_a_recipe_that_leaves_casing_to_the_vocabulary_is_no_contradiction(folder):
    (folder / "recipe.yaml").write_text("prepare:\n  do_lower_case: null\n")
    write_facts(folder, made_with={"do_lower_case": False})
    assert not read_run(str(folder)).do_lower_case


def test_without_a_record_the_entries_decide(tmp_path):
    cased = make_folder(tmp_path / "cased", entries=["The", "Cat", "the"])
    assert not read_run(str(cased)).do_lower_case
    # A stray capital in hundreds of entries does not make a vocabulary cased.
    words = [f"word{i}" for i in range(200)]
    assert read_run(str(make_folder(tmp_path / "stray", ["A", *words]))).do_lower_case
