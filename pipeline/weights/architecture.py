"""`config.json` of Hugging Face and `bert_config.json` of Google, to `BertConfig` and back."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

from models import BertConfig

# Ours, theirs; the first five have no default.
_SIZES = {
    "vocab_size": "vocab_size",
    "hidden_dim": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "intermediate_dim": "intermediate_size",
    "max_position_embeddings": "max_position_embeddings",
    "type_vocab_size": "type_vocab_size",
    "dropout": "hidden_dropout_prob",
    "attention_dropout": "attention_probs_dropout_prob",
    "initializer_range": "initializer_range",
    "layer_norm_epsilon": "layer_norm_eps",
}
GOOGLES_EPSILON = 1e-12  # of every layer norm in Google's code
_NEEDED = tuple(_SIZES.values())[:5]
# Values of a model that computes something other than BERT; what is here is what BERT is.
_BERT_ONLY = {
    "model_type": ("bert",),
    "position_embedding_type": ("absolute",),
    "is_decoder": (False,),
    "add_cross_attention": (False,),
    "pruned_heads": ({},),
}


def from_hugging_face(settings: Mapping, file: str) -> BertConfig:
    """Reads the settings of a `config.json`; "gelu" is the exact form there.

    Raises:
      ValueError: a size is missing or no size, or the model is no BERT encoder.
    """
    for key, allowed in _BERT_ONLY.items():
        if settings.get(key) is not None and settings[key] not in allowed:
            raise ValueError(
                f"{file}: expected {key} {allowed[0]!r}, received {settings[key]!r}: only BERT "
                "encoders can be imported"
            )
    return _config(settings, settings.get("hidden_act", "gelu"), file)


def from_google(settings: Mapping, file: str) -> BertConfig:
    """Reads the settings of a `bert_config.json`; "gelu" is the tanh form there.

    An export of ours says in `gelu_form` if its model has the exact form nevertheless, and in
    `layer_norm_eps` if its epsilon is not Google's.

    Raises:
      ValueError: a size is missing or no size, or the activation is another.
    """
    if settings.get("hidden_act", "gelu") != "gelu":
        raise ValueError(f"{file}: expected hidden_act 'gelu', received {settings['hidden_act']!r}")
    if settings.get("embedding_size", settings.get("hidden_size")) != settings.get("hidden_size"):
        raise ValueError(
            f"{file}: expected embedding_size to equal hidden_size, received "
            f"{settings['embedding_size']}: this is no BERT but an ALBERT"
        )
    is_exact = settings.get("gelu_form") == "erf"
    # The default of Google's own class, which no published file relies on.
    settings = {"type_vocab_size": 16, **settings}
    return _config(settings, "gelu" if is_exact else "gelu_new", file)


def _config(settings: Mapping, hidden_act: str, file: str) -> BertConfig:
    if missing := [key for key in _NEEDED if key not in settings]:
        raise ValueError(f"{file}: expected the sizes of a BERT, {', '.join(missing)} is missing")
    named = {ours: settings[theirs] for ours, theirs in _SIZES.items() if theirs in settings}
    for ours, value in named.items():
        kinds = (int,) if ours in tuple(_SIZES)[:7] else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
            expected = "a whole number" if kinds == (int,) else "a finite number"
            raise ValueError(f"{file}: expected {expected} as {_SIZES[ours]}, received {value!r}")
    if not isinstance(hidden_act, str):
        raise ValueError(f"{file}: expected a name as hidden_act, received {hidden_act!r}")
    try:
        return BertConfig(**named, hidden_act=hidden_act)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(file)}: {error}") from error


def to_hugging_face(config: BertConfig) -> dict:
    """Returns the settings of a `config.json`, without what depends on the kind of the model."""
    return {
        "model_type": "bert",
        **_sizes(config),
        "hidden_act": config.hidden_act,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "classifier_dropout": None,
        "use_cache": True,
    }


def to_google(config: BertConfig) -> dict:
    """Returns the settings of a `bert_config.json`, and what Google's code does not know."""
    settings = {**_sizes(config), "hidden_act": "gelu"}
    if config.layer_norm_epsilon == GOOGLES_EPSILON:
        del settings["layer_norm_eps"]
    if config.gelu_form == "erf":
        settings["gelu_form"] = "erf"
    return settings


def _sizes(config: BertConfig) -> dict:
    return {theirs: getattr(config, ours) for ours, theirs in _SIZES.items()}
