"""Meta-training of the levers by persistent evolution strategies."""
