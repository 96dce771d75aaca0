import dataclasses
import gzip
import hashlib
import io

import pytest
from small_token_block import SETTINGS, block

from data_prep.examples.shards import write_shards


@pytest.fixture
def shard(tokenizer, tmp_path, read_records):
    """Returns `shard(**settings)` -> (part, records)."""

    def make(block_key="train-00000", **changes):
        stream = io.BytesIO()
        part = write_shards(
            block(),
            [stream],
            block_key=block_key,
            settings=dataclasses.replace(SETTINGS, **changes),
            tokenizer=tokenizer,
        )
        assert part["shards"][0]["sha256"] == hashlib.sha256(stream.getvalue()).hexdigest()
        assert part["bytes_out"] == len(stream.getvalue())
        content = stream.getvalue()
        if changes.get("compression") == "gzip":
            content = gzip.decompress(content)
        (tmp_path / "shard").write_bytes(content)
        return part, read_records(tmp_path / "shard")

    return make
