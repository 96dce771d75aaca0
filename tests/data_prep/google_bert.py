"""Runs google-research/bert's own code, for comparison; it is no part of this project.

GOOGLE_BERT_DIR names the folder that holds its package `bert`:

    pip download --no-deps bert-tensorflow==1.0.4
    unzip bert_tensorflow-1.0.4-py2.py3-none-any.whl -d google_bert && pip install six
    export GOOGLE_BERT_DIR=$PWD/google_bert

The counts that tests compare with where it is not at hand were made by

    python tests/data_prep/google_bert.py counts tests/data_prep/golden/google_bert_statistics.json
"""

import argparse
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SOURCE = "bert-tensorflow 1.0.4, bert/create_pretraining_data.py"
HOW_TO_GET_IT = (
    "GOOGLE_BERT_DIR names no folder with the package bert of bert-tensorflow 1.0.4; how to get it "
    "is written in tests/data_prep/google_bert.py"
)


def folder():
    """The folder that holds the package `bert`, or None."""
    path = pathlib.Path(os.environ.get("GOOGLE_BERT_DIR", "-"))
    return path if (path / "bert" / "create_pretraining_data.py").exists() else None


def run(*arguments):
    """Runs this file in a process of its own: the original is written for a TensorFlow of 2018."""
    subprocess.run([sys.executable, __file__, *map(str, arguments)], check=True)


def runs_of_the_script(seeds):
    """Yields the records of one run of create_pretraining_data.py for every seed."""
    import record_statistics
    from absl import flags
    from bert import create_pretraining_data as script

    logging.disable(logging.INFO)  # the script prints twenty records a run
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        (place / "vocab.txt").write_text("\n".join(record_statistics.VOCAB) + "\n")
        (place / "text").write_text(record_statistics.corpus_text())
        arguments = {
            "vocab_file": place / "vocab.txt",
            "input_file": place / "text",
            "output_file": place / "out",
            **record_statistics.SETTINGS,
        }
        for seed in seeds:
            flags.FLAGS(["script", *(f"--{k}={v}" for k, v in arguments.items())])
            flags.FLAGS.random_seed = seed
            script.main(None)
            yield record_statistics.read(place / "out")


def save_counts(output, first_seed, runs):
    import record_statistics

    seeds = range(first_seed, first_seed + runs)
    counts = [record_statistics.histograms(each) for each in runs_of_the_script(seeds)]
    rows = {name: json.dumps([run[name].tolist() for run in counts]) for name in counts[0]}
    header = {
        "made_by": "python tests/data_prep/google_bert.py counts "
        "tests/data_prep/golden/google_bert_statistics.json",
        "source": SOURCE,
        "settings": record_statistics.SETTINGS,
        "sha256_of_vocabulary_and_text": record_statistics.sha256_of_text(),
        "first_seed": first_seed,
        "records": int(sum(run["length"].sum() for run in counts)),
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in header.items()]
    histograms = ",\n".join(f'    "{name}": {row}' for name, row in rows.items())
    lines.append(f'  "histograms": {{\n{histograms}\n  }}')
    pathlib.Path(output).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def save_words(lines_file, output):
    """Writes the words of every line of a JSON list, upper and lower case kept and not."""
    from absl import flags
    from bert import tokenization

    flags.FLAGS(["script"])
    lines = json.loads(pathlib.Path(lines_file).read_text())
    words = {}
    for do_lower_case in (True, False):
        tokenizer = tokenization.BasicTokenizer(do_lower_case=do_lower_case)
        words[str(do_lower_case)] = [tokenizer.tokenize(line) for line in lines]
    pathlib.Path(output).write_text(json.dumps(words))


def main():
    sys.path.insert(0, str(folder()))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    counts = commands.add_parser("counts")
    counts.add_argument("output")
    counts.add_argument("--first_seed", type=int, default=100)
    counts.add_argument("--runs", type=int, default=200)
    words = commands.add_parser("words")
    words.add_argument("lines_file")
    words.add_argument("output")
    arguments = vars(parser.parse_args())
    {"counts": save_counts, "words": save_words}[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    main()
