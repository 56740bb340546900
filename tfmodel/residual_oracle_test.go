package tfmodel

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/explain"
)

// Relevance and guided gradients in residual networks are zennit's and
// Captum's, at the image and within branches.
func TestSignalsInBlocksEqualTheOracles(t *testing.T) {
	files, err := filepath.Glob("../oracles/residual/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g struct {
				Made         map[string]string
				Architecture Architecture
				Weights      map[string][]float32
				Images       []float32
				Targets      []int
				Logits       []float32
				Signals      map[string]map[string][]float32 // by layer, "" the image
			}
			if err := json.Unmarshal(text, &g); err != nil {
				t.Fatal(err)
			}
			n, err := CompileFrozen(g.Architecture, g.Weights)
			if err != nil {
				t.Fatal(err)
			}
			m := attach(t, n, nil, nil)
			in := g.Architecture.Input
			images := explain.Images{N: len(g.Images) / in.Elements(), Height: in[0], Width: in[1], Channels: in[2], Pixels: g.Images}
			for _, name := range LRPs() {
				if len(g.Signals[name]) < 3 {
					t.Errorf("no oracle within blocks for the composite %s", name)
				}
			}
			for name, layers := range g.Signals {
				c, ok := oracleComposites[name]
				if !ok {
					if c, err = LookupLRP(name); err != nil {
						t.Fatal(err)
					}
				}
				for layer, want := range layers {
					if layer == "" {
						layer = explain.Image
					}
					d := signal(t, m, c, images, g.Targets, layer)
					nearBy(t, signalLine(name, g.Made, "2 residual networks"), joined(d.Gradients), want)
				}
			}
			p, err := m.Bundle.Predict(t.Context(), images)
			if err != nil {
				t.Fatal(err)
			}
			nearBy(t, forwardLine(g.Made, "2 residual networks"), joinedRows(p.Logits), g.Logits)
		})
	}
}

func joinedRows(rows [][]float32) (out []float32) {
	for _, r := range rows {
		out = append(out, r...)
	}
	return out
}
