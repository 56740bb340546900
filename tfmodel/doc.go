// Package tfmodel describes convolutional classifiers as data and compiles the
// description into TensorFlow graphs.
//
// A [Layer] is a value with an output shape, parameters, JSON and operations. An [Architecture] is a
// list of named layers, some of which are blocks of layers ([Residual]). It can be edited
// ([Architecture.Without], [Architecture.Replace], ...), summarized and written as JSON, and
// [Architecture.Memory] forecasts its memory. [Compile] makes a [Network] for inference, and
// [NewTrainer] a [Trainer] with an [Optimizer] and a [Loss].
//
// Layer-wise relevance propagation and guided backpropagation have a [Rule] for each kind of layer.
// A [Composite] is a table of rules. [Attach] applies it to an opened SavedModel. [Explanations] are
// signatures with which a SavedModel explains itself.
//
// Other modules can define a [Layer] with its own [Rule]; see [RegisterLayer] and
// testdata/extension.
//
// Variables are named <layer>/<role> with Keras's roles (conv1/kernel, bn1/moving_mean, fc1/bias),
// in blocks <block>/<layer>/<role> (block1/conv1/kernel). The names are the same in every graph,
// checkpoint and SavedModel.
package tfmodel
