#!/bin/sh
#SBATCH --array=0-15
#SBATCH --cpus-per-task=2
#SBATCH --requeue
# Does the units of a planned job as a Slurm array:
#
#     oscar plan explain runs/first photos --out explained > units.jsonl
#     sbatch --wait slurm-array.sh units.jsonl && oscar merge explained
#
# The folders are on a file system that all nodes see. A task that Slurm starts again
# finds its finished units done.
set -eu
awk -v n="$SLURM_ARRAY_TASK_COUNT" -v i="$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN))" 'NR % n == i' "$1" |
    oscar worker --threads "${SLURM_CPUS_PER_TASK:-1}" > "outcomes-$SLURM_ARRAY_JOB_ID-$SLURM_ARRAY_TASK_ID.jsonl"
