import pytest

from data_prep import learn_vocab
from data_prep.corpus import input_files
from data_prep.learn_vocab import main
from data_prep.wordpiece import load_vocabulary


@pytest.fixture
def corpus(tmp_path, corpus_text):
    path = tmp_path / "corpus.txt"
    path.write_text(corpus_text, encoding="utf-8")
    return path


def learn(corpus, output, *flags):
    assert main([f"--input={corpus}", f"--output={output}", *flags]) == 0
    return load_vocabulary(str(output))


def test_frequent_words_become_entries_of_a_vocabulary_that_loads(corpus, tmp_path):
    vocab = learn(corpus, tmp_path / "vocab.txt", "--vocab_size=60")
    assert {"cat", "the", "unable", "zebra", "."} <= set(vocab)
    assert len(vocab) <= 60
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["corpus.txt", "vocab.txt", "vocab.txt.json"]


def test_run_again_it_says_that_all_is_done_and_leaves_the_file_alone(corpus, tmp_path, capsys):
    learn(corpus, tmp_path / "vocab.txt", "--vocab_size=60")
    before = (tmp_path / "vocab.txt").stat().st_mtime_ns
    capsys.readouterr()
    learn(corpus, tmp_path / "vocab.txt", "--vocab_size=60")
    assert capsys.readouterr().out == f"already complete: {tmp_path}/vocab.txt\n"
    assert (tmp_path / "vocab.txt").stat().st_mtime_ns == before


@pytest.fixture
def finished(corpus, tmp_path):
    """A vocabulary of 60 entries and its record, written as the command writes them."""
    path = tmp_path / "vocab.txt"
    files = input_files.find_input_files([str(corpus)])
    flags = learn_vocab.build_parser().parse_args(
        [f"--input={corpus}", f"--output={path}", "--vocab_size=60"]
    )
    learn_vocab._save(["a"], str(path), learn_vocab._settings(flags, files))
    return path


def test_other_settings_are_refused_by_name(corpus, finished):
    with pytest.raises(ValueError, match=r"other settings \(vocab_size: 60, now 50\)"):
        main([f"--input={corpus}", f"--output={finished}", "--vocab_size=50"])
    corpus.write_text("changed")
    with pytest.raises(ValueError, match="input: the files have changed since"):
        main([f"--input={corpus}", f"--output={finished}", "--vocab_size=60"])


def test_a_vocabulary_changed_by_hand_is_refused(corpus, finished):
    finished.write_text("b")
    with pytest.raises(ValueError, match="the file was changed since"):
        main([f"--input={corpus}", f"--output={finished}", "--vocab_size=60"])


def test_a_file_of_somebody_else_is_never_overwritten(corpus, tmp_path):
    (tmp_path / "vocab.txt").write_text("mine")
    with pytest.raises(ValueError, match="did not make"):
        main([f"--input={corpus}", f"--output={tmp_path}/vocab.txt"])
    assert (tmp_path / "vocab.txt").read_text() == "mine"


def test_workers_and_cuts_of_the_input_leave_no_trace(corpus, tmp_path):
    text = corpus.read_text().split("\n\n")
    for number in range(3):
        (tmp_path / f"part{number}.txt").write_text("\n\n".join(text[number::3]))
    one = learn(corpus, tmp_path / "one.txt", "--vocab_size=50")
    threads = ("--direct_running_mode=multi_threading", "--direct_num_workers=2")
    parts = learn(f"{tmp_path}/part*.txt", tmp_path / "two.txt", "--vocab_size=50", *threads)
    assert one == parts


def test_case_is_kept_when_asked(tmp_path):
    (tmp_path / "text").write_text("Cat Cat Cat\n")
    vocab = learn(tmp_path / "text", tmp_path / "v", "--vocab_size=20", "--do_lower_case=false")
    assert "Cat" in vocab


def test_an_empty_corpus_is_refused_with_its_name(tmp_path):
    (tmp_path / "empty.txt").touch()
    with pytest.raises(ValueError, match="empty.txt: .*received none"):
        learn(tmp_path / "empty.txt", tmp_path / "vocab.txt")
    assert not (tmp_path / "vocab.txt").exists()


def test_an_output_that_cannot_be_written_fails_first(corpus, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="expected a file that can be written"):
        main([f"--input={corpus}", f"--output={tmp_path}/file/vocab.txt"])


def test_a_size_without_room_for_characters_is_refused(corpus, tmp_path):
    with pytest.raises(ValueError, match="Expected --vocab_size of at least 6"):
        learn(corpus, tmp_path / "vocab.txt", "--vocab_size=5")


@pytest.fixture
def ideographs(tmp_path):
    """40 documents of distinct ideographs, 3,000 in all, each once or twice."""
    characters = [chr(0x4E00 + i) for i in range(3_000)]
    path = tmp_path / "han.txt"
    path.write_text("\n\n".join("".join(characters[i : i + 100]) for i in range(0, 3_000, 75)))
    return path


def test_every_ideograph_of_a_corpus_gets_an_entry(ideographs, tmp_path, capsys):
    vocab = learn(ideographs, tmp_path / "vocab.txt", "--vocab_size=8000")
    assert len(vocab) == 3_005
    assert "3,005 entries, not 8,000: no two neighbouring pieces" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "kept", "knob"),
    [("--vocab_size=2005", 2_000, "--vocab_size"), ("--limit_alphabet=2000", 2_000, None)],
)
def test_what_does_not_fit_is_said_with_the_knob(ideographs, tmp_path, capsys, flag, kept, knob):
    vocab = learn(ideographs, tmp_path / "vocab.txt", flag)
    assert len(vocab) == 5 + kept
    # 3,975 occurrences: 975 ideographs occur twice and are kept first.
    said = f"1,000 characters have no entry where they occur, so {1_000 / 3_975:.3%} of the words"
    out = capsys.readouterr().out
    assert said in out
    assert f"A larger {knob or '--limit_alphabet'} keeps" in out


def test_a_limit_below_one_is_refused(corpus, tmp_path):
    with pytest.raises(ValueError, match="Expected --limit_alphabet of at least 1"):
        learn(corpus, tmp_path / "vocab.txt", "--limit_alphabet=0")
