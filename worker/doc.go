// Package worker does the units of planned jobs: lines of units.jsonl in, a line of
// outcome for each out. Any number of workers, on any machines that see the same
// folders, can do the units of a job, in any order and more than once. [Merge] makes
// the same files of them as the job in one process.
package worker
