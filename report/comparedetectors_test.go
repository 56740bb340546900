package report_test

import (
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/heatmap"
	"oscar/internal/checksum"
	"oscar/report"
	"oscar/report/reporttest"
	"oscar/result"
)

// The page of a comparison of detectors has the figures with their intervals, the answers, and the
// objects that one finds alone. A picture that is gone is named.
func TestComparedDetectorsPage(t *testing.T) {
	dir := t.TempDir()
	figure := func(name, better string, a, b, low, high result.Number) result.ComparedFigure {
		return result.ComparedFigure{Name: name, Title: name + " <b>", Better: better, Values: [2]result.Number{a, b}, Difference: b - a, Low: low, High: high}
	}
	object := func(model int, pictures [2]string) result.ShownObject {
		x := result.ShownObject{ComparedObject: result.ComparedObject{Image: "heap.png", ID: 3, Truth: "can <b>", Area: 400}, Pictures: pictures}
		x.Answers[model] = result.Answer{Answer: "right", Class: "can <b>", Score: 0.91, IoU: 0.83}
		x.Answers[1-model] = result.Answer{Answer: result.Missed, IoU: 0.2}
		return x
	}
	img := image.NewRGBA(image.Rect(0, 0, 60, 40))
	draw.Draw(img, img.Rect, image.NewUniform(color.RGBA{120, 160, 190, 255}), image.Point{}, draw.Src)
	if err := os.Mkdir(filepath.Join(dir, "changed"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := heatmap.WritePNG(filepath.Join(dir, "changed", "01-1.png"), img); err != nil {
		t.Fatal(err)
	}
	c := result.DetectorComparison{
		Format: 1, Task: result.Instances, Data: "/data/heaps", Part: "test", Classes: []string{"can <b>"}, Images: 200, Objects: 801, Least: 0.5, Draws: 500,
		Models: [2]result.ComparedDetector{
			{Path: "runs/a", Fingerprint: "00ff", Name: "small", Parameters: 1234567, Epoch: 4, NoObject: 31}, {Path: "model", Fingerprint: "11ff", Name: "small", Parameters: 1234567, NoObject: 29},
		},
		Figures:  []result.ComparedFigure{figure("mask_ap", "higher", 0.5, 0.375, -0.15, -0.1), figure("no_object", "lower", 0.5, 0.25, -0.375, -0.125)},
		Strata:   []result.ComparedSubset{{Objects: 300, ComparedFigure: figure("apart", "higher", 0.5, 0.5, -0.1, 0.1)}, {ComparedFigure: figure("empty", "higher", result.Unmeasured, result.Unmeasured, result.Unmeasured, result.Unmeasured)}},
		PerClass: []result.ComparedSubset{{Objects: 801, ComparedFigure: figure("can", "higher", 0.5, 0.375, -0.15, -0.1)}},
		Answers:  [3][3]int{{500, 11, 42}, {8, 90, 5}, {9, 6, 130}}, Changed: 0.1, ChangedInterval: [2]result.Number{0.08, 0.13},
		Shown: []result.ShownObject{object(0, [2]string{"changed/01-1.png", "changed/gone.png"}), object(1, [2]string{"../outside.png", "changed/01-1.png"})},
		Notes: []string{"runs/a was trained with these scenes"},
	}
	c.SetLimits(map[string]float64{"ap_drop": 0.01})
	for _, err := range []error{checksum.WriteJSON(dir, result.ComparisonFile, c), checksum.Update(dir, "changed/01-1.png")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	path, err := report.Write(t.Context(), report.Options{Dirs: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, want := range []string{
		"On 200 images with 801 objects, A has a higher AP of masks than B", "only A finds 53 objects with the right class, and only B finds 17", "The limit of ap_drop is exceeded",
		"Only A finds them", "Only B finds them", "A: can &lt;b&gt; 0.91, IoU 0.83; B: missed", "A: missed; B: can &lt;b&gt;", "the picture is missing", "31 of A, 29 of B",
		"1,234,567 parameters, epoch 4, fingerprint 00ff", "200 of the part test of heaps", "runs/a was trained with these scenes", "500 samples of the images", "apart &lt;b&gt;",
	} {
		if !strings.Contains(strings.ReplaceAll(text, "\u202f", ","), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := strings.Count(text, "<img "); n != 2 {
		t.Errorf("the page has %d pictures, want 2", n)
	}
	reporttest.Look(t, path)
}
