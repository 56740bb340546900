package dataset

import (
	"image"
	"math"
	"path/filepath"
	"slices"
	"testing"
)

// A row of four pixels by hand: a quarter of the other image everywhere, or its two middle
// pixels.
func TestMixtureByHand(t *testing.T) {
	own := []uint8{0, 0, 0, 100, 100, 100, 200, 200, 200, 255, 255, 255}
	other := []uint8{8, 8, 8, 0, 4, 100, 255, 255, 255, 0, 0, 0}
	for _, test := range []struct {
		mixture mixture
		want    []uint8
	}{
		{mixture{own: 0.75}, []uint8{2, 2, 2, 75, 76, 100, 214, 214, 214, 191, 191, 191}},
		{mixture{own: 0.5, cut: true, x0: 1, x1: 3, y1: 1}, []uint8{0, 0, 0, 0, 4, 100, 255, 255, 255, 255, 255, 255}},
		{mixture{own: 1}, own},
	} {
		got := slices.Clone(own)
		test.mixture.apply(got, other, 4)
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v, want %v", test.mixture, got, test.want)
		}
	}
}

// Shares have the mean and the variance of Beta(alpha, alpha), 1/2 and 1/(8 alpha + 4). A
// box's share is its area.
func TestMixingDraws(t *testing.T) {
	const n, height, width = 20_000, 64, 96
	for _, alpha := range []float64{0.2, 1, 8} {
		var sum, squares float64
		for i := range n {
			own := Mixing{Mixup: alpha}.draw(newRandom(1, uint64(i)), height, width).own
			if !(own >= 0 && own <= 1) {
				t.Fatalf("alpha %g: a share of %g", alpha, own)
			}
			sum += own / n
			squares += (own - 0.5) * (own - 0.5) / n
		}
		if want := 1 / (8*alpha + 4); math.Abs(sum-0.5) > 0.01 || math.Abs(squares-want) > 0.03*want {
			t.Errorf("alpha %g: mean %g, variance %g, want %g", alpha, sum, squares, want)
		}
	}
	cut := 0
	for i := range n {
		c := Mixing{Mixup: 1, CutMix: 1}.draw(newRandom(2, uint64(i)), height, width)
		if !c.cut {
			continue
		}
		cut++
		if area := float64((c.x1 - c.x0) * (c.y1 - c.y0)); c.x0 < 0 || c.y0 < 0 || c.x1 > width || c.y1 > height || math.Abs(1-area/(height*width)-c.own) > 1e-12 {
			t.Fatalf("a box %+v", c)
		}
	}
	if math.Abs(float64(cut)/n-0.5) > 0.02 {
		t.Errorf("%d of %d images are cut", cut, n)
	}
}

// Images of one gray each: what is left of an image is its share, by the pixels, and an image
// that cannot be read leaves the others as pairs.
func TestMixedBatches(t *testing.T) {
	dir := t.TempDir()
	var items []Item
	for i := range 9 {
		path := filepath.Join(dir, string(rune('a'+i))+".png")
		img := image.NewGray(image.Rect(0, 0, 20, 20))
		for p := range img.Pix {
			img.Pix[p] = uint8(20 + 25*i)
		}
		if i == 3 {
			// it is missing
		} else if err := WritePNG(path, img); err != nil {
			t.Fatal(err)
		}
		items = append(items, Item{Path: path, Class: i})
	}
	mixed := func(m Mixing, number, workers, from int) (b Batch) {
		l := newLoader(t, LoaderOptions{Framing: Framing{Height: 20, Width: 20}, Workers: workers, Skip: func(Item, error) {}})
		epoch := Epoch{Augmentation: Augmentation{Phases: []Phase{{Mixing: m}}}, Seed: 5, Number: number}
		for got, err := range l.Augmented(t.Context(), items, []int{8, 7, 6, 5, 4, 3, 2, 1}[from:], 8, epoch) {
			if err != nil {
				t.Fatal(err)
			}
			b = *got
		}
		return b
	}
	for name, m := range map[string]Mixing{"mixup": {Mixup: 1}, "cutmix": {CutMix: 1}} {
		b := mixed(m, 0, 1, 0)
		if b.N != 7 || !slices.Equal(b.Partners, []int{6, 5, 4, 3, 2, 1, 0}) || b.Shares[3] != 1 {
			t.Fatalf("%s: %d images with partners %v, shares %v", name, b.N, b.Partners, b.Shares)
		}
		for i := range b.N {
			pixels := b.Images[i*1200 : (i+1)*1200]
			own, other := float64(20+25*b.Labels[i]), float64(20+25*b.Labels[b.Partners[i]])
			var mean float64
			for _, p := range pixels {
				mean += float64(p) / 1200
			}
			if want := float64(b.Shares[i])*own + float64(1-b.Shares[i])*other; math.Abs(mean-want) > 0.51 {
				t.Errorf("%s: image %d has a mean of %g, want %g by its share %g", name, i, mean, want, b.Shares[i])
			}
		}
		if again := mixed(m, 0, 4, 0); !slices.Equal(again.Images, b.Images) || !slices.Equal(again.Shares, b.Shares) {
			t.Errorf("%s: other workers mix otherwise", name)
		}
		if later := mixed(m, 1, 1, 0); slices.Equal(later.Shares, b.Shares) {
			t.Errorf("%s: the next epoch mixes the same", name)
		}
	}
	if b := mixed(Mixing{}, 0, 1, 0); b.Partners != nil || b.Shares != nil {
		t.Error("images are mixed by nothing")
	}
	if b := mixed(Mixing{Mixup: 1}, 0, 1, 7); b.N != 1 || b.Shares[0] != 1 || b.Images[0] != 45 {
		t.Errorf("one image alone: %v %v", b.Shares, b.Images[:3])
	}
}
