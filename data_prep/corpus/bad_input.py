"""What to do about input that cannot be used, reason by reason.

    quarantine   save it as a reject and go on (default)
    replace      put U+FFFD where text is not Unicode and use it; BERT drops that character
    fail         stop the job at the first

A policy text names one for all reasons, and others for single reasons or their families, separated
by commas: "quarantine,line:invalid_utf8=replace,stream=fail".
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Mapping

from data_prep import storage
from data_prep.corpus import byte_streams, rejects
from data_prep.corpus.rejects import Reject

POLICIES = ("quarantine", "replace", "fail")
# What to do about each reason; begins a sentence, without its full stop.
REMEDIES = {
    byte_streams.TRUNCATED: "Fetch the file again: its end is missing",
    byte_streams.CORRUPT: "Fetch the file again: it is damaged, or something else follows it",
    byte_streams.TOO_LARGE_WINDOW: "Compress it again with a window of at most 2 GiB: "
    "zstd -d --long=31 --memory=4096MB -c OLD | zstd --long=27 -o NEW",
    rejects.BINARY: "Leave the file out, or convert its text to a plain text file",
    rejects.UTF16: "Convert the file: iconv -f UTF-16 -t UTF-8 OLD > NEW",
    rejects.INVALID_UTF8: "Convert the file to UTF-8 with iconv, or give --on_bad replace",
    rejects.JSON_SYNTAX: "Write one JSON object a line, or name another layout",
    rejects.JSON_TEXT: "Name the field that holds the text: --text_field NAME",
    rejects.JSON_TOO_LONG: "Cut the record into several",
    rejects.PARQUET_UNREADABLE: "Fetch the file again, or name another layout",
    rejects.PARQUET_CORRUPT: "Fetch the file again",
    rejects.PARQUET_NULL: "Name the column that holds the text: --text_field NAME",
    rejects.XML_DAMAGED: "Fetch the file again, or name another layout",
    rejects.XML_TEXT_TOO_LONG: "Cut the article into several",
}
REASONS = tuple(REMEDIES)
REJECT_COUNT = "reject "  # begins the names of reject counts, a reason follows


class BadInputError(ValueError):
    """Bad input was found where the policy is to fail."""


def parse_policies(text: str) -> dict[str, str]:
    """Returns reason -> policy of a policy text.

    Raises:
        ValueError: an unknown policy or reason, or one that cannot be replaced.
    """
    policies = dict.fromkeys(REASONS, "quarantine")
    # The policy for all reasons first, wherever in the text it stands.
    for item in sorted(text.split(","), key=lambda item: "=" in item):
        family, separator, policy = item.strip().rpartition("=")
        reasons = [
            reason
            for reason in REASONS
            if not separator or family in (reason, reason.partition(":")[0])
        ]
        if policy not in POLICIES or not reasons:
            families = sorted({reason.partition(":")[0] for reason in REASONS})
            raise ValueError(
                f"Expected --on_bad [REASON=]POLICY with a policy of {', '.join(POLICIES)} and a "
                f"reason of {', '.join(REASONS)} or a family of them ({', '.join(families)}), "
                f"received {item.strip()!r}."
            )
        if policy == "replace":
            # For all reasons it means: where that is possible.
            if separator and rejects.INVALID_UTF8 not in reasons:
                raise ValueError(
                    f"--on_bad {item.strip()}: expected a reason that can be mended, and only "
                    f"{rejects.INVALID_UTF8} can. Choose quarantine or fail for {family}."
                )
            reasons = [rejects.INVALID_UTF8]
        policies.update(dict.fromkeys(reasons, policy))
    return policies


class RejectLog:
    """The rejects of one unit of work, in one file; no file when there are none.

    Args:
        path: of the file to write.
        policies: reason -> policy.

    Attributes:
        reasons: how many of each, by `REJECT_COUNT` and reason.
    """

    def __init__(self, path: str, policies: Mapping[str, str]):
        self._path = path
        self._policies = policies
        self._files = contextlib.ExitStack()
        self._stream = None
        self.reasons: collections.Counter[str] = collections.Counter()

    def __enter__(self) -> RejectLog:
        return self

    def __exit__(self, *exception: object) -> bool | None:
        return self._files.__exit__(*exception)

    def write(self, reject: Reject) -> None:
        """Saves a reject.

        Raises:
            BadInputError: the policy for its reason is to fail.
        """
        if self._policies[reject.reason] == "fail":
            raise BadInputError(
                f"{reject.file}: expected usable input, received {reject.reason} at "
                f"{reject.offset:,} ({reject.length or reject.lost:,} bytes). "
                f"{REMEDIES[reject.reason]}, or give --on_bad {reject.reason}=quarantine to go on "
                "without it."
            )
        if self._stream is None:
            self._stream = self._files.enter_context(storage.open_whole(self._path))
        self._stream.write(reject.to_json().encode() + b"\n")
        self.reasons[f"{REJECT_COUNT}{reject.reason}"] += 1
