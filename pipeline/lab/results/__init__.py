"""Finished runs to the page and the picture of results."""
