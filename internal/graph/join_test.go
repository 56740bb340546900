package graph

import (
	"context"
	"testing"
)

// TestJoin computes (x+1)*2 and that plus 10 by two parts, each of which needs the other.
func TestJoin(t *testing.T) {
	part := func(build func(g *Graph)) []byte {
		g := New()
		build(g)
		def, err := g.Def()
		if err != nil {
			t.Fatal(err)
		}
		return def
	}
	a := part(func(g *Graph) {
		x, doubled := g.Placeholder("x", Float, Shape{}), g.Placeholder("doubled", Float, Shape{})
		g.Identity("plus1", g.Add(x, g.Scalar(1)))
		g.After("out", g.Add(doubled, g.Scalar(10)), g.Group("before", doubled.Op()))
	})
	double := part(func(g *Graph) {
		in := g.Placeholder("in", Float, Shape{})
		g.Identity("out", g.Add(in, in))
	})
	parts := []Part{{Scope: "a", Def: a}, {Scope: "b", Def: double}}
	links := map[string]string{"b/in": "a/plus1", "a/doubled": "b/out:0"}
	def, err := Join(parts, links)
	if err != nil {
		t.Fatal(err)
	}
	g := New()
	three := g.Scalar(3)
	if err := g.In("joined").Import(def, map[string]Tensor{"a/x": three}); err != nil {
		t.Fatal(err)
	}
	out, err := g.Tensor("joined/a/out")
	if err != nil {
		t.Fatal(err)
	}
	s, err := g.NewSession(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	values, err := s.Run(context.Background(), nil, []Tensor{out})
	if err != nil {
		t.Fatal(err)
	}
	if got := values[0].Float32(); got != 18 {
		t.Errorf("(3+1)*2+10 is %g", got)
	}
	links["b/none"] = "a/plus1"
	_, err = Join(parts, links)
	wantError(t, err, "no part has an operation b/none")
	_, err = Join([]Part{{Scope: "a", Def: []byte("no graph")}}, nil)
	wantError(t, err, "join graph a")
}
