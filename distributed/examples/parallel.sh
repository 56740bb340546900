#!/bin/sh
# Does the units of a planned job with several workers on this machine, by GNU parallel:
#
#     oscar plan explain runs/first photos --out explained > units.jsonl
#     sh parallel.sh units.jsonl 4 && oscar merge explained
#
# A worker that fails or is killed is started twice more. It answers finished units from
# the disk.
set -eu
seq 0 "$(($2 - 1))" |
    parallel --will-cite --jobs "$2" --retries 3 "awk 'NR % $2 == {}' '$1' | oscar worker --threads 1" > outcomes.jsonl
