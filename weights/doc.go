// Package weights loads pretrained weights of other programs into an architecture.
//
// Start with [Open]. It reads safetensors (as timm and Hugging Face write them), Keras's files
// (.weights.h5, .h5, .keras), TensorFlow's tensor bundles (checkpoints), and runs and SavedModels of
// oscar. [File.Load] then detects the program by the names of the tensors: a table for each
// architecture has the layer names of timm, torchvision, Keras and others, their memory layout of
// kernels, and their preprocessing. Input images are always 0..255 RGB; the preprocessing is a layer
// of the architecture that Prepare returns.
//
// Files are not trusted: sizes are checked before memory is allocated, and shapes before values are
// used. A variable without a tensor is an error. Tensors without a variable are listed.
package weights
