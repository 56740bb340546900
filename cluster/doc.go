// Package cluster trains across processes and machines on TensorFlow's own gRPC runtime. It
// reads cluster.json, starts TensorFlow's servers, which the Go bindings lack, and asks
// whether a server answers. The computation of a worker is in package tfmodel.
//
// TensorFlow's protocol has no authentication and no encryption: whoever reaches a server can
// run any graph on it, with operations that read and write files.
package cluster
