// Package pipeline holds oscar's jobs: [Train], [Resume], [Evaluate], [Export],
// [Explain]. It owns the run folder, checkpoints, the order of writes and
// cancellation. Jobs take a struct of options and a [Listener]; they print
// nothing.
//
// # The run folder
//
//	experiment.json  the settings; they are sufficient to build the same model
//	split.json       the part of each image, with content hashes
//	environment.json versions, processor, threads, seed
//	metrics.jsonl    a line per epoch
//	events/          the same for TensorBoard
//	checkpoints/     the newest two and the best
//	saved_model/     the exported model of the best epoch
//	evaluation.json  the result on the test part, evaluated once
//	explanations/    test images for the report, see [Showcase]
//
// # Interruption
//
// The order of an epoch is a function of (seed, epoch), dropout is a function of (seed,
// step, layer), and a checkpoint has the weights, the optimizer's slots and the position
// in the epoch. So a run that was killed and resumed ends with the same bits as an
// uninterrupted one with the same number of threads.
package pipeline
