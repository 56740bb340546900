// Package weights reads the weights of networks that other programs trained, and gives
// every variable of an architecture its tensor.
//
// Call [Open] first. It reads safetensors (as timm and Hugging Face write), the tensor
// bundles of TensorFlow (checkpoints), and runs and SavedModels of oscar's. [File.Load] then
// finds out whose names the tensors have: a table for each architecture says what timm,
// torchvision, Keras and others call its layers, how their kernels lie in memory, and how they
// prepare images. Images are always given as 0..255 RGB: what a program does to them first is
// a layer of the architecture that Load returns.
//
// A file is not trusted: sizes are checked before memory is asked for, shapes before numbers
// are used. No variable is left without a tensor, and tensors without a variable are listed.
package weights
