"""Folders are recognised by what they hold, and runs get labels that differ."""

import json

import pytest

from pipeline.report import sources as report_sources

MANIFEST = {
    "format_version": 1,
    "settings": {"max_seq_length": 64},
    "vocab": {"size": 2048, "sha256": "00"},
    "splits": {"train": {"documents": 3, "sequences": 40, "shards": []}},
    "counts": {},
    "rejects": {},
    "statistics": {},
    "versions": {},
}


def make_run(folder, *, name="tiny", optimizer="mnemosyne", rows="", complete=True):
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"name": name, "optimizer": optimizer}))
    (folder / "metrics.jsonl").write_text(rows)
    if complete:
        (folder / "COMPLETED").write_text("{}")
    return str(folder)


def test_each_kind_of_folder_is_recognised(tmp_path):
    run = make_run(tmp_path / "run")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "data" / "COMPLETED").write_text("")
    (tmp_path / "glue").mkdir()
    (tmp_path / "glue" / "results.json").write_text('{"rows": []}')
    sources = report_sources.read_sources(
        [str(tmp_path / "glue"), run, str(tmp_path / "data"), run]
    )
    assert [source.directory for source in sources.runs] == [run]
    assert sources.data[0].manifest.vocab["size"] == 2048
    assert sources.scores[0].results == {"rows": []}
    assert not sources.scores[0].is_complete


def test_of_rows_of_one_step_the_last_counts(tmp_path):
    rows = [
        '{"split": "heldout", "step": 20, "masked_lm_loss": 3.0}',
        '{"split": "train", "step": 10, "masked_lm_loss": 5.0}',
        '{"split": "train", "step": 10, "masked_lm_loss": 4.0}',
    ]
    folder = make_run(tmp_path / "run", rows="\n".join(rows) + "\n")
    run = report_sources.read_sources([folder]).runs[0]
    assert [(row["step"], row["masked_lm_loss"]) for row in run.train] == [(10, 4.0)]
    assert [row["step"] for row in run.heldout] == [20]
    assert run.last_step == 20


def test_tokens_so_far_are_the_sum_over_the_steps(tmp_path):
    rows = [
        '{"split": "train", "step": 10, "tokens_per_step": 100.0}',
        '{"split": "heldout", "step": 15}',
        '{"split": "train", "step": 20, "tokens_per_step": 200.0}',
    ]
    folder = make_run(tmp_path / "run", rows="\n".join(rows) + "\n")
    run = report_sources.read_sources([folder]).runs[0]
    assert [row["tokens"] for row in run.train] == [1_000.0, 3_000.0]
    assert [row["tokens"] for row in run.heldout] == [2_000.0]  # half of the second ten steps


def test_a_run_that_counted_no_tokens_has_none(tmp_path):
    folder = make_run(tmp_path / "run", rows='{"split": "train", "step": 10}\n')
    run = report_sources.read_sources([folder]).runs[0]
    assert "tokens" not in run.train[0]


def test_a_row_that_a_killed_run_began_is_left_out(tmp_path):
    rows = '{"split": "train", "step": 10}\n{"split": "train", "st'
    folder = make_run(tmp_path / "run", rows=rows, complete=False)
    run = report_sources.read_sources([folder]).runs[0]
    assert run.last_step == 10
    assert not run.is_complete


@pytest.mark.parametrize("bad", ["not JSON", '{"split": "test", "step": 1}', "[1]"])
def test_a_malformed_row_is_named(tmp_path, bad):
    rows = '{"split": "train", "step": 10}\n' + bad + "\n"
    folder = make_run(tmp_path / "run", rows=rows)
    with pytest.raises(ValueError, match="metrics.jsonl, line 2: expected a JSON row"):
        report_sources.read_sources([folder])


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        ([("a", "tiny", "adamw")], ["tiny, AdamW"]),
        ([("a", "tiny", "mnemosyne"), ("b", "tiny", "adamw")], ["Mnemosyne", "AdamW"]),
        ([("a", "tiny", "adamw"), ("b", "mini", "adamw")], ["tiny, AdamW", "mini, AdamW"]),
        ([("a", "tiny", "adamw"), ("b", "tiny", "adamw")], ["a", "b"]),
    ],
)
def test_the_label_is_the_shortest_that_tells_runs_apart(tmp_path, runs, labels):
    folders = [make_run(tmp_path / d, name=n, optimizer=o) for d, n, o in runs]
    found = report_sources.read_sources(folders).runs
    assert [run.label for run in found] == labels


def test_runs_in_folders_of_one_name_are_told_apart_by_their_paths(tmp_path):
    folders = [make_run(tmp_path / name / "pretrain") for name in ("a", "b")]
    assert [run.label for run in report_sources.read_sources(folders).runs] == folders


@pytest.mark.parametrize(
    ("statistics", "accuracy"),
    [({"random_next_share": 0.6}, 0.6), ({"random_next_share": 0.25}, 0.75), ({}, 0.5)],
)
def test_the_majority_class_is_right_for_the_larger_part(statistics, accuracy):
    facts = {"data_manifest": {"statistics": statistics, "settings": {}}}
    assert report_sources.Run("run", facts, [], [], True).majority_accuracy == accuracy


def test_a_folder_of_no_kind_says_what_it_holds(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ValueError, match="expected manifest.json .* received notes.txt"):
        report_sources.read_sources([str(tmp_path)])


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: expected a folder"):
        report_sources.read_sources([str(tmp_path / "nowhere")])


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(ValueError, match="results.json: expected JSON"):
        report_sources.read_sources([str(tmp_path)])


def test_a_run_of_vit_has_a_page_of_its_own(tmp_path):
    (tmp_path / "results.json").write_text(json.dumps({"kind": "vit"}))
    with pytest.raises(ValueError, match="received a run of `mnemosyne vit`"):
        report_sources.read_sources([str(tmp_path)])


@pytest.mark.parametrize(
    ("results", "kind"),
    [
        ({"sample_tasks": False}, "glue"),  # of an earlier version
        ({"sample_tasks": True}, "sample"),
        ({"sample_tasks": False, "kind": "own"}, "own"),
    ],
)
def test_scores_are_of_one_of_three_kinds_of_tasks(results, kind):
    table = report_sources.ScoreTable("scores", results, is_complete=True)
    assert table.kind == kind
    of_kind = report_sources.Sources((), (), (table,)).scores_of(kind)
    assert of_kind == [table]
