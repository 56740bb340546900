package explain_test

import (
	"math"
	"testing"

	"oscar/explain"
)

// On a model that looks at one pixel the patches over it lose all, the others
// nothing, and each position has the mean of its patches.
func TestOcclusionOfOnePixel(t *testing.T) {
	const y, x, patch, stride = 5, 8, 4, 3
	images := photos(1)
	pixel := images.Pixels[(y*wide+x)*3]
	a := must(t, explain.Occlusion{Model: &fake{function: lookAt(y, x, 2)}, Baseline: explain.Black, Patch: patch, Stride: stride}, images, 0)[0]
	for v := range high {
		for u := range wide {
			// Slowly: all patches that cover (v,u), and those of them on (y,x).
			covers, hits := 0, 0
			for top := 0; top < high; top += stride {
				for left := 0; left < wide; left += stride {
					if top > 0 && top-stride+patch >= high || left > 0 && left-stride+patch >= wide {
						continue // the one before reached the rim
					}
					on := func(v, u int) bool { return v >= top && v < top+patch && u >= left && u < left+patch }
					if on(v, u) {
						covers++
						if on(y, x) {
							hits++
						}
					}
				}
			}
			want := 2 * float64(pixel) * float64(hits) / float64(covers)
			if got := float64(a.Map.At(v, u)); covers == 0 || math.Abs(got-want) > 1e-3 {
				t.Fatalf("at %d,%d: %v, want %v (%d of %d patches)", v, u, got, want, hits, covers)
			}
		}
	}
	if got := a.Map.At(y, x); math.Abs(float64(got-2*pixel)) > 1e-3 {
		t.Errorf("at the pixel itself: %v, want all of it, %v", got, 2*pixel)
	}
}

func TestOcclusionCoversTheRim(t *testing.T) {
	for patch := 1; patch <= 20; patch++ {
		for stride := 1; stride <= patch; stride++ {
			model := &fake{function: lookAt(high-1, wide-1, 1)}
			a := must(t, explain.Occlusion{Model: model, Patch: patch, Stride: stride}, photos(1), 0)[0]
			if a.Map.At(high-1, wide-1) == 0 || a.Status == explain.NonFinite {
				t.Errorf("patch %d, stride %d: the last corner has %v, status %s", patch, stride, a.Map.At(high-1, wide-1), a.Status)
			}
		}
	}
}

// The patch hides what is there: a pixel of the baseline's color loses nothing.
func TestOcclusionByItself(t *testing.T) {
	gray := photos(1)
	for i := range gray.Pixels {
		gray.Pixels[i] = 127.5
	}
	if a := must(t, explain.Occlusion{Model: &fake{function: newNet(3)}}, gray, 0)[0]; a.Status != explain.Empty {
		t.Errorf("a gray image under gray patches: status %s, want %s", a.Status, explain.Empty)
	}
}

// The patch is 32 of 227, and its stride half of it.
func TestOcclusionDefaults(t *testing.T) {
	for side, patches := range map[int]int{227: 14 * 14, 64: 12 * 12, 5: 5 * 5} {
		images := explain.Images{N: 1, Height: side, Width: side, Channels: 1, Pixels: make([]float32, side*side)}
		model := &fake{function: linear{weights: [][]float64{make([]float64, side*side)}}}
		must(t, explain.Occlusion{Model: model}, images, 0)
		if got := model.seen() - 1; got != patches {
			t.Errorf("of %d pixels: %d patches, want %d", side, got, patches)
		}
	}
}
