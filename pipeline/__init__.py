"""The commands that join data preparation, models and optimizer into one path.

This is the only package that knows the other three: recipe in, pre-trained checkpoint,
GLUE table and report out.
"""
