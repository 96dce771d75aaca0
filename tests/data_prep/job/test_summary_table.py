import dataclasses
import pathlib
import re

import pytest

from data_prep.job.manifest import Manifest
from data_prep.job.summary_table import peak_memory, summary_table

MANIFEST = Manifest(
    settings={"objective": "mlm_nsp", "masking": "static"},
    vocab={},
    splits={
        "train": {"documents": 2, "sequences": 4, "shards": [{}]},
        "heldout": {"documents": 2, "sequences": 4, "shards": [{}]},
    },
    counts={
        "files": 1,
        "bytes_in": 2_000_000,
        "documents": 4,
        "sentences": 12,
        "tokens": 100,
        "lines_cut": 2,
        "documents_cut": 0,
    },
    rejects={"line:invalid_utf8": 1},
    versions={},
    statistics={
        "mean_length": 20.0,
        "masked_share": 0.15,
        "random_next_share": 0.75,
        "unknown_share": 0.02,
        "rejected_fraction": 0.25,
    },
)


def table(manifest=MANIFEST):
    return summary_table(manifest, seconds=4.0, peak_bytes=3 << 20, output="out").splitlines()


def test_the_table_shows_what_was_made():
    assert table() == [
        "files                1",
        "text                 2.0 MB",
        "documents            4",
        "sentences            12",
        "tokens               100 (2.000% unknown)",
        "train sequences      4 in 1 shards, of 2 documents",
        "heldout sequences    4 in 1 shards, of 2 documents",
        "mean length          20.0 tokens",
        "random next          75.0%",
        "masked               15.0% of tokens",
        "long lines cut       2",
        "rejects              1 (25.00% of the input)",
        "  line:invalid_utf8  1",
        "time                 4.0 s, 0.50 MB/s",
        "memory               3 MiB at most in one process",
        "output               out",
    ]


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({"objective": "mlm_sop"}, ["swapped 75.0%", "masked 15.0% of tokens"]),
        ({"objective": "mlm"}, ["masked 15.0% of tokens"]),
        (
            {"objective": "span_corruption"},
            ["replaced 15.0% of tokens", "targets 8 tokens, up to 2 spans"],
        ),
        ({"masking": "dynamic"}, ["random next 75.0%", "masked by the trainer"]),
    ],
)
def test_the_table_leaves_out_what_records_do_not_hold(changes, rows):
    statistics = {**MANIFEST.statistics, "target_length": 8, "num_sentinels": 2}
    settings = {**MANIFEST.settings, **changes}
    manifest = dataclasses.replace(MANIFEST, settings=settings, statistics=statistics)
    lines = [" ".join(line.split()) for line in table(manifest)]
    assert lines[8 : 8 + len(rows) + 1] == [*rows, "long lines cut 2"]


def test_the_peak_is_at_least_what_the_kernel_says_of_this_process():
    status = pathlib.Path("/proc/self/status").read_text()
    kilobytes = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    # The kernel counts some pages late.
    assert peak_memory() > 0.9 * kilobytes * 1024


def test_pages_left_out_are_shown_by_their_cause():
    causes = [
        *("redirect", "other_namespace", "other_model", "deleted", "stub", "empty"),
        "without_prose",
    ]
    numbers = {f"pages_{cause}": 101 + index for index, cause in enumerate(causes)}
    counts = {**MANIFEST.counts, **numbers}
    rows = [line for line in table(dataclasses.replace(MANIFEST, counts=counts)) if "pages" in line]
    assert [int(row.split()[-1]) for row in rows] == list(numbers.values())
    assert len({row.rsplit(None, 1)[0] for row in rows}) == len(causes)
