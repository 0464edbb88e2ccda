#!/usr/bin/env bash
# Kills a run at random moments, with -9, and goes on each time. Every checkpoint that is left must be, bit for bit, that of a run
# which nobody killed, and so must the weights in the end.
#
#     tests/kills.sh [KILLS [SEED]]
#
# `tests/it/train.rs` has a short one of these, which the gate runs.
set -euo pipefail
cd "$(dirname "$0")/.."
kills=${1:-50}
RANDOM=${2:-1}
steps=300

cargo build --release --locked
zorro=${CARGO_TARGET_DIR:-target}/release/zorro
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

sed -e 's/^checkpoints:.*/checkpoints: { every: 1, keep: 1000 }/' -e 's/^eval:.*/eval: { every: 20 }/' \
  examples/synthetic/run.yaml > "$folder/run.yaml"
cp examples/synthetic/synthetic.zorro "$folder"
train() { "$zorro" train "$folder/run.yaml" --device cpu --steps $steps --set dim=16 --quiet --folder "$@" > /dev/null; }

train "$folder/whole"

same() { # All that is left of a run is as in the whole one.
  for checkpoint in "$1"/checkpoints/step-*; do
    for file in weights.safetensors optimizer.safetensors; do
      cmp "$checkpoint/$file" "$folder/whole/checkpoints/${checkpoint##*/}/$file" || { echo "wrong after kill $done_kills"; exit 1; }
    done
  done
}

done_kills=0 runs=0
while [ "$done_kills" -lt "$kills" ]; do
  runs=$((runs + 1))
  run="$folder/cut$runs" resume=
  while true; do
    # shellcheck disable=SC2086 # no words where there is nothing to resume
    train "$run" $resume & pid=$!
    sleep "0.$(printf %03d $((RANDOM % 900 + 30)))"
    # The subshell's child is the program.
    child=$(pgrep -P $pid || true)
    [ -n "$child" ] && kill -9 $child 2> /dev/null || true
    if wait $pid 2> /dev/null; then break; fi
    done_kills=$((done_kills + 1))
    if ls "$run"/checkpoints/step-* > /dev/null 2>&1; then resume=--resume; same "$run"; else rm -rf "$run"; fi
    [ "$done_kills" -lt "$kills" ] || { train "$run" $resume; break; }
  done
  same "$run"
  best() { grep -A 4 '"best"' "$1/checkpoints/step-000000$steps/manifest.json"; }
  [ "$(best "$run")" = "$(best "$folder/whole")" ] || { echo "another one is the best in run $runs"; exit 1; }
  rm -rf "$run"
done
echo "$done_kills kills in $runs runs of $steps steps: all checkpoints and all last weights as without"
