import pytest

from pipeline.lab.train_speed import trace

PROGRAM = "a_inference__residual_norm_2160__.1"
PICOSECONDS = 10**9  # in a millisecond


def _write(folder, events):
    """Writes a trace: one thread, events as (name, start and duration in ms); one XLA program."""
    space = trace._message("XSpace")()
    plane = space.planes.add()
    line = plane.lines.add()
    names = sorted({name for name, _, _ in events})
    for i, name in enumerate(names):
        plane.event_metadata.add(key=i).value.name = name
    for name, start, duration in events:
        event = line.events.add(
            metadata_id=names.index(name),
            offset_ps=start * PICOSECONDS,
            duration_ps=duration * PICOSECONDS,
        )
        if name.startswith("dot"):
            event.stats.add(metadata_id=8, ref_value=9)
    plane.stat_metadata.add(key=8).value.name = "hlo_module"
    plane.stat_metadata.add(key=9).value.name = PROGRAM
    program = trace._message("HloProto")()
    program.hlo_module.name = PROGRAM
    instruction = program.hlo_module.computations.add().instructions.add(name="dot.9", opcode="dot")
    instruction.metadata.op_type = "MatMul"
    instruction.metadata.op_name = "encoder/layer_0/MatMul"
    plane.stat_metadata.add(key=7).value.name = "Hlo Proto"
    holder = plane.event_metadata.add(key=99).value
    holder.stats.add(metadata_id=7, bytes_value=program.SerializeToString())
    path = folder / "plugins" / "vm.xplane.pb"
    path.parent.mkdir()
    path.write_bytes(space.SerializeToString())
    return str(folder)


def _seconds(folder, num_steps=1):
    return {each.name: each.seconds for each in trace.read(folder, num_steps=num_steps)}


def test_time_of_an_operation_is_without_those_inside_it(tmp_path):
    events = [("outer:A", 0, 10), ("inner:A", 1, 4), ("innermost:A", 2, 1), ("next:A", 6, 2)]
    seconds = _seconds(_write(tmp_path, [*events, ("after:A", 10, 3)]))
    assert seconds == pytest.approx(
        {
            "outer:A": 0.004,
            "inner:A": 0.003,
            "innermost:A": 0.001,
            "next:A": 0.002,
            "after:A": 0.003,
        }
    )


def test_a_step_that_had_to_wait_does_not_count(tmp_path):
    events = [("dot.9", 0, 2), ("dot.9", 10, 90), ("dot.9", 200, 2)]
    assert _seconds(_write(tmp_path, events), num_steps=3) == pytest.approx({"dot.9": 0.002})


def test_an_operation_of_every_layer_counts_in_each(tmp_path):
    events = [("block:A", 10 * i, 3) for i in range(8)]  # 4 a step
    assert _seconds(_write(tmp_path, events), num_steps=2) == pytest.approx({"block:A": 0.012})


def test_instruction_of_xla_knows_its_operation_and_one_of_the_graph_its_type(tmp_path):
    names = ("dot.9", "while/AdamW/mul:Mul", "ExecutorState::Process")
    folder = _write(tmp_path, [(name, 2 * i, 1) for i, name in enumerate(names)])
    found = {each.name: each for each in trace.read(folder, num_steps=1)}
    dot, mul, other = (found[name] for name in names)
    assert (dot.opcode, dot.op_type, dot.path) == ("dot", "MatMul", "encoder/layer_0/MatMul")
    assert (dot.program, mul.program) == ("_residual_norm", "")
    assert (mul.opcode, mul.op_type, mul.path) == ("", "Mul", "while/AdamW/mul")
    assert (other.opcode, other.op_type, other.path) == ("", "", "")


def test_folder_without_a_trace_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a trace"):
        trace.read(str(tmp_path), num_steps=1)


def test_an_event_that_waits_for_the_others_is_no_operation(tmp_path):
    events = [("KernelAndDeviceFunc::Run", 0, 10), ("train_steps", 20, 5), ("a:Mul", 30, 1)]
    assert _seconds(_write(tmp_path, events)) == pytest.approx({"a:Mul": 0.001})


def test_same_name_in_another_program_is_another_instruction(tmp_path):
    # Of no program that the trace describes.
    assert _seconds(_write(tmp_path, [("fusion.1", 0, 1), ("dot.9", 2, 1)])) == {"dot.9": 0.001}


def test_work_of_an_executor_counts_by_its_median(tmp_path):
    events = [("ExecutorState::Process", 10 * i, duration) for i, duration in enumerate((1, 2, 9))]
    found = _seconds(_write(tmp_path, events))
    assert found == pytest.approx({"ExecutorState::Process": 0.006})  # 3 times the median, 2
