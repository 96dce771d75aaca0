"""Where google-research/bert's own code is at hand: what stands in for it elsewhere is right."""

import json
import unicodedata

import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def google(google_bert):
    if google_bert.folder() is None:
        pytest.skip(google_bert.HOW_TO_GET_IT)
    return google_bert


def test_the_twin_splits_every_code_point_as_the_original(google, bert_twin, tmp_path):
    points = [
        chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cs", "Co")
    ]
    # Those without a meaning yet are letters to BERT; one in fifty of them is enough.
    points = [c for n, c in enumerate(points) if unicodedata.category(c) != "Cn" or n % 50 == 0]
    lines = [" ".join(f"{c} a{c}b" for c in points[n : n + 50]) for n in range(0, len(points), 50)]
    (tmp_path / "lines").write_text(json.dumps(lines))
    google.run("words", tmp_path / "lines", tmp_path / "words")
    words = json.loads((tmp_path / "words").read_text())
    for do_lower_case in (True, False):
        ours = [bert_twin.words_of(line, do_lower_case) for line in lines]
        assert ours == words[str(do_lower_case)]


def test_the_golden_counts_are_those_of_the_script(google, record_statistics, golden, tmp_path):
    google.run("counts", tmp_path / "counts", "--runs", 3)
    fresh = json.loads((tmp_path / "counts").read_text())
    for name, rows in fresh["histograms"].items():
        assert golden["histograms"][name][:3] == rows


def test_counts_of_other_seeds_are_within_chance_of_the_golden_ones(
    google, record_statistics, golden, tmp_path
):
    google.run("counts", tmp_path / "counts", "--runs", 20, "--first_seed", 2_000)
    fresh = json.loads((tmp_path / "counts").read_text())
    for name, rows in fresh["histograms"].items():
        one, other = np.array(rows), np.array(golden["histograms"][name])
        assert record_statistics.difference(one, other, name) > 1e-3, name
