package graph_test

import (
	"context"
	"fmt"
	"log"

	"oscar/internal/graph"
)

func Example() {
	g := graph.New()
	x := g.Placeholder("x", graph.Float, graph.Shape{-1, 2})
	y := g.In("double").Mul(x, g.Scalar(2))
	if err := g.Err(); err != nil {
		log.Fatal(err)
	}
	s, err := g.NewSession(graph.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	feed := graph.Feed{To: x, Value: graph.FromFloat32s(graph.Shape{1, 2}, []float32{1, 2})}
	out, err := s.Run(context.Background(), []graph.Feed{feed}, []graph.Tensor{y})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(y.Name(), out[0].Shape(), out[0].Float32s())
	// Output: double/Mul:0 [1,2] [2 4]
}
