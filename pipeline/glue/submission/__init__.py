"""A submission to GLUE: test files answered, zipped, and checked against the format.

`answers` predicts with the kept models, `majority` answers for tasks that were not run if the
user asks, `archive` zips, and `validator`, which shares no code with them, checks the zip.
"""
