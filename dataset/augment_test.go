package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// everything is every change at once.
func everything() Variation {
	return Variation{
		Rotation: Span{-180, 180}, WidthShift: Span{-.3, .3}, HeightShift: Span{-.3, .3}, Shear: Span{-30, 30},
		Zoom: Factor{.5, 2}, RandomCrop: Factor{.4, 1}, HorizontalFlip: true, VerticalFlip: true,
		Brightness: Factor{.7, 1.3}, Contrast: Factor{.7, 1.3}, Saturation: Factor{.5, 1.5}, Hue: Span{-20, 20},
		Equalize: true, Posterize: 6, Solarize: 200, Sharpness: Factor{.5, 2}, RandomErasing: 0.3,
	}
}

// epochOf collects an epoch's images by index, however they were batched.
func epochOf(t *testing.T, opts LoaderOptions, folder *Folder, epoch Epoch, order []int, size int) map[int][]uint8 {
	t.Helper()
	opts.Root, opts.Height, opts.Width = folder.Root, 10, 14
	l := newLoader(t, opts)
	images := map[int][]uint8{}
	at := 0
	for b, err := range l.Augmented(t.Context(), folder.Items, order, size, epoch) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			index := order[at]
			item := folder.Items[index%len(folder.Items)]
			if !sameItem(b.Items[i], item) || b.Labels[i] != item.Class {
				t.Fatalf("image %d came as %s, class %d, want %s, class %d", index, b.Items[i].Path, b.Labels[i], item.Path, item.Class)
			}
			length := len(b.Images) / b.N
			images[index] = bytes.Clone(b.Images[i*length : (i+1)*length])
			at++
		}
	}
	if at != len(order) {
		t.Fatalf("%d images of %d", at, len(order))
	}
	return images
}

// What an image becomes depends on seed, epoch and index, on nothing else.
func TestAugmentedWhateverTheBatches(t *testing.T) {
	folder := photos(t, 11)
	a := Augmentation{Copies: []Variation{{Rotation: Span{10, 180}}}, Phases: []Phase{{Variation: everything()}}}
	epoch := Epoch{Augmentation: a, Seed: 9, Number: 3}
	order := Order(a.Images(11), 9, 3)
	if len(order) != 22 {
		t.Fatalf("an epoch has %d images, want 22", len(order))
	}
	want := epochOf(t, LoaderOptions{Workers: 1, Ahead: 1}, folder, epoch, order, 22)
	same := func(name string, got map[int][]uint8) {
		t.Helper()
		for index, pixels := range got {
			if !bytes.Equal(pixels, want[index]) {
				t.Errorf("%s: image %d differs", name, index)
			}
		}
	}
	for _, workers := range []int{1, 2, 7} {
		for _, size := range []int{1, 4, 30} {
			name := fmt.Sprintf("%d workers, batches of %d", workers, size)
			same(name, epochOf(t, LoaderOptions{Workers: workers, Cache: CacheMemory}, folder, epoch, order, size))
			same(name+", from the middle", epochOf(t, LoaderOptions{Workers: workers}, folder, epoch, order[9:], size))
		}
	}
	differs := func(name string, other Epoch) {
		t.Helper()
		n := 0
		for index, pixels := range epochOf(t, LoaderOptions{}, folder, other, order, 8) {
			if !bytes.Equal(pixels, want[index]) {
				n++
			}
		}
		if n < 20 {
			t.Errorf("%s changes %d of 22 images", name, n)
		}
	}
	differs("another epoch", Epoch{a, 9, 4})
	differs("another seed", Epoch{a, 8, 3})
}

