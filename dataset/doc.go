// Package dataset reads folders of image files and returns batches of pixels.
//
// The path of an image is
//
//	folder -> Scan -> NewSplit -> Loader.Batches -> Batch
//
// Scan lists the files of one folder per class and hashes each of them.
// NewSplit divides them by content hash into train, validation and test; a
// Split is a small JSON file with every image and a hash of itself.
// A Loader decodes, resizes and batches images in parallel, ahead of the consumer;
// Loader.Augmented applies an Augmentation. To explain a single photo, call Decode and
// Resize: training and explaining use the same pixels.
//
// Properties:
//
//   - Pixels are RGB, 8 bit, 0 to 255, row-major; a batch is [N, H, W, 3].
//   - The content of a file determines its format. Its name is ignored.
//   - A file that cannot be read is reported with the reason. It does not end a
//     scan and is never left out silently.
//   - The header is checked before pixels are allocated, see Limits.
//   - Randomness is a pure function of its seed: Order, NewSplit, Synthesize,
//     Augmentation.
//   - A file is written completely or not at all.
//
// Synthesize draws a small set of six kinds of objects with exact masks, for
// tests, demonstrations and for measuring explanations against the truth.
//
// This package does not depend on TensorFlow.
package dataset
