package explain_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"oscar/explain"
)

// Known colors, from CIE's own tables by way of every color library.
func TestLab(t *testing.T) {
	for rgb, want := range map[[3]float32][3]float64{
		{0, 0, 0}:       {0, 0, 0},
		{255, 255, 255}: {100, 0, 0},
		{255, 0, 0}:     {53.24, 80.09, 67.20},
		{0, 255, 0}:     {87.73, -86.18, 83.18},
		{0, 0, 255}:     {32.30, 79.19, -107.86},
		{128, 128, 128}: {53.59, 0, 0},
		{3, 3, 3}:       {0.82, 0, 0},
		{nan, -5, 0}:    {0, 0, 0},
		{inf, 300, 256}: {100, 0, 0},
	} {
		got := explain.LabOf(rgb[0], rgb[1], rgb[2])
		for i := range got {
			if math.Abs(got[i]-want[i]) > 0.02 {
				t.Errorf("%v is %.3f, want %v", rgb, got, want)
				break
			}
		}
	}
}

func TestPieces(t *testing.T) {
	labels := []int{
		1, 1, 0, 0,
		1, 2, 0, 0,
		0, 0, 1, 1, // label 0 and label 1 again, elsewhere
		0, 0, 1, 1,
	}
	got, count := explain.Pieces(labels, 4, 4)
	if want := []int{0, 0, 1, 1, 0, 2, 1, 1, 3, 3, 4, 4, 3, 3, 4, 4}; !slices.Equal(got, want) || count != 5 {
		t.Errorf("%d pieces %v, want %v", count, got, want)
	}
}

// checkSegmentation wants labels 0..Count-1, all used, each in one piece.
func checkSegmentation(t *testing.T, s explain.Segmentation) {
	t.Helper()
	used := map[int]bool{}
	for _, label := range s.Labels {
		used[label] = true
	}
	if len(used) != s.Count || slices.Min(s.Labels) != 0 || slices.Max(s.Labels) != s.Count-1 {
		t.Errorf("%d labels from %d to %d, want 0 to %d", len(used), slices.Min(s.Labels), slices.Max(s.Labels), s.Count-1)
	}
	if _, pieces := explain.Pieces(s.Labels, s.Height, s.Width); pieces != s.Count {
		t.Errorf("%d superpixels are in %d pieces", s.Count, pieces)
	}
}

func TestSLICFollowsColors(t *testing.T) {
	// Four flags of one color each, their borders off any grid.
	const height, width = 50, 70
	image := explain.Images{N: 1, Height: height, Width: width, Channels: 3, Pixels: make([]float32, height*width*3)}
	truth := make([]int, height*width)
	for i := range truth {
		if i%width >= 23 {
			truth[i]++
		}
		if i/width >= 31 {
			truth[i] += 2
		}
		copy(image.Pixels[3*i:], [][]float32{{200, 30, 30}, {30, 200, 30}, {30, 30, 200}, {200, 200, 30}}[truth[i]])
	}
	s := explain.SLIC{Segments: 24}.Segment(image)
	checkSegmentation(t, s)
	if s.Count < 16 || s.Count > 32 {
		t.Errorf("%d superpixels, want about 24", s.Count)
	}
	colors := map[int]int{}
	for i, label := range s.Labels {
		if before, ok := colors[label]; ok && before != truth[i] {
			t.Fatalf("superpixel %d crosses a border", label)
		}
		colors[label] = truth[i]
	}
}

// A texture is cut into many scraps, which must not run together into one giant
// superpixel.
func TestSLICOfATexture(t *testing.T) {
	const side = 120
	r := rand.New(rand.NewPCG(1, 2))
	image := explain.Images{N: 1, Height: side, Width: side, Channels: 3, Pixels: make([]float32, side*side*3)}
	for i := range image.Pixels {
		image.Pixels[i] = float32(r.IntN(256))
	}
	s := explain.SLIC{}.Segment(image)
	checkSegmentation(t, s)
	sizes := make([]int, s.Count)
	for _, label := range s.Labels {
		sizes[label]++
	}
	if s.Count < 40 || s.Count > 60 || slices.Max(sizes) > 4*side*side/50 {
		t.Errorf("%d superpixels of %d to %d pixels, want about 50 of %d", s.Count, slices.Min(sizes), slices.Max(sizes), side*side/50)
	}
}

func TestSLICOfAnyImage(t *testing.T) {
	noise := photos(1)
	broken := photos(1)
	broken.Pixels[0], broken.Pixels[99], broken.Pixels[200] = nan, inf, -inf
	for name, image := range map[string]explain.Images{
		"noise":      noise,
		"no numbers": broken,
		"one pixel":  {N: 1, Height: 1, Width: 1, Channels: 3, Pixels: []float32{1, 2, 3}},
		"a row":      {N: 1, Height: 1, Width: 100, Channels: 1, Pixels: make([]float32, 100)},
		"a column":   {N: 1, Height: 100, Width: 1, Channels: 4, Pixels: make([]float32, 400)},
		"one color":  {N: 1, Height: 40, Width: 60, Channels: 3, Pixels: make([]float32, 7200)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, segments := range []int{-1, 0, 1, 7, 1000} {
				s := explain.SLIC{Segments: segments}.Segment(image)
				checkSegmentation(t, s)
				if again := (explain.SLIC{Segments: segments}).Segment(image); !slices.Equal(s.Labels, again.Labels) {
					t.Error("twice the same image, two segmentations")
				}
			}
		})
	}
	// A single color is cut into a grid.
	flat := explain.SLIC{}.Segment(explain.Images{N: 1, Height: 50, Width: 50, Channels: 3, Pixels: make([]float32, 7500)})
	if flat.Count != 49 {
		t.Errorf("a flat square has %d superpixels, want 7x7", flat.Count)
	}
}
