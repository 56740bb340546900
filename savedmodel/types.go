package savedmodel

import "oscar/internal/graph"

// The types of internal/graph in this package's signatures, under names that other modules
// can import. Package tfmodel has the others.
type (
	// Variable is a resource variable of a graph.
	Variable = graph.Variable
	// Optimizer configures how TensorFlow optimises a graph.
	Optimizer = graph.Optimizer
)
