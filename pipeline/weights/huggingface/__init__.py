"""Hugging Face's folders, read and written."""
