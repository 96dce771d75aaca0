"""A task of a user: a small YAML and files of texts and labels, fine-tuned as a task of GLUE is."""

from pipeline.glue.own_task.examples import read_own_task

__all__ = ["read_own_task"]
