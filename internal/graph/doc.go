// Package graph is the only package that calls TensorFlow's C API. It handles the API's pitfalls.
// Every operation gets a unique name below its scope (conv1/Conv2D, conv1/Const_1). The first error
// is kept and returned once, with the scope where it occurred. A missing gradient is an error and
// not a nil pointer. Tensors are read and written as flat slices. Memory that Go's garbage collector
// does not see is limited.
//
// The example shows the order of calls: build, check [Graph.Err], open a session, run.
package graph
