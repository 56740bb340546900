#!/bin/sh
# Does the units of a planned job with several workers on this machine, by xargs:
#
#     oscar plan explain runs/first photos --out explained > units.jsonl
#     sh xargs.sh units.jsonl 4 && oscar merge explained
#
# The exit status is 123 if a unit failed; its reason is in outcomes.jsonl.
set -eu
export UNITS="$1" WORKERS="$2"
seq 0 "$((WORKERS - 1))" | xargs -P "$WORKERS" -I{} sh -c 'awk "NR % $WORKERS == {}" "$UNITS" | oscar worker --threads 1' > outcomes.jsonl
