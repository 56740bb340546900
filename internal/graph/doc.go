// Package graph is the only place that touches TensorFlow's C API. It hides
// what is sharp there: every operation gets a unique name under its scope
// (conv1/Conv2D, conv1/Const_1), the first error sticks and is reported once
// with the scope it happened in, missing gradients are errors and not nil
// pointers, tensors are read and written as flat slices, and memory that the
// Go collector does not see is bounded.
//
//	g := graph.New()
//	x := g.Placeholder("x", graph.Float, graph.Shape{-1, 2})
//	y := g.In("double").Mul(x, g.Scalar(2))
//	if err := g.Err(); err != nil { ... }
//	s, err := g.NewSession(graph.Threads{})
//	out, err := s.Run([]graph.Feed{{x, graph.FromFloat32s(graph.Shape{1, 2}, []float32{1, 2})}}, []graph.Tensor{y}, nil)
package graph
