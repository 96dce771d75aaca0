"""T5 against transformers: logits of random weights, both ways; the figures of docs/prompts.md.

python tests/t5_interop.py --python OTHER/bin/python

OTHER is an environment with `transformers` and `torch`. Ends with 1 if logits differ by more than
1e-4 of their largest, or a written folder is not loaded equal.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np

from pipeline.weights.t5.folder import load_t5, read_t5_folder, save_t5

BOUND = 1e-4
THEIRS = """
import pathlib, sys
import numpy as np, torch, transformers
what, folder, inputs = sys.argv[1], pathlib.Path(sys.argv[2]), np.load(sys.argv[3])
torch.manual_seed(0)
if what == "make":
    config = transformers.T5Config(
        vocab_size=300, d_model=48, d_kv=8, d_ff=96, num_layers=3, num_decoder_layers=2,
        num_heads=4, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
        decoder_start_token_id=0)
    model = transformers.T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2 + (parameter.ndim == 1))
    model.save_pretrained(folder, max_shard_size="100KB")
model = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()
with torch.no_grad():
    outputs = model(**{k: torch.tensor(v).long() for k, v in inputs.items()})
np.save(folder / "logits.npy", outputs.logits.numpy())
"""


def main():
    """Compares, prints a table, returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="interpreter with transformers and torch")
    python = parser.parse_args().python
    rng = np.random.default_rng(0)
    # Longer than the largest distance of 128, so that every bucket is in use.
    inputs = {
        "input_ids": rng.integers(1, 300, (2, 300)),
        "attention_mask": np.arange(300) < np.array([[300], [170]]),
        "decoder_input_ids": np.pad(rng.integers(1, 300, (2, 159)), [(0, 0), (1, 0)]),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        np.savez(folder / "inputs.npz", **inputs)

        def theirs(what, name):
            (folder / name).mkdir(exist_ok=True)
            command = [python, "-c", THEIRS, what, folder / name, folder / "inputs.npz"]
            subprocess.run(command, check=True)
            return np.load(folder / name / "logits.npy")

        before = theirs("make", "theirs")
        model = load_t5(read_t5_folder(folder / "theirs"))
        features = {name: array.astype(np.int32) for name, array in inputs.items()}
        features["input_mask"] = features.pop("attention_mask")
        read = distance(model(features).numpy(), before)
        # transformers 5 makes every T5 with one matrix for head and words: give it two.
        model.head.kernel.assign(0.1 * rng.normal(size=model.head.kernel.shape))
        save_t5(folder / "back", model)
        written = distance(model(features).numpy(), theirs("run", "back"))
    print(f"a folder of theirs, in parts, read here    {read:.1e}")
    print(f"a folder of ours, with its own head, there {written:.1e}")
    print("largest difference of a logit, of the largest logit")
    return 0 if max(read, written) <= BOUND else 1


def distance(ours, theirs):
    """The largest difference, of the largest value."""
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


if __name__ == "__main__":
    sys.exit(main())
