// Package cluster trains across processes and machines with TensorFlow's own gRPC runtime. It reads
// cluster.json, starts TensorFlow servers (which the Go bindings cannot do), and asks servers
// whether they answer. Package tfmodel has the computation of a worker.
//
// TensorFlow's protocol has neither authentication nor encryption. Whoever can reach a server can
// run any graph on it, including operations that read and write files.
package cluster
