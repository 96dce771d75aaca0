"""Weights that travel: model folders, and what Hugging Face and Google write, in and out.

`tensors` is the list of a BERT's variables; each foreign layout is one table of names.
"""
