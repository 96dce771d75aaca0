from pipeline.run.watching.throughput import rates, rates_text, with_prefix

# Two steps of 4 sequences and 100 useful tokens; see `models.losses.METRIC_SUMS`.
SUMS = [20.0, 5.0, 10.0, 2.0, 3.0, 4.0, 200.0, 8.0]


def test_rates_count_sequences_and_tokens_without_padding():
    found = rates(SUMS, num_steps=2, seconds=4.0)
    assert found == {
        "sequences_per_second": 2.0,
        "tokens_per_second": 50.0,
        "tokens_per_step": 100.0,
    }
    assert rates_text(found) == "2.00 seq/s, 50.0 tok/s"


def test_fraction_of_peak_is_the_work_of_the_model_over_what_was_possible():
    facts = {"flops_per_step": 3e9, "peak_flops": 10e9}
    found = rates(SUMS, num_steps=2, seconds=4.0, facts=facts)
    assert found["fraction_of_peak"] == 0.15  # 6e9 in 4 seconds of 10e9
    unknown = rates(SUMS, num_steps=2, seconds=4.0, facts={**facts, "peak_flops": None})
    assert "fraction_of_peak" not in unknown


def test_waiting_is_a_fraction_of_the_time():
    facts = {"flops_per_step": 3e9, "peak_flops": 10e9}
    found = rates(
        [1e3 * each for each in SUMS], num_steps=2, seconds=4.0, waiting=0.05, facts=facts
    )
    assert found["fraction_waiting"] == 0.0125
    assert rates_text(found) == "2.00k seq/s, 50.0k tok/s, 15% of peak, waiting 1.2%"


def test_large_numbers_have_a_prefix_of_their_unit():
    texts = [with_prefix(value, "flop/s") for value in (8.0, 9.71e10, 9.89e14)]
    assert texts == ["8.00 flop/s", "97.1 Gflop/s", "989 Tflop/s"]