// Copies are the same in every epoch, the images beside them are as they were,
// and phases come in their turn.
func TestCopiesAndPhases(t *testing.T) {
	folder := photos(t, 6)
	copies := Augmentation{Copies: []Variation{{Rotation: Span{10, 180}}}}
	order := Order(copies.Images(6), 1, 0)
	plain := epochOf(t, LoaderOptions{}, folder, Epoch{}, []int{0, 1, 2, 3, 4, 5}, 4)
	first := epochOf(t, LoaderOptions{}, folder, Epoch{copies, 1, 0}, order, 4)
	later := epochOf(t, LoaderOptions{}, folder, Epoch{copies, 1, 7}, order, 5)
	for i := range 6 {
		if !bytes.Equal(first[i], plain[i]) || bytes.Equal(first[6+i], plain[i]) || !bytes.Equal(first[6+i], later[6+i]) {
			t.Errorf("image %d: not itself, or its copy is the same or changes", i)
		}
	}
	phases := Augmentation{Phases: []Phase{{Epochs: 2, Variation: Variation{Rotation: Span{90, 90}}}, {Epochs: 1}, {Epochs: 3, Variation: Variation{VerticalFlip: true}}}}
	for epoch, want := range []Variation{{Rotation: Span{90, 90}}, {Rotation: Span{90, 90}}, {}, {VerticalFlip: true}, {VerticalFlip: true}, {VerticalFlip: true}, {}} {
		if got := phases.phase(epoch).Variation; got != want {
			t.Errorf("epoch %d: %+v, want %+v", epoch, got, want)
		}
	}
}

// Draws fill their range evenly, and one setting does not change another's.
func TestDraw(t *testing.T) {
	const n = 4000
	v, only := everything(), Variation{Rotation: Span{10, 180}, HorizontalFlip: true}
	var rotations, flips float64
	low, high := math.Inf(1), math.Inf(-1)
	for i := range n {
		all := v.draw(newRandom(1, uint64(i)))
		one := only.draw(newRandom(1, uint64(i)))
		if all.flipX != one.flipX || one.flipY || one.zoomX != 1 || one.side != 1 || one.brightness != 1 {
			t.Fatalf("draw %d: %+v beside %+v", i, one, all)
		}
		degrees := one.rotation * 180 / math.Pi
		rotations += degrees / n
		low, high = min(low, degrees), max(high, degrees)
		if one.flipX {
			flips += 1.0 / n
		}
	}
	if low < 10 || low > 11 || high > 180 || high < 179 || math.Abs(rotations-95) > 3 || math.Abs(flips-0.5) > 0.03 {
		t.Errorf("rotations %g to %g, mean %g; flipped %g of all", low, high, rotations, flips)
	}
}

