// Package savedmodel writes and opens TensorFlow SavedModels, and reads and
// writes checkpoints. It knows graphs and variables, not layers.
//
// A model written by [Write] has one MetaGraph under the tag "serve" with
// resource variables, the collections "variables" and "trainable_variables" and
// named signatures, so that tf.saved_model.load, TF Serving, Keras's TFSMLayer,
// the TFLite and ONNX converters and [Open] all take it. What only oscar needs
// is in assets.extra/oscar.json, see [Metadata].
package savedmodel
