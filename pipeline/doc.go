// Package pipeline holds oscar's jobs: [Train], [Resume], [Evaluate], [Export],
// [Explain]. It owns the run folder, checkpoints, the order of writes and
// cancellation. Jobs take a struct of options and a [Listener]; they print
// nothing.
//
// # The run folder
//
//	experiment.json  what was asked: rebuilds the same model with no flags
//	split.json       which image is in which part, with content hashes
//	environment.json versions, processor, threads, seed
//	metrics.jsonl    a line an epoch
//	events/          the same for TensorBoard
//	checkpoints/     the newest two and the best
//	saved_model/     the best epoch, exported
//	evaluation.json  the test part, looked at once
//	explanations/    test images for the report, see [Showcase]
//
// # Interruption
//
// The order of an epoch is a function of (seed, epoch), dropout one of (seed,
// step, layer), and a checkpoint holds weights, optimiser slots and the position
// in the epoch: a run that was killed at any moment and resumed ends with the
// same bits as one that was not, given the same number of threads.
package pipeline
