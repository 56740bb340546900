package global_test

import (
	"image"
	"image/color"
	"testing"

	"oscar/global"
)

// A panel a class, three beside each other; the gap that counts is amber, one
// that does not is grey.
func TestSpectra(t *testing.T) {
	one := clustered(t, global.SpRAy{}, spots(1, 40, 0.2, [2]float64{12, 12}))
	two := clustered(t, global.SpRAy{}, spots(1, 40, 0.1, [2]float64{5, 5}, [2]float64{18, 18}))
	none := clustered(t, global.SpRAy{}, nil)
	for _, c := range []struct {
		list  []global.Spectrum
		size  image.Point
		amber bool
	}{
		{[]global.Spectrum{{Title: "one", Strategies: *one}}, image.Pt(380, 270), false},
		{[]global.Spectrum{{Title: "two", Strategies: *two}, {Title: "none", Strategies: *none}}, image.Pt(760, 270), true},
		{make([]global.Spectrum, 4), image.Pt(1140, 540), false},
	} {
		p, err := global.Spectra(c.list)
		if err != nil {
			t.Fatal(err)
		}
		if p.Bounds().Size() != c.size {
			t.Errorf("%d spectra are %v, want %v", len(c.list), p.Bounds().Size(), c.size)
		}
		if got := has(p, color.RGBA{0xd9, 0x6c, 0x06, 0xff}); got != c.amber {
			t.Errorf("%s: a gap that counts is marked: %v", c.list[0].Title, got)
		}
	}
	if _, err := global.Spectra(nil); err == nil {
		t.Error("no spectra were drawn")
	}
}

func TestConceptBars(t *testing.T) {
	answers := []global.Sensitivity{{Score: 0.9, Verdict: global.Significant}, {Score: 0.4, RandomScore: 0.6, Verdict: global.NotSignificant}, {Verdict: global.TooFewImages}}
	blue, orange := color.RGBA{0x1f, 0x5f, 0xa8, 0xff}, color.RGBA{0xd9, 0x6c, 0x06, 0xff}
	p, err := global.ConceptBars([]global.Bars{
		{Title: "striped", Classes: []string{"zebra", "horse", "an animal with a longer name"}, Answers: answers},
		{Title: "dotted", Classes: []string{"zebra"}, Answers: answers[:1]},
		{Title: "red", Classes: []string{"zebra"}, Answers: answers[1:2]},
	}, 5)
	if err != nil {
		t.Fatal(err)
	}
	if size := p.Bounds().Size(); size.X < 800 || size.Y < 250 || !has(p, blue) || has(p, orange) {
		t.Errorf("the bars are %v, more than random blue: %v, orange: %v", size, has(p, blue), has(p, orange))
	}
	fewer := []global.Sensitivity{{Score: 0.1, RandomScore: 0.5, Verdict: global.Significant}}
	if p, err = global.ConceptBars([]global.Bars{{Title: "red", Classes: []string{"zebra"}, Answers: fewer}}, 1); err != nil || !has(p, orange) || has(p, blue) {
		t.Errorf("fewer than random is not orange: %v", err)
	}
	if _, err := global.ConceptBars(nil, 0); err == nil {
		t.Error("no concepts were drawn")
	}
}

// has says whether a colour is somewhere in a picture.
func has(p image.Image, c color.RGBA) bool {
	for y := range p.Bounds().Dy() {
		for x := range p.Bounds().Dx() {
			if color.RGBAModel.Convert(p.At(x, y)) == c {
				return true
			}
		}
	}
	return false
}
