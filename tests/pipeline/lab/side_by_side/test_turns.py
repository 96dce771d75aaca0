from pipeline.lab.side_by_side import turns
from pipeline.lab.side_by_side.running_program import Turn


def test_programs_take_turns_and_the_first_turn_does_not_count():
    calls = []

    class Program:
        def __init__(self, name):
            self.name = name

        def run(self, steps):
            calls.append((self.name, steps))
            return len(calls)

    found = turns.take_turns({"a": Program("a"), "b": Program("b")}, rounds=2, steps=5)
    assert calls == [("a", 1), ("b", 1), ("a", 5), ("b", 5), ("a", 5), ("b", 5)]
    assert found == {"a": [3, 5], "b": [4, 6]}


def test_ratios_are_medians_of_rounds():
    def of_two_steps(*seconds):
        return [Turn(2, loss=0.7, cpu_seconds=s, wall_seconds=s, peak_mb=9.0) for s in seconds]

    ready = {"parameters": 1, "first_loss": 0.7, "start_cpu_seconds": 1.0}
    found = turns.program_figures(
        {"mnemosyne": of_two_steps(2, 4, 2), "other": of_two_steps(4, 4, 6)},
        {"mnemosyne": ready, "other": ready},
        batch_size=8,
    )
    assert found["other"]["times_ours"] == 2  # of 2, 1 and 3
    assert found["other"]["examples_per_cpu_second"] == 8 / 2
