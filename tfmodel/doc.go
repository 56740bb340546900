// Package tfmodel describes convolutional classifiers as data and compiles the
// description into TensorFlow graphs.
//
// A [Layer] is a value that answers four questions: its output shape, its
// parameters, its JSON and its operations. An [Architecture] is a named list of
// layers, some of them blocks of layers ([Residual]); it can be edited
// ([Architecture.Without], [Architecture.Replace], ...), counted, summarised,
// forecast ([Architecture.Memory]) and written as JSON. [Compile] turns it into a
// [Network] for inference, [NewTrainer] into one that learns, by [Adam] and a
// [Loss]. Both lay it out flat first, as a list of steps.
//
// The description is also what layer-wise relevance propagation and guided
// backpropagation need, which treat each kind of layer by a rule of its own: a
// [Composite] is the table of [Rule]s, [Attach] applies one to an opened
// SavedModel, and [Explanations] are what a SavedModel can say of itself.
//
// Variables are named <layer>/<role> in Keras's words (conv1/kernel,
// bn1/moving_mean, fc1/bias), within blocks <block>/<layer>/<role>
// (block1/conv1/kernel), the same in every graph, checkpoint and SavedModel.
package tfmodel
