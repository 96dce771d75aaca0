"""The command on literal little folders: what a reader must find on the page."""

import contextlib
import io
import json
import os
import re

import pytest

from pipeline.commands import report

MANIFEST = {
    "format_version": 1,
    "settings": {},
    "vocab": {"size": 2048, "sha256": "00"},
    "splits": {"train": {"documents": 7, "sequences": 1234, "shards": []}},
    "counts": {"documents": 8, "sentences": 90, "tokens": 4321},
    "rejects": {"utf8": 2},
    "statistics": {"length_histogram": [0, 0, 0, 5, 9], "masked_share": 0.147},
    "versions": {},
}


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


MACHINE = {
    "hardware": {
        "processor": "Z80",
        "cores": 1,
        "memory_gib": 64,
        "accelerators": ["NVIDIA H100 80GB HBM3"],
        "system": "Linux x86_64",
    },
    "flops_per_step": 1_000_000,
    "peak_flops": 9.89e14,
    "peak_origin": "data sheet, bfloat16",
}


def make_run(folder, *, optimizer, heldout_loss, complete=True, has_pairs=True, **facts):
    write_json(
        folder / "run.json",
        {
            "name": "tiny & small",
            "optimizer": optimizer,
            "parameters": 4_385_920,
            "replicas": 1,
            "devices": ["CPU:0"],
            "unigram_loss": 5.371,
            "data": "records",
            "data_manifest": {"statistics": {"random_next_share": 0.575}, "settings": {}},
            "meta_parameters": None,
            "versions": {},
            "lengthened": [{"at_step": 10, "before": 10, "now": 20}] if complete else [],
            **facts,
            "recipe": {
                "name": "tiny & small",
                "optimizer": {"name": optimizer},
                "train": {"num_train_steps": 20},
            },
        },
    )
    rows = [
        {
            "split": split,
            "step": step,
            "seconds": 2.0 * step,
            "rows": step * 8,
            "loss": heldout_loss + 0.6,
            "masked_lm_loss": heldout_loss,
            "masked_lm_accuracy": 0.25,
            "next_sentence_loss": 0.6,
            "next_sentence_accuracy": 0.625,
            "sequences_per_second": 320.0,
            "tokens_per_second": 2560.0,
            "tokens_per_step": 64.0,
        }
        for split in ("train", "heldout")
        for step in (10, 20)
    ]
    for row in () if has_pairs else rows:
        del row["next_sentence_loss"], row["next_sentence_accuracy"]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if complete:
        (folder / "COMPLETED").write_text("{}")


def make_scores(folder, *, sample_tasks):
    row = {"task": "RTE", "metrics": {"accuracy": 0.584}, "score": 0.584, "note": ""}
    write_json(
        folder / "results.json",
        {
            "checkpoint": "elsewhere",
            "initialisation": "checkpoint",
            "encoder_step": 400,
            "sample_tasks": sample_tasks,
            "average": 0.584,
            "rows": [row],
            "settings": {"num_train_epochs": 3.0},
            "not_run": [] if sample_tasks else [{"name": "MNLI", "reason": "unsupported"}],
        },
    )
    (folder / "COMPLETED").write_text("{}")


@pytest.fixture(name="written", scope="module")
def fixture_written(tmp_path_factory):
    """Folder with five sources and their report, and what the command printed."""
    folder = tmp_path_factory.mktemp("report")
    make_run(folder / "a", optimizer="mnemosyne", heldout_loss=3.456, **MACHINE)
    make_run(folder / "b", optimizer="adamw", heldout_loss=4.321, complete=False)
    write_json(folder / "data" / "manifest.json", MANIFEST)
    (folder / "data" / "COMPLETED").write_text("")
    make_scores(folder / "glue", sample_tasks=False)
    make_scores(folder / "sample", sample_tasks=True)
    names = ("a", "b", "data", "glue", "sample")
    arguments = [*(str(folder / name) for name in names), "--output", str(folder / "report.html")]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert report.main(arguments) == 0
    return folder, printed.getvalue()


@pytest.fixture(name="page", scope="module")
def fixture_page(written):
    return (written[0] / "report.html").read_text(encoding="utf-8")


def test_the_path_is_printed_last_and_no_temporary_file_stays(written):
    folder, printed = written
    assert printed.splitlines()[-1] == str(folder / "report.html")
    assert sorted(os.listdir(folder)) == ["a", "b", "data", "glue", "report.html", "sample"]


def test_the_page_needs_nothing_from_outside(page):
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', page) == []
    assert "url(http" not in page and "@import" not in page


def test_the_figures_of_the_runs_are_on_the_page(page):
    for figure in ("3.456", "4.321", "5.371", "25.0%", "62.5%", "320", "2,560", "1.28 k"):
        assert f"<td>{figure}</td>" in page


def test_the_headline_is_the_lower_run(page):
    assert "<b>3.46</b><span>held-out masked-LM loss</span>" in page
    assert "1.92 below the unigram plateau" in page


def test_the_plateau_is_drawn_in_the_pictures_of_the_masked_lm_loss(page):
    pictures = page.split("<svg")[1:]
    has_plateau = ["unigram plateau 5.37" in picture for picture in pictures]
    # By step, tokens, seconds; then next-sentence loss, two accuracies, lengths of records.
    assert has_plateau == [True] * 3 + [False] * 4


