import json
import random

import pytest

from data_prep.corpus.documents import document_id
from data_prep.sample_glue_tasks import cola_rows, main, rte_rows, swap_two_words
from data_prep.settings import is_heldout

DOCUMENTS = [
    [f"document {name} holds sentence number {i} here" for i in range(9)] for name in "abcdefghij"
]


@pytest.fixture
def tasks(tmp_path):
    (tmp_path / "corpus.txt").write_text("\n\n".join("\n".join(each) for each in DOCUMENTS))

    def make(*flags, fraction=0.8, name="tasks"):
        arguments = [f"--input={tmp_path}/corpus.txt", "--sentences=given", *flags]
        folder = tmp_path / name
        assert main([*arguments, f"--output={folder}", f"--heldout_fraction={fraction}"]) == 0
        return folder

    return make


def read(path):
    return [line.split("\t") for line in path.read_text().removesuffix("\n").split("\n")]


def origin(sentence):
    return next(word for word in sentence.split() if len(word) == 1 and word.isalpha())


def test_cola_has_four_columns_no_header_and_both_labels_alike(tasks):
    rows = read(tasks() / "CoLA" / "train.tsv")
    assert {len(row) for row in rows} == {4}
    assert {(row[1], row[2]) for row in rows} == {("1", ""), ("0", "*")}
    assert sum(row[1] == "1" for row in rows) * 2 == len(rows)


def test_rte_has_a_header_and_its_labels_are_true(tasks):
    header, *rows = read(tasks() / "RTE" / "dev.tsv")
    assert header == ["index", "sentence1", "sentence2", "label"]
    sentences = {
        sentence: (place, i)
        for place, doc in enumerate(DOCUMENTS)
        for i, sentence in enumerate(doc)
    }
    for _, one, two, label in rows:
        (place, i), (other, j) = sentences[one], sentences[two]
        follows = place == other and j == i + 1
        assert label == ("entailment" if follows else "not_entailment")
        assert follows or place != other
    assert {row[3] for row in rows} == {"entailment", "not_entailment"}


def test_only_heldout_documents_are_used_and_train_and_dev_share_none(tasks):
    folder = tasks()
    heldout = {
        origin(document[0])
        for document in DOCUMENTS
        if is_heldout(document_id([line.encode() for line in document]), 0.8)
    }
    used = {
        split: {origin(row[3]) for row in read(folder / "CoLA" / f"{split}.tsv")}
        for split in ("train", "dev")
    }
    assert used["train"] | used["dev"] == heldout
    assert not used["train"] & used["dev"]


def test_sizes_are_capped(tasks):
    folder = tasks("--max_train=10", "--max_dev=4")
    assert len(read(folder / "CoLA" / "train.tsv")) == 10
    assert len(read(folder / "RTE" / "dev.tsv")) == 1 + 4


def test_the_folder_says_that_it_is_not_glue(tasks):
    assert "NOT GLUE" in (tasks() / "README.txt").read_text()


def test_the_same_seed_gives_the_same_tasks(tasks):
    first = (tasks(name="one") / "RTE" / "train.tsv").read_bytes()
    assert (tasks(name="two") / "RTE" / "train.tsv").read_bytes() == first
    assert (tasks("--random_seed=5", name="three") / "RTE" / "train.tsv").read_bytes() != first


def test_run_again_it_says_that_all_is_done(tasks, capsys):
    folder = tasks()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    capsys.readouterr()
    tasks()
    assert capsys.readouterr().out == f"already complete: {folder}\n"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_other_settings_are_refused_by_name(tasks):
    tasks()
    with pytest.raises(ValueError, match=r"other settings \(random_seed: 12345, now 5\)"):
        tasks("--random_seed=5")


def test_a_folder_without_marker_is_made_again_and_one_of_others_is_refused(tasks, tmp_path):
    folder = tasks()
    (folder / "COMPLETED").unlink()
    assert (tasks() / "COMPLETED").exists()
    (tmp_path / "glue" / "CoLA").mkdir(parents=True)
    with pytest.raises(ValueError, match="new or empty folder, but it holds CoLA"):
        tasks(name="glue")


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0])
def test_a_fraction_that_holds_out_nothing_or_all_is_refused(tasks, fraction):
    with pytest.raises(ValueError, match="--heldout_fraction between 0 and 1"):
        tasks(fraction=fraction)


def test_too_few_heldout_documents_are_refused(tasks):
    with pytest.raises(ValueError, match="at least two held-out documents for train"):
        tasks(fraction=0.01)


@pytest.mark.parametrize("seed", range(20))
def test_a_swap_exchanges_two_different_words(seed):
    sentence = "a a a b c"
    swapped = swap_two_words(sentence, random.Random(seed))
    assert swapped != sentence
    assert sorted(swapped) == sorted(sentence)
    assert sum(x != y for x, y in zip(swapped.split(), sentence.split(), strict=True)) == 2


def test_sentences_too_short_too_long_or_of_one_word_are_left_out():
    documents = [["one two", "w " * 41, "no no no no no"]]
    assert cola_rows(documents, 10, random.Random(0)) == []
    assert rte_rows(documents, 10, random.Random(0)) == []


def test_the_folder_says_so_in_a_field_too(tasks):
    origin = json.loads((tasks() / "sample_tasks.json").read_text())
    assert origin == {"is_glue": False, "made_by": "mnemosyne sample-tasks"}
