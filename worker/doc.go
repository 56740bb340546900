// Package worker processes the units of planned jobs. It reads lines of units.jsonl and writes a
// line with the outcome of each. Any number of workers, on any machines that see the same folders,
// can process the units of a job, in any order and repeatedly. [Merge] joins the results to the
// files that the job writes in a single process.
package worker
