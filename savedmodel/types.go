package savedmodel

import "oscar/internal/graph"

// Types of internal/graph that occur in this package's signatures, as aliases for other modules.
// Package tfmodel has more of them.
type (
	// Variable is a resource variable of a graph.
	Variable = graph.Variable
	// Optimizer configures TensorFlow's graph optimizer.
	Optimizer = graph.Optimizer
)
