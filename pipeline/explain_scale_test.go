package pipeline

import (
	"context"
	"errors"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"testing"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/npy"
	"oscar/internal/paths"
	"oscar/internal/testkit"
	"oscar/methods"
	"oscar/result"
)

func gridOf(t *testing.T, out string, r Row) explain.Grid {
	t.Helper()
	shape, values, err := npy.Read(filepath.Join(out, r.Map))
	if err != nil {
		t.Fatal(err)
	}
	return explain.Grid{Height: shape[0], Width: shape[1], Values: values}
}

// A row says what the full color stands for: the largest value of a map at a
// layer, the 99th percentile of one at the image, unless another is asked for.
func TestExplainScaleOfEach(t *testing.T) {
	dir := photos(t, 3)
	for _, percentile := range []float64{0, 90} {
		s := asked("gradcam,saliency,lrp,lrp@conv1,rise", "")
		s.Samples, s.Percentile = 8, percentile
		out := filepath.Join(t.TempDir(), "out")
		_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: s})
		for _, r := range rows {
			g, at := gridOf(t, out, r), percentile
			if at == 0 {
				at = 100
				if r.Layer == explain.Image {
					at = 99
				}
			}
			base := float32(0)
			if m := must(methods.Lookup(r.Method)); m.Relative {
				base, _ = g.Range()
				if r.Base == nil || *r.Base != base {
					t.Errorf("%s begins at %v, want %g", r.Method, r.Base, base)
				}
				for i := range g.Values {
					g.Values[i] -= base
				}
			} else if r.Base != nil {
				t.Errorf("%s begins at %g", r.Method, *r.Base)
			}
			want := heatmap.Scale(g, at, r.Signed) + base
			if r.Status == string(explain.OK) && (r.Scale == nil || *r.Scale != want) {
				t.Errorf("%s %s of %s: scale %v, want %g", r.Method, r.Layer, r.Image, r.Scale, want)
			}
		}
	}
}

func sharing() Settings {
	s := asked("gradcam,lrp,rise", "")
	s.Scale, s.Samples = ScaleShared, 8
	return s
}

// One scale for all maps of a method and layer: the widest that one has alone.
func TestExplainSharedScale(t *testing.T) {
	dir := photos(t, 9, "can/none.png")
	apart := sharing()
	apart.Scale = ScaleOwn
	own, out := filepath.Join(t.TempDir(), "own"), filepath.Join(t.TempDir(), "out")
	_, each := explained(t, ExplainOptions{Paths: []string{dir}, Out: own, Settings: apart})
	_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: sharing()})
	if len(rows) != len(each) {
		t.Fatalf("%d rows, each on its own %d", len(rows), len(each))
	}
	full, base := map[string]float32{}, map[string]float32{}
	for _, r := range each {
		if r.Scale == nil {
			continue
		}
		full[r.Method] = max(full[r.Method], *r.Scale)
		if r.Base != nil {
			if b, ok := base[r.Method]; !ok || *r.Base < b {
				base[r.Method] = *r.Base
			}
		}
	}
	same, other := 0, 0
	for i, r := range rows {
		o := each[i]
		if (r.Scale == nil) != (o.Scale == nil) || (r.Base == nil) != (o.Base == nil) {
			t.Fatalf("%+v, on its own %+v", r, o)
		}
		if r.Scale == nil {
			continue
		}
		if *r.Scale != full[r.Method] || r.Base != nil && *r.Base != base[r.Method] {
			t.Errorf("%s of %s: scale %g, want %g", r.Method, r.Image, *r.Scale, full[r.Method])
		}
		a, err := os.ReadFile(filepath.Join(out, r.Overlay))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(own, o.Overlay))
		if err != nil {
			t.Fatal(err)
		}
		if equal := string(a) == string(b); equal {
			same++
		} else if other++; *r.Scale == *o.Scale && r.Base == nil {
			t.Errorf("%s of %s: another overlay on the same scale", r.Method, r.Image)
		}
	}
	if same < 2 || other < 10 {
		t.Errorf("%d overlays as on their own, %d others", same, other)
	}
}

// Stopped while it draws, it goes on; and with another image whose map is
// higher, all is drawn anew.
func TestExplainSharedScaleAgain(t *testing.T) {
	dir := photos(t, 14)
	out := filepath.Join(t.TempDir(), "out")
	stage, stops := "", 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		drawn := 0
		_, err := Explain(ctx, ExplainOptions{
			Model: trained(t).Dir, Paths: []string{dir}, Out: out, Settings: sharing(), Machine: oneThread,
			Listener: Listener{
				OnStage: func(name string) { stage = name },
				OnCount: func(done, total int) {
					if stage == "drawing" && done < total && done > drawn && done > 4*stops {
						cancel()
					}
				},
			},
		})
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		if paths.Exists(filepath.Join(out, result.ManifestFile)) {
			t.Fatal("there is a manifest before all is drawn")
		}
		noLeftovers(t, out)
		stops++
	}
	if stops == 0 {
		t.Error("it was never stopped while it drew")
	}
	same := func() {
		t.Helper()
		whole := filepath.Join(t.TempDir(), "whole")
		explained(t, ExplainOptions{Paths: []string{dir}, Out: whole, Settings: sharing()})
		sameFiles(t, out, whole)
	}
	same()

	before := parts(t, out)
	explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: sharing()})
	for name, when := range parts(t, out) {
		if before[name] != when {
			t.Errorf("%s was made twice", name)
		}
	}

	drawn := tree(t, out)
	loud := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for y := range 30 {
		for x := range 40 {
			loud.SetRGBA(x, y, color.RGBA{uint8(x * 255 * (y % 2)), uint8(255 * (x / 20)), 0, 255})
		}
	}
	testkit.WritePNG(t, filepath.Join(dir, "zebra.png"), loud)
	_, rows := explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: sharing()})
	again := 0
	for _, r := range rows {
		if text, ok := drawn[r.Overlay]; ok && text != tree(t, out)[r.Overlay] {
			again++
		}
	}
	if len(rows) != 15*3 || again == 0 {
		t.Errorf("%d rows, %d of them drawn anew", len(rows), again)
	}
	same()
	if err := os.Remove(filepath.Join(dir, "zebra.png")); err != nil {
		t.Fatal(err)
	}
	explained(t, ExplainOptions{Paths: []string{dir}, Out: out, Settings: sharing()})
	same()
}
