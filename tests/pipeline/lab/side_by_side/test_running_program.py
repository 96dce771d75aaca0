import os

import pytest

from pipeline.lab.side_by_side.contestant import Contestant
from pipeline.lab.side_by_side.running_program import RunningProgram

CORE = max(os.sched_getaffinity(0))


def _start(program, tmp_path, *, core=CORE, settings=None, **attributes):
    contestant = Contestant("fake", program, **attributes)
    return RunningProgram(contestant, settings or {}, core=core, scratch=str(tmp_path))


def test_start_and_turns_are_answered_while_the_library_prints(fake_program, tmp_path):
    with _start(fake_program(), tmp_path) as program:
        assert (program.ready["parameters"], program.ready["first_loss"]) == (100, 6.0)
        turn = program.run(3)
    assert (turn.steps, turn.loss) == (3, 6.0)
    assert turn.cpu_seconds >= 0.03  # the program spends 0.01 a step
    assert turn.peak_mb >= program.ready["imports_mb"] > 1


def test_first_step_is_part_of_the_start(fake_program, tmp_path):
    with _start(fake_program(build="time.sleep(0.1)"), tmp_path) as program:
        assert program.ready["start_cpu_seconds"] >= 0.01
        assert program.ready["start_wall_seconds"] >= 0.11


@pytest.mark.parametrize("core", [CORE, None])
def test_one_core_is_one_and_all_are_all(fake_program, tmp_path, core):
    path = fake_program(loss="len(os.sched_getaffinity(0))")
    with _start(path, tmp_path, core=core) as program:
        assert program.run(1).loss == (len(os.sched_getaffinity(0)) if core is None else 1)


def test_program_knows_its_settings_and_whether_it_is_helped(fake_program, tmp_path):
    path = fake_program(loss="len(json.dumps(self.settings, sort_keys=True))")
    expected = '{"dropout": 0.1, "helped": true, "optimizer": "adamw"}'
    with _start(path, tmp_path, settings={"dropout": 0.1}, helped=True) as program:
        assert program.run(1).loss == len(expected)


def test_failure_to_start_gives_the_command_and_what_it_said(fake_program, tmp_path):
    path = fake_program(build="import keras_tub")
    with pytest.raises(
        ValueError,
        match=r"(?s)fake to train, received exit code 1:\n.*fake\.py .*No module.*keras_tub",
    ) as error:
        _start(path, tmp_path)
    assert "measured_program.py" in str(error.value)


def test_failure_in_a_step_gives_its_exit_code(fake_program, tmp_path):
    path = fake_program(run="os.environ.pop('ONCE', None) or os._exit(7)")
    os.environ["ONCE"] = "yes"
    try:
        program = _start(path, tmp_path)
    finally:
        del os.environ["ONCE"]
    with program, pytest.raises(ValueError, match="received exit code 7"):
        program.run(1)


def test_process_ends_with_its_block(fake_program, tmp_path):
    with _start(fake_program(loss="os.getpid()"), tmp_path) as program:
        pid = int(program.run(1).loss)
    assert not os.path.exists(f"/proc/{pid}")
