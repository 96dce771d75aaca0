"""The other side of `weights_interop.py`: transformers on PyTorch, in an interpreter of its own.

python weights_interop_theirs.py make FOLDER              random models, one folder each
python weights_interop_theirs.py run FOLDER INPUTS.npz    their outputs on the inputs, as npz
python weights_interop_theirs.py encode FOLDER TEXTS      ids and vectors of lines of text, as npz
"""

import json
import pathlib
import sys

import numpy as np
import torch
import transformers

ARCHITECTURES = (
    "BertModel",
    "BertForPreTraining",
    "BertForMaskedLM",
    "BertForSequenceClassification",
)


def make(folder):
    """BERT-tiny of every architecture and of both forms of GELU, with random weights."""
    torch.manual_seed(0)
    for architecture in ARCHITECTURES:
        for hidden_act in ("gelu", "gelu_new"):
            config = transformers.BertConfig(
                vocab_size=200,
                hidden_size=128,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=512,
                hidden_act=hidden_act,
                initializer_range=0.1,
                num_labels=3,
            )
            model = getattr(transformers, architecture)(config)
            with torch.no_grad():
                for parameter in model.parameters():  # biases and gains, too
                    parameter.add_(0.05 * torch.randn_like(parameter))
            model.save_pretrained(folder / f"{architecture}_{hidden_act}")


def run(folder, inputs):
    """Loads every folder, says which keys did not fit, and saves the outputs."""
    arrays = dict(np.load(inputs))
    features = {
        "input_ids": torch.tensor(arrays["input_ids"]).long(),
        "attention_mask": torch.tensor(arrays["input_mask"]).long(),
        "token_type_ids": torch.tensor(arrays["segment_ids"]).long(),
    }
    for path in sorted(folder.iterdir()):
        architecture = json.loads((path / "config.json").read_text())["architectures"][0]
        model, info = getattr(transformers, architecture).from_pretrained(
            path, output_loading_info=True
        )
        model.eval()
        with torch.no_grad():
            outputs = model(**features)
        found = {name: value.numpy() for name, value in outputs.items() if torch.is_tensor(value)}
        keys = {name: sorted(info[name]) for name in ("missing_keys", "unexpected_keys")}
        np.savez(path / "outputs.npz", keys=json.dumps(keys), **found)


def encode(folder, texts):
    """Ids of the tokenizer and mean-pooled vectors of 100 lines."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    lines = pathlib.Path(texts).read_text(encoding="utf-8").splitlines()
    batch = tokenizer(lines, padding=True, return_tensors="pt")
    with torch.no_grad():
        sequence_output = model(**batch).last_hidden_state
    np.savez(
        pathlib.Path(f"{texts}.npz"),
        ids=batch["input_ids"].numpy(),
        mask=batch["attention_mask"].numpy(),
        sequence_output=sequence_output.numpy(),
    )


if __name__ == "__main__":
    command, *paths = sys.argv[1:]
    {"make": make, "run": run, "encode": encode}[command](*map(pathlib.Path, paths))
    print(f"transformers {transformers.__version__}, PyTorch {torch.__version__}")
