// Package serve answers questions to opened models over HTTP. It has a page to look
// at a model in a browser, and the REST interface of TensorFlow Serving with one
// verb more: explain.
//
//	s, err := serve.New(serve.Options{Models: []string{"runs/first"}})
//	err = s.Run(ctx) // until ctx is done
//
// # What holds
//
//   - Images with equal queries share a run of the model. The queue is bounded: a
//     request that finds it full is refused with status 429.
//   - Bodies, images, requests and waiting times are bounded.
//   - Files are read below the given folders only.
//   - A page asks no other host, and its state is in its URL.
package serve
