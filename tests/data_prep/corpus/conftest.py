"""How the tests of documents read a few literal bytes."""

import pytest

from data_prep.corpus.documents import DocumentReader
from data_prep.corpus.file_range import FileRange


@pytest.fixture
def read(tmp_path):
    """Returns `read(content, layout)` -> (documents, reader, rejects)."""

    def run(content, layout="blank_line", start=0, stop=None, **limits):
        path = tmp_path / "input"
        path.write_bytes(content)
        letters = []
        file_range = FileRange(str(path), layout, start, stop)
        reader = DocumentReader(file_range, reject=letters.append, **limits)
        return list(reader), reader, letters

    return run
