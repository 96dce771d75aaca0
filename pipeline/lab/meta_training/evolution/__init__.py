"""Meta-training by evolution: outer tasks run to their end, ranked by regret."""