def test_losses_are_drawn_over_steps_tokens_and_seconds(page):
    captions = re.findall(r"<figcaption>(nats per masked token, by [^<]*)</figcaption>", page)
    assert [caption.rpartition("by ")[2] for caption in captions] == [
        "step",
        "tokens without padding",
        "training time",
    ]


def test_the_machine_of_a_run_is_on_the_page_as_far_as_it_is_known(page, tmp_path):
    hardware = page.split("<h2>Hardware</h2>")[1].split("</table>")[0]
    for cell in ("Z80", "64 GiB", "NVIDIA H100 80GB HBM3", "989.0 Tflop/s", "data sheet, bfloat16"):
        assert f"<td>{cell}</td>" in hardware
    assert "aiting" not in hardware  # nobody measured it
    make_run(tmp_path / "old", optimizer="adamw", heldout_loss=4.0)
    assert "<h2>Hardware</h2>" not in report_of(tmp_path, "old")


def test_the_lowest_of_several_runs_is_bold(page, tmp_path):
    [row] = re.findall(r'<tr class="best">(.*?)</tr>', page, re.S)
    assert "Mnemosyne" in row
    make_run(tmp_path / "one", optimizer="adamw", heldout_loss=4.0)
    assert 'class="best"' not in report_of(tmp_path, "one")


def test_the_page_suits_a_phone_and_the_dark(page):
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert "prefers-color-scheme: dark" in page
    # Wide tables scroll by themselves; that of the records wraps its two columns.
    assert page.count('<div class="scroll"><table') == page.count("<table") - 1
    assert "var(--series-1)" in page and not re.search(r'svg[^>]* width="', page)


def test_next_sentence_accuracy_is_drawn_against_the_majority_class(page):
    assert page.count("majority class 57.5%") == 1


def report_of(tmp_path, *names):
    arguments = [*(str(tmp_path / name) for name in names), "--output", str(tmp_path / "r.html")]
    assert report.main(arguments) == 0
    return (tmp_path / "r.html").read_text(encoding="utf-8")


def test_runs_without_pairs_have_no_picture_of_them(tmp_path):
    make_run(tmp_path / "alone", optimizer="adamw", heldout_loss=4.0, has_pairs=False)
    make_run(tmp_path / "pairs", optimizer="mnemosyne", heldout_loss=3.0)
    alone = report_of(tmp_path, "alone")
    assert alone.count("<svg") == 4
    assert "sentence pairs classified" not in alone and "majority class" not in alone
    both = report_of(tmp_path, "alone", "pairs")
    assert both.count("<svg") == 6
    assert both.count("majority class 57.5%") == 1


def test_an_unfinished_run_says_how_far_it_came(page):
    assert page.count("unfinished: step 20 of 20") == 1


def test_a_lengthened_run_and_a_fine_tuned_encoder_say_of_which_steps_they_are(page):
    assert page.count("<small>lengthened at step 10: 10 to 20 steps</small>") == 1
    assert page.count("<small>encoder of step 400; 3 epochs</small>") == 2  # GLUE and sample tasks


def test_sample_tasks_are_plainly_not_glue(page):
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert "GLUE" in headings
    assert "Sample tasks <small>not GLUE</small>" in headings
    assert page.count("scores cannot be compared with GLUE") == 1


def test_the_records_are_described(page):
    for value in ("4,321", "1,234 from 7 documents", "14.7%", "2 (utf8 2)"):
        assert f"<td>{value}</td>" in page


def test_every_table_has_a_caption_sentence(page):
    tables = re.findall(
        r"<figure class=.table.><figcaption>(.*?)</figcaption>.*?</figure>", page, re.S
    )
    # Runs, two of scores, records, hardware, settings.
    assert len(tables) == page.count("<table") == 6
    assert all(caption.strip().endswith(".") for caption in tables)


def test_tasks_that_are_not_run_are_named_and_averages_are_counted(page):
    assert "<li>MNLI: not run, this version does not support the task.</li>" in page
    assert page.count("<td>58.4<small>1 task</small></td>") == 2


def test_names_are_escaped(page):
    assert "tiny &amp; small" in page
    assert "tiny & small" not in page


def test_one_folder_of_records_makes_a_page(tmp_path):
    write_json(tmp_path / "data" / "manifest.json", MANIFEST)
    (tmp_path / "data" / "COMPLETED").write_text("")
    output = tmp_path / "report.html"
    report.main([str(tmp_path / "data"), "--output", str(output)])
    page = output.read_text(encoding="utf-8")
    assert "<h2>Records</h2>" in page and "<h2>Runs</h2>" not in page


def test_an_output_that_cannot_be_written_leaves_nothing(tmp_path):
    make_run(tmp_path / "a", optimizer="adamw", heldout_loss=4.0)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="--output .*folder: expected a file that can be written"):
        report.main([str(tmp_path / "a"), "--output", str(tmp_path / "folder")])
    assert sorted(os.listdir(tmp_path)) == ["a", "folder"]
    assert os.listdir(tmp_path / "folder") == []
