"""The commands that join data preparation, models and optimizer into one path.

This is the only package that knows the other three: recipe in, pre-trained checkpoint,
GLUE table and report out. `load_pretrained(PATH)` gives the model of a run to Python.
"""

__all__ = ["load_pretrained"]


def __getattr__(name: str):
    # Imported when it is asked for: `mnemosyne --help` must not wait for TensorFlow.
    if name == "load_pretrained":
        from pipeline.pretrained_model import load_pretrained

        return load_pretrained
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
