"""The command on literal little folders: what a reader must find on the page."""

import contextlib
import io
import json
import os
import re

import pytest
from report_folders import MACHINE, MANIFEST, make_run, make_scores, write_json

from pipeline.commands import report


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


def test_a_run_that_was_watched_has_a_picture_of_the_steps_of_each_role(tmp_path):
    make_run(tmp_path / "run", optimizer="mnemosyne", heldout_loss=4.0)
    assert "<h2>Steps</h2>" not in report_of(tmp_path, "run")
    with open(tmp_path / "run" / "metrics.jsonl", "a") as file:
        for step, moved, multiplier in ((10, 0.0, 1.0), (20, 0.5, 2.0)):
            row = {"relative_step/query_and_key": moved, "relative_step/bias": moved}
            row |= {"multiplier/query_and_key": multiplier, "multiplier/bias": 1.0}
            file.write(json.dumps({"split": "steps", "step": step, **row}) + "\n")
    captions = re.findall(r"<figcaption>([^<]*): ([^<]*)</figcaption>", report_of(tmp_path, "run"))
    assert captions == [
        ("step over weight, RMS, by step", "query and key"),
        ("step over weight, RMS, by step", "bias"),
        ("what the memory multiplied the rate by, by step", "query and key"),
    ]


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
