// Package weights loads pretrained weights of other programs into an architecture.
//
// Call [Open] first. It reads safetensors (as timm and Hugging Face write), Keras's files
// (.weights.h5, .h5, .keras), the tensor bundles of TensorFlow (checkpoints), and runs and
// SavedModels of oscar. [File.Load] then detects the program by the names of the tensors: a
// table for each architecture has the layer names of timm, torchvision, Keras and others, their memory layout of kernels, and
// their preprocessing. Input images are always 0..255 RGB: the preprocessing is a layer of
// the architecture that Prepare returns.
//
// A file is not trusted: sizes are checked before memory is allocated, shapes before values
// are used. A variable without a tensor is an error. Tensors without a variable are listed.
package weights
