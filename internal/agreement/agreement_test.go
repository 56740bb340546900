package agreement

import (
	"math"
	"slices"
	"strings"
	"testing"
)

var sample = []Line{
	{CAM, "gradcam", "AlexNet02", "another 1.0", "map", 2e-7, "its largest value", 1e-4, "gradcam"},
	{Metric, "accuracy", "", "another 1.0", "value", 0, "", 1e-12, "metric"},
	{CAM, "gradcam", "tiny", "another 1.0", "map", 3e-7, "its largest value", 1e-4, "gradcam"},
	{CAM, "gradcam", "tiny", "another 1.0", "map", 5e-7, "its largest value", 1e-4, "gradcam"},
	{Score, "focus", "tiny", "a formula", "value", 1.24e-3, "the value", 0.05, "score"},
}

// What is written can be read, one line of those that differ in Difference
// alone, with the largest.
func TestPageIsReadAsWritten(t *testing.T) {
	when := Made{"2025-01-02", "v1-2-gabc", "TensorFlow 2.18.1 and go1.26", "a processor (R) at 2.80 GHz", ""}
	page, err := Render(sample, when)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	want := []Line{sample[3], sample[0], sample[4], sample[1]}
	want[2].Difference = 1.2e-3 // two digits are kept
	if !slices.Equal(got, want) {
		t.Errorf("read\n%+v\nwant\n%+v", got, want)
	}
	if again, err := MadeOf(page); err != nil || again != when {
		t.Errorf("made %+v, %v", again, err)
	}
	again, err := Render(got, when)
	if err != nil || again != page {
		t.Errorf("another page is made of what was read: %v", err)
	}
	when.Later = "Measured later: the lines of gradcam, on 2025-01-03, at commit def, on another."
	if page, err = Render(sample, when); err != nil {
		t.Fatal(err)
	}
	if again, err := MadeOf(page); err != nil || again != when {
		t.Errorf("made later %+v, %v", again, err)
	}
	if _, err := Parse("## " + string(CAM) + "\n| a | b |\n"); err == nil || !strings.Contains(err.Error(), "line 2: 2 cells") {
		t.Errorf("a damaged row: %v", err)
	}
}

func TestStaleLinesAreFound(t *testing.T) {
	other := sample[0]
	other.Oracle = "another 2.0"
	if got := differences(sample, []Line{sample[0], sample[2]}, "gradcam"); len(got) > 0 {
		t.Errorf("%q of equal lines", got)
	}
	got := differences(sample, []Line{other, sample[2]}, "gradcam")
	want := []string{
		"no test writes any more gradcam of AlexNet02, map, against another 1.0",
		"the page lacks gradcam of AlexNet02, map, against another 2.0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// fake notes what a test is told.
type fake struct {
	testing.TB
	errors, fatals int
}

func (*fake) Helper()                 {}
func (*fake) Logf(string, ...any)     {}
func (f *fake) Errorf(string, ...any) { f.errors++ }
func (f *fake) Fatal(...any)          { f.fatals++ }
func (f *fake) Fatalf(string, ...any) { f.fatals++; panic("stop") }

func TestCheckHoldsTheBound(t *testing.T) {
	t.Setenv(Folder, "")
	check := func(change func(*Line)) (f fake) {
		defer func() { recover(); written.lines = nil }()
		l := sample[0]
		change(&l)
		Check(&f, l)
		return f
	}
	if f := check(func(*Line) {}); f.errors+f.fatals > 0 {
		t.Error("a small difference fails")
	}
	for _, d := range []float64{1.1e-4, math.NaN(), math.Inf(1)} {
		if f := check(func(l *Line) { l.Difference = d }); f.errors != 1 {
			t.Errorf("a difference of %v passes", d)
		}
	}
	for what, change := range map[string]func(*Line){
		"no group": func(l *Line) { l.Group = "" }, "a bar": func(l *Line) { l.Oracle = "a|b" },
		"no bound": func(l *Line) { l.Bound = math.NaN() }, "no oracle": func(l *Line) { l.Oracle = "" },
		"a negative difference": func(l *Line) { l.Difference = -1 },
	} {
		var f fake
		func() {
			defer func() { recover() }()
			l := sample[0]
			change(&l)
			Check(&f, l)
		}()
		if f.fatals != 1 {
			t.Errorf("%s passes", what)
		}
	}
}

func TestApart(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		got, want []float64
		apart     float64
	}{
		{[]float64{1, -4}, []float64{1, -5}, 0.2},
		{[]float64{0, 0}, []float64{0, 0}, 0},
		{[]float64{0, 1}, []float64{0, 0}, math.Inf(1)},
		{[]float64{1}, []float64{1, 2}, nan},
		{[]float64{nan}, []float64{1}, nan},
		{nil, nil, nan},
	} {
		if got := Apart(test.got, test.want); got != test.apart && !(got != got && test.apart != test.apart) {
			t.Errorf("Apart(%v, %v) = %v, want %v", test.got, test.want, got, test.apart)
		}
	}
}
