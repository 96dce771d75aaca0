from pipeline.lab.cost import timing


def test_trained_heads_keep_memories_and_multipliers_beside_the_accumulators():
    optimizer = timing.make_optimizer("trained heads")
    shapes = [("dense/kernel", (16, 8)), ("other/kernel", (16, 8)), ("dense/bias", (8,))]
    weights, _ = timing.make_variables(shapes)
    optimizer.build(weights)
    floats = sum(each.numpy().size for each in optimizer.variables[3:])
    assert floats == 2 * (128 + 128 + 8) + 3 * 16 * 17 + 3
