"""Meta-training by gradients: truncated back-propagation through unrolled inner runs."""
