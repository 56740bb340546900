// Package tfmodel describes convolutional classifiers as data and compiles the
// description into TensorFlow graphs.
//
// A [Layer] is a value that knows its output shape, its parameters, its JSON and its
// operations. An [Architecture] is a list of named layers, some of which are blocks of
// layers ([Residual]). It can be edited ([Architecture.Without], [Architecture.Replace],
// ...), summarised, written as JSON, and its memory can be forecast
// ([Architecture.Memory]). [Compile] makes a [Network] for inference, [NewTrainer] a
// [Trainer] with an [Optimizer] and a [Loss].
//
// Layer-wise relevance propagation and guided backpropagation treat each kind of layer by
// its own [Rule]. A [Composite] is a table of rules. [Attach] applies it to an opened
// SavedModel. [Explanations] are signatures by which a SavedModel explains itself.
//
// A program outside this module can have its own [Layer], with its own [Rule]; see
// [RegisterLayer] and testdata/extension.
//
// Variables are named <layer>/<role> in Keras's words (conv1/kernel,
// bn1/moving_mean, fc1/bias), within blocks <block>/<layer>/<role>
// (block1/conv1/kernel), the same in every graph, checkpoint and SavedModel.
package tfmodel
