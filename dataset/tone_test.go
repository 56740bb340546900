package dataset

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// Pillow says the same of the same image, to a level where it rounds in float32.
func TestTonesAsPillow(t *testing.T) {
	var oracle struct {
		Height, Width int
		Image         []int
		Cases         []struct {
			Name   string
			Value  float64
			Pixels []int
		}
	}
	b, err := os.ReadFile("testdata/tones.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &oracle); err != nil {
		t.Fatal(err)
	}
	var pixels []uint8
	for _, v := range oracle.Image {
		pixels = append(pixels, uint8(v))
	}
	for _, test := range oracle.Cases {
		c := unchanged
		switch test.Name {
		case "autocontrast":
			c.tone.autocontrast = true
		case "equalize":
			c.tone.equalize = true
		case "solarize":
			c.tone.solarize = uint8(test.Value)
		case "posterize":
			c.tone.posterize = uint8(test.Value)
		case "sharpness":
			c.tone.sharpness = test.Value
		}
		got, others := changed(c, pixels, oracle.Height, oracle.Width), 0
		for i, want := range test.Pixels {
			switch apart := int(got[i]) - want; {
			case apart == 1 || apart == -1:
				others++
			case apart != 0:
				t.Fatalf("%s %g: value %d of %d is %d, want %d", test.Name, test.Value, i, len(got), got[i], want)
			}
		}
		if most := map[bool]int{true: len(got) / 100}[test.Name == "sharpness"]; others > most {
			t.Errorf("%s %g: %d of %d values differ by 1", test.Name, test.Value, others, len(got))
		}
	}
	if len(oracle.Cases) < 8 {
		t.Errorf("%d cases", len(oracle.Cases))
	}
	flat := slices.Repeat([]uint8{7}, 3*5*4)
	c := unchanged
	c.tone = tone{autocontrast: true, equalize: true, sharpness: 3}
	if got := changed(c, slices.Clone(flat), 5, 4); !slices.Equal(got, flat) {
		t.Errorf("an image of one color becomes %v", got)
	}
}

// What is erased is a rectangle of noise within the image: so often, of such an area.
func TestRandomErasing(t *testing.T) {
	const height, width, n = 40, 60, 2000
	v := Variation{RandomErasing: 0.25}
	erased, areas := 0, 0.0
	for i := range n {
		pixels := make([]uint8, 3*height*width)
		c := v.draw(newRandom(4, uint64(i)))
		c.apply(pixels, make([]uint8, len(pixels)), height, width)
		top, left, bottom, right, count := height, width, -1, -1, 0
		for p := range height * width {
			if pixels[3*p] != 0 || pixels[3*p+1] != 0 || pixels[3*p+2] != 0 {
				y, x := p/width, p%width
				top, left, bottom, right = min(top, y), min(left, x), max(bottom, y), max(right, x)
				count++
			}
		}
		if count == 0 {
			continue
		}
		erased++
		area := (bottom - top + 1) * (right - left + 1)
		areas += float64(area) / (height * width)
		if area != count || area < height*width/100 || area > height*width*36/100 {
			t.Fatalf("image %d: %d pixels are erased in a rectangle of %d", i, count, area)
		}
	}
	if share := float64(erased) / n; math.Abs(share-0.25) > 0.03 || math.Abs(areas/float64(erased)-0.175) > 0.02 {
		t.Errorf("%g of the images are erased, by %g of their area", share, areas/float64(erased))
	}
	if never := (Variation{}).draw(newRandom(4)); never.tone != unchanged.tone || never.erasure != (erasure{}) {
		t.Errorf("nothing draws %+v", never)
	}
}

// A policy of one variation is that variation; what is erased stays erased whatever a policy
// does; RandAugment's variations can all be.
func TestPolicy(t *testing.T) {
	solarize := &Policy{Choose: 1, Of: []Variation{{Solarize: 1}}}
	inverted := Epoch{Augmentation: Augmentation{Phases: []Phase{{Policy: solarize}}}}
	pixels := []uint8{1, 100, 255}
	for _, c := range inverted.changes(0, 1) {
		c.apply(pixels, make([]uint8, 3), 1, 1)
	}
	if !slices.Equal(pixels, []uint8{254, 155, 0}) {
		t.Errorf("inverted: %v", pixels)
	}
	erasing := Epoch{Augmentation: Augmentation{Phases: []Phase{{Variation: Variation{RandomErasing: 1}, Policy: solarize}}}}
	if c := erasing.changes(0, 1); len(c) != 3 || c[0].erasure != (erasure{}) || c[2].erasure == (erasure{}) {
		t.Errorf("the order of changes is %+v", c)
	}
	a := Augmentation{Phases: []Phase{{Policy: &Policy{Choose: 2, Magnitude: 9}}}}
	resolved := a.Resolved()
	if err := resolved.Check(); err != nil || len(resolved.Phases[0].Policy.Of) != 13 || len(a.Phases[0].Policy.Of) != 0 {
		t.Errorf("resolved to %+v, %v", resolved, err)
	}
	for magnitude := 0.5; magnitude <= 30; magnitude += 0.5 {
		if err := (&Policy{Choose: 1, Of: RandAugment(magnitude)}).check(); err != nil {
			t.Errorf("magnitude %g: %v", magnitude, err)
		}
	}
	seen := map[change]bool{}
	for epoch := range 50 {
		pass := Epoch{Augmentation: resolved, Seed: 1, Number: epoch}
		c := pass.changes(3, 8)
		if again := pass.changes(3, 8); !slices.Equal(c, again) || len(c) != 4 {
			t.Fatalf("epoch %d: %+v, then %+v", epoch, c, again)
		}
		seen[c[1]] = true
	}
	if len(seen) < 30 {
		t.Errorf("50 epochs change an image in %d ways", len(seen))
	}
}
