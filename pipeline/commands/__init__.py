"""Argument parsers of the commands; each imports its story when it runs."""
