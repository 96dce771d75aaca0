"""Input that cannot be used, kept so that it can be looked at, counted and recovered.

Nothing is dropped in silence: a bad line, a broken record or a damaged end of a file becomes a
reject that says where it stood and why, and the job goes on.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json

MAX_SAVED_BYTES = 1 << 16

BINARY = "file:binary"
UTF16 = "encoding:utf-16"
INVALID_UTF8 = "line:invalid_utf8"
JSON_SYNTAX = "jsonl:invalid_json"
JSON_TEXT = "jsonl:no_text"
JSON_TOO_LONG = "jsonl:too_long"
PARQUET_UNREADABLE = "parquet:unreadable"
PARQUET_CORRUPT = "parquet:corrupt_row_group"
PARQUET_NULL = "parquet:no_text"
XML_DAMAGED = "xml:damaged"
XML_TEXT_TOO_LONG = "xml:text_too_long"


@dataclasses.dataclass(frozen=True)
class Reject:
    """One rejected stretch of input.

    Attributes:
        file: the input file.
        offset: where the stretch begins, in bytes of the (decompressed) file; in a Parquet file,
            the number of the row.
        reason: one of the constants of this module and of `byte_streams`.
        content: the bytes.
        length: their number; more than `content` holds when the stretch may be very long.
        lost: bytes of the file as it is stored that became nothing, not even a stretch: what a
            broken stream did not give, what a row without text takes in its file.
    """

    file: str
    offset: int
    reason: str
    content: bytes
    length: int
    lost: int = 0

    def to_json(self) -> str:
        """Returns one line of JSON; of long content the first 64 KiB (file and offset give all).

        `sha256` is null where not all bytes were at hand.
        """
        is_all = len(self.content) == self.length
        return json.dumps(
            {
                "file": self.file,
                "offset": self.offset,
                "reason": self.reason,
                "length": self.length,
                "lost": self.lost,
                "sha256": hashlib.sha256(self.content).hexdigest() if is_all else None,
                "bytes": base64.b64encode(self.content[:MAX_SAVED_BYTES]).decode("ascii"),
            },
            sort_keys=True,
        )
