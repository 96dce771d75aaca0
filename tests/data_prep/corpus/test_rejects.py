import base64
import hashlib
import json

from data_prep.corpus.rejects import Reject


def test_a_reject_says_where_why_and_what():
    reject = json.loads(Reject("f.txt", 7, "line:invalid_utf8", b"\xff", 1).to_json())
    assert reject == {
        "file": "f.txt",
        "offset": 7,
        "reason": "line:invalid_utf8",
        "length": 1,
        "lost": 0,
        "sha256": hashlib.sha256(b"\xff").hexdigest(),
        "bytes": "/w==",
    }


def test_long_content_is_saved_in_part():
    reject = json.loads(Reject("f", 0, "r", b"x" * 100_000, 100_000).to_json())
    assert base64.b64decode(reject["bytes"]) == b"x" * 65_536
    assert reject["length"] == 100_000


def test_no_hash_is_given_of_content_that_was_not_all_at_hand():
    assert json.loads(Reject("f", 0, "r", b"begin", 9).to_json())["sha256"] is None
