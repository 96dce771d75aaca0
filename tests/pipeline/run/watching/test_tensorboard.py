from event_files import scalars_in

from pipeline.run.watching import tensorboard


def test_scalars_stand_in_a_folder_for_each_split(tmp_path):
    scalars = tensorboard.open_scalars(tmp_path, wanted=True)
    scalars.write("train", {"loss": 2.5}, 3)
    scalars.write("heldout", {"loss": 3.5}, 6)
    scalars.write("train", {"loss": 1.5}, 6)
    assert scalars_in(tmp_path / "train") == {("loss", 3): 2.5, ("loss", 6): 1.5}
    assert scalars_in(tmp_path / "heldout") == {("loss", 6): 3.5}


def test_without_the_package_scalars_are_written_and_a_remedy_is_said(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(tensorboard.importlib.util, "find_spec", lambda name: None)
    tensorboard.open_scalars(tmp_path, wanted=True).write("train", {"loss": 2.5}, 3)
    assert scalars_in(tmp_path / "train") == {("loss", 3): 2.5}
    printed = capsys.readouterr().err
    assert "cannot be imported" in printed and "pip install tensorboard" in printed
    assert "--set train.tensorboard=false" in printed


def test_scalars_that_are_not_wanted_leave_no_folder(tmp_path):
    assert tensorboard.open_scalars(tmp_path / "tensorboard", wanted=False) is None
    assert not list(tmp_path.iterdir())
