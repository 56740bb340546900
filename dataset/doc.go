// Package dataset turns folders of image files into batches of pixels.
//
// The road of an image is
//
//	folder -> Scan -> NewSplit -> Loader.Batches -> Batch
//
// Scan lists the files of one folder per class and hashes each of them.
// NewSplit divides them by content hash into train, validation and test; the
// Split is a small JSON file that names every image and carries its own hash.
// A Loader decodes, resizes and batches images in parallel, ahead of the one
// who consumes them; Loader.Augmented gives changed images, as an Augmentation
// says. The single steps, Decode and Resize, are there for the
// one who explains a single photo: training and explaining see the same pixels.
//
// What holds throughout:
//
//   - Pixels are RGB, 8 bit, 0 to 255, row-major; a batch is [N, H, W, 3].
//   - A file is what its content says it is. Its name is never asked.
//   - A file that cannot be read is reported with its reason: never fatal to a
//     scan, never silently left out.
//   - The header is checked before pixels are allocated, see Limits.
//   - Randomness is a pure function of its seed: Order, NewSplit, Synthesize,
//     Augmentation.
//   - Files appear whole or not at all.
//
// Synthesize draws a small set of six kinds of objects with exact masks, for
// tests, demonstrations and for measuring explanations against the truth.
//
// This package knows nothing of TensorFlow.
package dataset
