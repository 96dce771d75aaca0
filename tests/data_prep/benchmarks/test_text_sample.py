import pytest

from data_prep.benchmarks import text_sample

TEXT = "One here. Two here.\nThree here.\n\n\nFour here.\n\nFive here.\n"


@pytest.fixture
def sample(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)

    def make(size, sentences):
        output = tmp_path / "sample"
        flags = [f"--input={tmp_path}/*.txt", f"--bytes={size}", f"--sentences={sentences}"]
        assert text_sample.main([*flags, f"--output={output}"]) == 0
        return output.read_text()

    return make


def test_sentences_get_a_line_and_documents_a_blank_line(sample):
    assert sample(10**6, "split") == (
        "One here.\nTwo here.\nThree here.\n\nFour here.\n\nFive here.\n\n"
    )


def test_lines_can_stay_as_they_are(sample):
    assert sample(10**6, "given").startswith("One here. Two here.\nThree here.\n\nFour")


def test_the_first_whole_documents_that_reach_the_size_are_taken(sample):
    assert sample(30, "split").endswith("Three here.\n\n")
    assert sample(31, "split").endswith("Four here.\n\n")
    assert sample(31, "given").endswith("Four here.\n\n")
