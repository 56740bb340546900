// Bench measures oscar beside what people would use instead: Keras, PyTorch with
// pytorch-grad-cam and Captum, Xplique, lime. `make bench` runs it, and it writes
// docs/performance.md and bench/results.json.
//
// What is measured is the table [jobs], by whom the table [contestants]. For a job
// every contestant is a process of its own, with the same weights and images. It
// makes itself ready, which is not timed, and proves that it computes what oscar
// computes; then the harness asks one after the other for a round of work, several
// times over, so that a slow minute of the machine falls on all of them. A process
// that has nothing to do waits for a line on its standard input.
//
// The protocol, a line each way: the worker says [ready] when it is, gets a number
// of images (or of whatever the job counts), does them, and says [done]. The time is
// taken by the harness. In a cold job a round is a process, from its start to its end.
package main
