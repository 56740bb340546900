// Bench compares the speed of oscar with that of other programs: Keras, PyTorch with
// pytorch-grad-cam and Captum, torchvision, Xplique, lime, OpenVINO, ONNX Runtime. `make bench` runs it,
// and it writes docs/performance.md and bench/results.json.
//
// The table [jobs] has what is measured, the table [contestants] the programs. For a job
// every contestant is a separate process with the same weights and images. It
// prepares itself, which is not timed, and shows that it computes the same numbers as
// oscar in float32. Then the harness asks one after the other for a round of work, several
// times, so that a slow minute of the machine affects all of them. An idle
// process waits for a line on its standard input.
//
// The protocol has one line in each direction: the worker writes [ready], reads a number
// of images (or of another unit of the job), processes them, and writes [done]. The
// harness measures the time. In a cold job a round is a process, from its start to its end.
package main
