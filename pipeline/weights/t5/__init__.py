"""Folders of a T5 in Hugging Face's layout, read and written."""
