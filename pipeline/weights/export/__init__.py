"""A run or a model folder to another library's format, with a model card."""
