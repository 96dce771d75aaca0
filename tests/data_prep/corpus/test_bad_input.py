"""Policies for bad input: how they are read, what the log does, and how a job obeys them."""

import json

import pytest

from data_prep.corpus.bad_input import BadInputError, RejectLog, parse_policies
from data_prep.corpus.rejects import Reject
from data_prep.features import load_manifest


def test_policies_are_told_apart_by_reason_and_family():
    policies = parse_policies("stream=fail,line:invalid_utf8=replace,quarantine")
    assert policies["stream:truncated"] == policies["stream:corrupt"] == "fail"
    assert policies["line:invalid_utf8"] == "replace"
    assert policies["jsonl:no_text"] == "quarantine"


def test_replace_for_all_means_where_it_is_possible():
    policies = parse_policies("replace")
    assert policies.pop("line:invalid_utf8") == "replace"
    assert set(policies.values()) == {"quarantine"}


@pytest.mark.parametrize("text", ["ignore", "stream=ignore", "tape=fail", "", "fail=stream"])
def test_an_unknown_policy_or_reason_is_refused_with_the_known_ones(text):
    with pytest.raises(ValueError, match="quarantine, replace, fail and a reason of stream:trunc"):
        parse_policies(text)


def test_what_cannot_be_mended_cannot_be_replaced():
    with pytest.raises(ValueError, match="only line:invalid_utf8 can. Choose quarantine or fail"):
        parse_policies("stream=replace")


def test_the_log_saves_counts_and_fails_by_reason(tmp_path):
    policies = parse_policies("quarantine,jsonl=fail")
    with RejectLog(str(tmp_path / "log"), policies) as log:
        log.write(Reject("f", 3, "line:invalid_utf8", b"\xff", 1))
        with pytest.raises(BadInputError, match="f: .*jsonl:no_text at 9 .2 bytes"):
            log.write(Reject("f", 9, "jsonl:no_text", b"{}", 2))
    assert log.reasons == {"reject line:invalid_utf8": 1}
    assert len((tmp_path / "log").read_text().splitlines()) == 1


@pytest.fixture
def bad_corpus(tmp_path, corpus_text):
    path = tmp_path / "corpus.txt"
    path.write_bytes(corpus_text.encode() + b"\nthe c\xfft sat on\n")
    return path


def test_fail_stops_the_job_with_file_and_place_and_a_second_try_goes_on(prepare, bad_corpus):
    with pytest.raises(ValueError, match=r"corpus.txt: .*line:invalid_utf8 at [\d,]+ .14 bytes"):
        prepare(bad_corpus, on_bad="fail")
    assert not (bad_corpus.parent / "out" / "COMPLETED").exists()
    manifest = load_manifest(str(prepare(bad_corpus, on_bad="replace")))
    assert manifest.rejects == {}
    assert manifest.counts["lines_replaced"] == 1


def test_too_many_rejects_leave_no_marker_and_a_larger_fraction_finishes_at_once(
    prepare, bad_corpus
):
    with pytest.raises(ValueError, match="--max_bad_fraction 0.0001 of the input"):
        prepare(bad_corpus, max_bad_fraction=0.0001)
    out = bad_corpus.parent / "out"
    assert not (out / "COMPLETED").exists()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.tfrecord")}
    prepare(bad_corpus, max_bad_fraction=0.1)
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.tfrecord")} == before
    assert (out / "COMPLETED").exists()


def test_json_with_escaped_lone_surrogates_is_used_when_replace_is_asked(
    prepare, tmp_path, documents
):
    lines = [json.dumps({"text": "\ud800 " + "\n".join(document)}) for document in documents]
    (tmp_path / "c.json").write_text("\n".join(lines))
    manifest = load_manifest(str(prepare(f"{tmp_path}/c.json", on_bad="replace")))
    assert manifest.rejects == {}
    assert manifest.counts["documents"] == manifest.counts["lines_replaced"] == len(documents)
