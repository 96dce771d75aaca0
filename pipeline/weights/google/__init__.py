"""Checkpoints of google-research/bert, read and written, and of TensorFlow Model Garden, read."""
