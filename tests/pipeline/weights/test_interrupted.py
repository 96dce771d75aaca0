"""An import or export that is killed leaves nothing that looks finished; called again, it ends."""

import os
import pathlib
import signal
import subprocess
import sys
import types

import pytest
import sudden_death
import tensorflow as tf

from pipeline import cli, load_pretrained

ROOT = pathlib.Path(__file__).parents[3]
TEXTS = ["the cat sat", "the dog, unable to run"]


@pytest.fixture
def command(tmp_path, saved, hugging_face):
    """Returns `make(name)`: the flags of an import or of an export, but for --output."""

    def make(name):
        if name == "import":
            hugging_face.write_folder(tmp_path / "theirs", "BertForPreTraining")
            return ["import", f"--input={tmp_path / 'theirs'}"]
        return ["export", f"--checkpoint={saved('classifier')}", f"--format={name}"]

    return make


@pytest.fixture
def converter(monkeypatch):
    """Stands for tf2onnx, which takes seconds: writes a file in two parts."""

    def from_function(*_, output_path, **__):
        with open(output_path, "w") as file:
            file.write("half ")
            os.replace(output_path, output_path)
            file.write("and half")

    module = types.SimpleNamespace(convert=types.SimpleNamespace(from_function=from_function))
    monkeypatch.setitem(sys.modules, "tf2onnx", module)


def contents(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", ["import", "huggingface", "google", "onnx"])
@pytest.mark.usefixtures("converter")
def test_killed_at_each_rename_and_called_again(command, name, tmp_path, monkeypatch):
    flags, whole, killed = command(name), tmp_path / "whole", tmp_path / "killed"
    with sudden_death.renames_counted(monkeypatch) as renames:
        assert cli.main([*flags, f"--output={whole / 'out'}"]) == 0
    assert renames[-1] == str(whole / "out") and len(renames) > 3
    for number in range(1, len(renames) + 1):
        with (
            sudden_death.death_at_rename(monkeypatch, number),
            pytest.raises(sudden_death.KilledError),
        ):
            cli.main([*flags, f"--output={killed / 'out'}"])
        (left,) = killed.iterdir()  # what the calls before left is removed
        assert left.name.startswith("out.tmp-")
    assert cli.main([*flags, f"--output={killed / 'out'}"]) == 0
    assert contents(killed) == contents(whole)


def die_in_half_of(file, flags):
    """Runs the command in a process that is killed when half of the file is written."""
    program = [sys.executable, str(ROOT / "tests" / "sudden_death.py"), file]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*program, *flags], env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.slow
def test_an_import_killed_by_the_system_in_the_middle_of_its_weights(command, tmp_path):
    flags, killed = command("import"), tmp_path / "killed"
    killed.mkdir()
    die_in_half_of("model.safetensors", [*flags, f"--output={killed / 'out'}"])
    (left,) = killed.iterdir()
    (half,) = left.glob("model.safetensors.tmp-*")
    assert half.stat().st_size > 0
    assert not {"model.safetensors", "model.json"} & {path.name for path in left.iterdir()}
    for output in (killed / "out", tmp_path / "whole" / "out"):
        assert cli.main([*flags, f"--output={output}"]) == 0
    assert contents(killed) == contents(tmp_path / "whole")


@pytest.mark.slow
def test_a_saved_model_killed_by_the_system_in_the_middle_of_its_graph(command, tmp_path):
    flags, killed = command("savedmodel"), tmp_path / "killed"
    killed.mkdir()
    die_in_half_of("saved_model.pb", [*flags, f"--output={killed / 'out'}"])
    (left,) = killed.iterdir()
    assert left.name.startswith("out.tmp-") and (left / "saved_model.pb").stat().st_size > 0
    assert cli.main([*flags, f"--output={killed / 'out'}"]) == 0
    assert [path.name for path in killed.iterdir()] == ["out"]
    serve = tf.saved_model.load(killed / "out").signatures["serving_default"]
    labels = serve(text=tf.constant(TEXTS))["label"].numpy()
    expected = load_pretrained(tmp_path / "saved_classifier").predict(TEXTS)
    assert [label.decode() for label in labels] == [each.label for each in expected]


def test_an_export_that_is_being_written_is_left_alone(command, tmp_path):
    from pipeline.weights.whole_folder import whole_folder

    with whole_folder(tmp_path / "out") as folder:
        (folder / "begun").write_text("")
        assert cli.main([*command("google"), f"--output={tmp_path / 'out'}"]) == 0
        assert (folder / "begun").exists()
        (tmp_path / "out").rename(tmp_path / "theirs_now")


def test_a_folder_of_the_user_with_such_a_name_stays(command, tmp_path):
    for name in ("out.tmp-old", "other.tmp-" + 32 * "0"):
        (tmp_path / name).mkdir()
    assert cli.main([*command("google"), f"--output={tmp_path / 'out'}"]) == 0
    assert (tmp_path / "out.tmp-old").is_dir() and (tmp_path / ("other.tmp-" + 32 * "0")).is_dir()
