// Package foreign makes a model of oscar's of a TensorFlow SavedModel of any
// origin: Keras, tf.function, TensorFlow 1, TF Hub. Call [Adopt].
//
// A SavedModel calls functions, and reads variables by handles. Neither can be
// explained as it is: no gradient reaches into a function. Adopt lays all
// functions that one signature calls into one flat graph, cuts what it does not
// need (training branches whose condition is known), mends operations that have
// no right gradient (package rewrite), reads the variables that are left from
// the checkpoint, names the layers as their author did, and writes a SavedModel
// with oscar's metadata. See docs/design/0013-foreign-models.md.
//
// Files of others are not trusted: what they claim is checked before it is
// used, and operations that reach files, the network or other programs are
// refused.
package foreign
