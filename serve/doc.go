// Package serve serves opened models over HTTP. It has a page to explore a model in a
// browser, and the REST API of TensorFlow Serving with one more verb: explain.
//
//	s, err := serve.New(serve.Options{Models: []string{"runs/first"}})
//	err = s.Run(ctx) // until ctx is done
//
// # Properties
//
//   - Images with equal queries share a run of the model. The queue is bounded: if it is
//     full a request is refused with status 429.
//   - The sizes of bodies and images, and the number and time of requests are limited.
//   - It only reads files below the given folders.
//   - A page loads nothing from other hosts, and its state is in its URL.
package serve
