"""One pre-training run on disk and on devices: folder, checkpoints, checks, progress, strategy."""
