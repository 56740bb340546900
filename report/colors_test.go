package report

import (
	"strings"
	"testing"

	"oscar/result"
)

// On one page a color means one thing: with maps of both kinds there is one bar, from
// against the class to for it.
func TestColorsOfAPage(t *testing.T) {
	number := func(v float32) *float32 { return &v }
	signed := result.Row{Method: "lrp", Signed: true, Scale: number(2), RawMin: number(-3), RawMax: number(1)}
	plain := result.Row{Method: "rise", Scale: number(2), Base: number(0.5), RawMin: number(0.5), RawMax: number(4)}
	for _, test := range []struct {
		rows []result.Row
		low  string
	}{
		{[]result.Row{plain}, "low"},
		{[]result.Row{signed}, "blue: against the class"},
		{[]result.Row{plain, signed}, "blue: against the class"},
	} {
		g := &gallery{explanations: &explanations{settings: result.Settings{ColorMap: "jet", SignedColorMap: "rdbu_r"}}, rows: map[string][]result.Row{"a": test.rows}}
		bars := g.bars()
		if len(bars) != 1 || bars[0].Low != test.low {
			t.Errorf("%d bars, want one from %s: %+v", len(bars), test.low, bars)
		}
		if got, want := g.numbers(signed), "full colors: -2.000 and 2.000; values from -3.000 to 1.000"; got != want {
			t.Errorf("numbers %q, want %q", got, want)
		}
		if got, want := g.numbers(plain), "no color: 0.500; full color: 2.000; values from 0.500 to 4.000"; got != want {
			t.Errorf("numbers %q, want %q", got, want)
		}
	}
	g := &gallery{explanations: &explanations{settings: result.Settings{SignedColorMap: "rdbu_r"}}, rows: map[string][]result.Row{"a": {plain, signed}}}
	if !strings.Contains(g.bars()[0].High, "red: for the class") {
		t.Errorf("%+v", g.bars())
	}
}
