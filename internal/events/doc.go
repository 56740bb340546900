// Package events writes TensorBoard event files: the scalars of a training run,
// step by step, readable while it runs.
//
//	w, err := events.Create("runs/alexnet/train", time.Now())
//	err = w.Scalar("loss", step, loss, time.Now())
//	err = w.Close()
//
// then
//
//	tensorboard --logdir runs
//
// A file is a sequence of TFRecord frames (little-endian length, masked CRC-32C of
// the length, data, masked CRC-32C of the data). Each frame is a tensorflow.Event
// protocol buffer. The few fields are encoded by hand, so that the package does not need
// TensorFlow:
// https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
// and tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.
package events
