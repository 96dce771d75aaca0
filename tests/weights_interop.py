"""Weights in and out, against transformers: the figures of docs/weights.md.

python tests/weights_interop.py --python OTHER/bin/python [--model DIR --texts FILE]

OTHER is an environment with `transformers` and `torch`, which this one does not need. With --model,
a published BERT (a folder of Hugging Face), vectors of the first 100 lines of --texts are compared.
Ends with 1 if anything differs by more than 1e-4.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file

from data_prep.wordpiece import WordpieceTokenizer
from models import BertClassifier, BertPretrainer
from pipeline.glue.encoding import encode_texts
from pipeline.weights.export.export_model import export_model
from pipeline.weights.import_model import import_model
from pipeline.weights.model_folder import load_weights, read_model_folder

BOUND = 1e-4
THEIRS = pathlib.Path(__file__).with_name("weights_interop_theirs.py")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def main():
    """Compares, prints a table, returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="interpreter with transformers and torch")
    parser.add_argument("--model", help="folder of a published BERT")
    parser.add_argument("--texts", help="file with a text a line")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        rows = architectures(folder, args.python)
        if args.model:
            rows += published(folder, args.python, args.model, args.texts)
    width = max(len(name) for name, _, _ in rows)
    for name, value, holds in rows:
        print(f"{name:<{width}}  {value:>10}  {'ok' if holds else 'DIFFERS'}")
    return 0 if all(holds for _, _, holds in rows) else 1


def architectures(folder, python):
    """Rows for random models of every architecture: forward pass, and the export loaded."""
    inputs = random_inputs()
    np.savez(folder / "inputs.npz", **inputs)
    for name in ("theirs", "back"):
        (folder / name).mkdir()
    theirs(python, "make", folder / "theirs")
    for path in (folder / "theirs").iterdir():
        words = [*SPECIAL, *(f"w{i}" for i in range(195))]
        (path / "vocab.txt").write_text("\n".join(words) + "\n")
        import_model(path, folder / "ours" / path.name)
        export_model(folder / "ours" / path.name, folder / "back" / path.name, "huggingface")
    theirs(python, "run", folder / "theirs", folder / "inputs.npz")
    theirs(python, "run", folder / "back", folder / "inputs.npz")
    rows = []
    for path in sorted((folder / "theirs").iterdir()):
        sides = [folder / side / path.name for side in ("theirs", "back")]
        before, after = (np.load(side / "outputs.npz") for side in sides)
        ours = forward(read_model_folder(folder / "ours" / path.name), inputs)
        difference = max(distance(ours[name], before[name], inputs["input_mask"]) for name in ours)
        rows.append((f"{path.name}: forward pass", f"{difference:.1e}", difference <= BOUND))
        same = all(np.array_equal(before[name], after[name]) for name in ours)
        whole = not any(json.loads(str(after["keys"])).values())
        rows.append((f"{path.name}: export loaded by transformers", "equal", same and whole))
        files = (load_file(side / "model.safetensors") for side in sides)
        one, other = ({k: v for k, v in each.items() if ".decoder." not in k} for each in files)
        equal = one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)
        rows.append((f"{path.name}: import, then export, bit for bit", "equal", equal))
    return rows


def distance(ours, theirs, mask):
    """The largest difference; on padding the two libraries compute different things."""
    difference = np.abs(ours - theirs)
    return (difference * mask[:, :, None] if difference.ndim == 3 else difference).max()


def random_inputs():
    """Features of 100 rows of 8 to 32 tokens."""
    rng = np.random.default_rng(1)
    real = np.arange(32) < rng.integers(8, 33, (100, 1))
    return {
        "input_ids": (rng.integers(5, 200, (100, 32)) * real).astype(np.int32),
        "input_mask": real.astype(np.int32),
        "segment_ids": ((np.arange(32) >= 6) & real).astype(np.int32),
    }


def forward(folder, inputs):
    """Our outputs under the names of theirs."""
    description = folder.description
    if description.kind == "classifier":
        model = BertClassifier(folder.config, description.num_outputs)
        model(inputs)
        load_weights(folder, model)
        return {"logits": model(inputs).numpy()}
    model = BertPretrainer(folder.config)
    everywhere = np.tile(np.arange(32, dtype=np.int32), (100, 1))
    features = {**inputs, "masked_lm_positions": everywhere}
    model(features)
    load_weights(folder, model, new_heads=True)
    outputs, (sequence_output, pooled_output) = model(features), model.encoder(inputs)
    if description.kind == "encoder":
        return {
            "last_hidden_state": sequence_output.numpy(),
            "pooler_output": pooled_output.numpy(),
        }
    if description.absent:
        return {"logits": outputs["masked_lm_logits"].numpy()}
    return {
        "prediction_logits": outputs["masked_lm_logits"].numpy(),
        "seq_relationship_logits": outputs["next_sentence_logits"].numpy(),
    }


def published(folder, python, model, texts):
    """Rows for a published model on 100 lines of text."""
    lines = pathlib.Path(texts).read_text(encoding="utf-8").splitlines()[:100]
    (folder / "texts").write_text("\n".join(lines) + "\n")
    import_model(model, folder / "model")
    export_model(folder / "model", folder / "exported", "huggingface")
    ours = read_model_folder(folder / "model")
    tokenizer = WordpieceTokenizer(ours.vocab_file, do_lower_case=ours.do_lower_case)
    features = encode_texts([lines], tokenizer, ours.config.max_position_embeddings)
    width = int(features["input_mask"].sum(axis=1).max())
    features = {name: array[:, :width] for name, array in features.items()}
    bert = BertPretrainer(ours.config)
    bert({**features, "masked_lm_positions": features["input_ids"][:, :1] * 0})
    load_weights(ours, bert, new_heads=True)
    sequence_output = bert.encoder(features)[0].numpy()
    rows = []
    for name, path in (("published", model), ("exported", folder / "exported")):
        theirs(python, "encode", path, folder / "texts")
        found = np.load(folder / "texts.npz")
        same = np.array_equal(found["ids"], features["input_ids"])
        rows.append((f"{name}: ids of {len(lines)} texts", "equal", same))
        real = found["mask"][:, :, None]
        difference = np.abs((found["sequence_output"] - sequence_output) * real).max()
        rows.append((f"{name}: forward pass", f"{difference:.1e}", difference <= BOUND))
    return rows


def theirs(python, *arguments):
    """Runs the other side."""
    done = subprocess.run([python, THEIRS, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    print(done.stdout.splitlines()[-1], flush=True)


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    sys.exit(main())
