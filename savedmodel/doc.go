// Package savedmodel writes and opens TensorFlow SavedModels, and reads and
// writes checkpoints. It deals with graphs and variables, not with layers.
//
// A model written by [Write] has one MetaGraph under the tag "serve" with
// resource variables, the collections "variables" and "trainable_variables" and
// named signatures, so that tf.saved_model.load, TF Serving, Keras's TFSMLayer,
// the TFLite and ONNX converters and [Open] read it. assets.extra/oscar.json has data for
// oscar only, see [Metadata].
package savedmodel