func TestAugmentationJSON(t *testing.T) {
	var a Augmentation
	text := `{"copies":[{"rotation":[10,180]}],"phases":[{"epochs":20,"rotation":45,"zoom":0.1,"random_crop":[0.5,1],"horizontal_flip":true},{}]}`
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	want := Augmentation{Copies: []Variation{{Rotation: Span{10, 180}}}, Phases: []Phase{
		{Epochs: 20, Variation: Variation{Rotation: Span{-45, 45}, Zoom: Factor{0.9, 1.1}, RandomCrop: Factor{0.5, 1}, HorizontalFlip: true}}, {},
	}}
	if !slices.Equal(a.Copies, want.Copies) || !slices.Equal(a.Phases, want.Phases) {
		t.Errorf("read %+v", a)
	}
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	const written = `{"copies":[{"rotation":[10,180]}],"phases":[{"epochs":20,"rotation":[-45,45],"zoom":[0.9,1.1],"random_crop":[0.5,1],"horizontal_flip":true},{}]}`
	if string(b) != written {
		t.Errorf("wrote %s", b)
	}
	if b, err := json.Marshal(Augmentation{}); err != nil || string(b) != "{}" {
		t.Errorf("nothing is written as %s, %v", b, err)
	}
	for text, want := range map[string]string{
		`{"rotation": "much"}`:  `got "much", want a number or [low, high]`,
		`{"rotation": [1,2,3]}`: `got [1,2,3], want a number or [low, high]`,
		`{"zoom": null}`:        "got null, want a number or [low, high]",
		`{"zoom": [0,0]}`:       "got 0 to 0, want factors above 0",
	} {
		var v Variation
		if err := json.Unmarshal([]byte(text), &v); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestAugmentationRefusals(t *testing.T) {
	phase := func(v Variation) Augmentation { return Augmentation{Phases: []Phase{{Variation: v}}} }
	for want, a := range map[string]Augmentation{
		"": phase(everything()),
		"copy 1: rotation is -400 to 0, want a range within -360 to 360":                      {Copies: []Variation{{Rotation: Span{-400, 0}}}},
		"phase 1: rotation is 180 to 10, want a range within -360 to 360":                     phase(Variation{Rotation: Span{180, 10}}),
		"phase 1: zoom is -1 to 3, want a range within 0.01 to 100":                           phase(Variation{Zoom: Factor{-1, 3}}),
		"phase 1: random_crop is 0.6 to 1.4, want a range within 0.01 to 1":                   phase(Variation{RandomCrop: Factor{0.6, 1.4}}),
		"phase 1: width_shift is NaN to 1, want a range within -1 to 1":                       phase(Variation{WidthShift: Span{math.NaN(), 1}}),
		`phase 1: no fill_mode "wrap"; have nearest, reflect, constant`:                       phase(Variation{FillMode: "wrap"}),
		"phase 1: random_erasing is 2 to 2, want a range within 0 to 1":                       phase(Variation{RandomErasing: 2}),
		"phase 1: posterize is 9 to 9, want a range within 0 to 8":                            phase(Variation{Posterize: 9}),
		"phase 1: policy.choose is 0, want 1 to 10":                                           {Phases: []Phase{{Policy: &Policy{Magnitude: 9}}}},
		"phase 1: policy.magnitude is 0, want above 0 to 30, or of with a list of variations": {Phases: []Phase{{Policy: &Policy{Choose: 2}}}},
		"phase 1: policy has both of and magnitude; give one":                                 {Phases: []Phase{{Policy: &Policy{Choose: 2, Magnitude: 9, Of: make([]Variation, 1)}}}},
		"phase 1: policy.of 1: hue is 0 to 900, want a range within -180 to 180":              {Phases: []Phase{{Policy: &Policy{Choose: 2, Of: []Variation{{Hue: Span{0, 900}}}}}}},
		"phase 1: mixup is 200, want 0.05 to 100, or 0 for none":                              {Phases: []Phase{{Mixing: Mixing{Mixup: 200}}}},
		"phase 1: cutmix is NaN, want 0.05 to 100, or 0 for none":                             {Phases: []Phase{{Mixing: Mixing{CutMix: math.NaN()}}}},
		"phase 1: epochs is -1, want 1 or more":                                               {Phases: []Phase{{Epochs: -1}}},
		"phase 1: epochs is missing: only the last phase may take all that are left":          {Phases: []Phase{{}, {Epochs: 2}}},
	} {
		if err := a.Check(); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// An index beyond the copies is refused as one beyond the items is.
func TestAugmentedOrder(t *testing.T) {
	l := newLoader(t, LoaderOptions{Framing: Framing{Height: 2, Width: 2}})
	for _, err := range l.Augmented(context.Background(), make([]Item, 3), []int{6}, 1, Epoch{Augmentation: Augmentation{Copies: make([]Variation, 1)}}) {
		if err == nil || !strings.Contains(err.Error(), "order names item 6 of 6") {
			t.Error(err)
		}
	}
}

// An iteration is an image, on one processor.
func BenchmarkAugment(b *testing.B) {
	for _, side := range []int{128, 227} {
		b.Run(fmt.Sprint(side), func(b *testing.B) {
			r := newRandom(1)
			pixels, scratch := make([]uint8, 3*side*side), make([]uint8, 3*side*side)
			for i := range pixels {
				pixels[i] = uint8(r.next())
			}
			for b.Loop() {
				everything().draw(r).apply(pixels, scratch, side, side)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
