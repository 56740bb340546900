package report

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/npy"
	"oscar/report/reporttest"
	"oscar/result"
)

// studied is the folder of a study of three variants: a base and one with two
// seeds, and one that does not fit. Its numbers are made up.
func studied(t *testing.T) string {
	t.Helper()
	nan := result.Number(math.NaN())
	dir := t.TempDir()
	photo, _, err := dataset.SyntheticImage(2, 0, dataset.SyntheticOptions{PerClass: 1, Width: 64, Height: 48, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "wall"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := heatmap.WriteJPEG(filepath.Join(dir, "wall", "can.jpg"), photo); err != nil {
		t.Fatal(err)
	}
	row := result.WallRow{Class: "can", Image: "can/0000.png", Picture: "wall/can.jpg", Scale: 4}
	for i, name := range []string{"base", "no-relu"} {
		path := "wall/" + name + ".npy"
		if err := npy.Write(filepath.Join(dir, path), []int{2, 2}, []float32{0, 1, float32(4 - 3*i), -1}); err != nil {
			t.Fatal(err)
		}
		row.Cells = append(row.Cells, result.WallCell{Variant: name, Layer: "conv5", Status: "ok", Map: path, Predicted: []string{"can", "tray"}[i], Probability: 0.75, RawMin: -1, RawMax: result.Number(4 - 3*i)})
	}
	runs := func(offset float64) (out []result.Run) {
		for seed := range 2 {
			run := result.Run{Seed: uint64(seed + 1), Status: result.Done, Kept: 2, Test: &result.Test{Images: 10, Confusion: [][]int{{4, 1}, {2, 3}}}}
			for e := range 3 {
				run.Epochs = append(run.Epochs, result.Epoch{Number: e + 1, Loss: result.Number(1 - offset/10), Accuracy: result.Number(offset / 10 * float64(e+seed)),
					ValidationLoss: nan, ValidationAccuracy: result.Number(offset / 20 * float64(e)), Seconds: 30})
			}
			out = append(out, run)
		}
		return out
	}
	figure := func(low, mean, high float64) result.Figure {
		return result.Figure{Mean: result.Number(mean), Low: result.Number(low), High: result.Number(high), Interval: result.Range, N: 2}
	}
	perClass := func(f1 float64) []result.ClassFigures {
		return []result.ClassFigures{{Class: "can", F1: figure(f1-0.1, f1, f1+0.1), Support: 5}, {Class: "tray", F1: figure(f1, f1, f1), Support: 5}}
	}
	s := result.Study{
		Format: 1, Name: "a study", Why: "Does ReLU matter?", Base: "base", Classes: []string{"can", "tray"}, Seeds: []uint64{1, 2},
		Data: result.Data{Root: "/somebody/photos", Train: 30, Validation: 5, Test: 10}, Explain: result.Explain{Methods: []string{"gradcam"}, PerClass: 2},
		Machine: result.Machine{Memory: 8 << 30, Processor: "a processor", Processors: 2, Threads: 2, Versions: map[string]string{"oscar": "v1", "tensorflow": "2.18.1"}},
		Cut:     &result.Cut{Budget: 600, Full: 6000, Text: []string{"base: 3 epochs of 40"}},
		Measures: []result.Measure{
			{Name: "test_accuracy", Title: "test accuracy", Better: "higher", Help: "Of the kept epoch."},
			{Name: "peak_memory", Title: "peak memory", Unit: "bytes", Better: "lower"},
			{Name: "focus", Title: "focus", Better: "higher", Method: "gradcam", Help: "Share of the heat."},
		},
		Variants: []result.Variant{
			{Name: "base", Status: result.Done, Architecture: "tiny", Input: []int{32, 32, 3}, Parameters: 8546, Epochs: 3, Runs: runs(2), PerClass: perClass(0.5),
				Memory: result.Memory{Weights: 1 << 20, Training: 3 << 20}, Reported: map[string]float64{"test_accuracy": 0.7251},
				Figures: map[string]result.Figure{"test_accuracy": figure(0.6, 0.7, 0.8), "peak_memory": figure(1<<30, 2<<30, 3<<30), "focus": figure(0.4, 0.5, 0.6)}},
			{Name: "no-relu", Why: "The deck took it out.", Edits: []string{"without relu"}, Against: "base", Status: result.Done, Architecture: "tiny-no-relu", Input: []int{32, 32, 3}, Runs: runs(1), PerClass: perClass(0.3),
				Figures: map[string]result.Figure{"test_accuracy": figure(0.4, 0.5, 0.55)},
				McNemar: &result.McNemar{Against: "base", P: 0.01, Tests: []result.McNemarTest{{Seed: 1, OnlyThis: 1, OnlyAgainst: 9}, {Seed: 2, OnlyThis: 0, OnlyAgainst: 8}}}},
			{Name: "no-pool", Edits: []string{"without max_pool2d"}, Against: "base", Status: result.TooLarge, Reason: "39 GiB for 8 GiB", Memory: result.Memory{Training: 39 << 30}},
		},
		Claims: []result.Claim{
			{Text: "ReLU helps", Source: "the deck", Verdict: result.Supported, Why: "difference -0.2"},
			{Text: "ReLU focuses", Verdict: result.NotSupported, Why: "it does not"}, {Text: "pooling helps", Verdict: result.Undecided, Why: "no run"},
		},
		Walls: []result.Wall{{Method: "gradcam", Seed: 1, Scale: 4, Rows: []result.WallRow{row}}},
		Rules: []string{"Every seed has the same split."}, Notes: []string{"a note"}, Seconds: 360,
	}
	if err := atomicfile.WriteJSON(filepath.Join(dir, result.File), s); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, result.Asked), []byte("name: a study\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := result.AddCommand(dir, []string{"oscar", "study", "run", "a study.yaml", "/somebody/photos", "--out=/somebody/deck", "--budget", "600s"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// reported writes a report of a folder to a new file.
func reported(t *testing.T, dir string) *reporttest.Page {
	t.Helper()
	path, err := Write(t.Context(), Options{Dirs: []string{dir}, Out: filepath.Join(t.TempDir(), "report.html")})
	if err != nil {
		t.Fatal(err)
	}
	return reporttest.Read(t, path)
}

func TestReportOfAStudy(t *testing.T) {
	p := reported(t, studied(t))
	p.Want("h1", "a study")
	p.Want("h2", "Claims", "The variants", "The variants compared", "Where they look: gradcam", "Learning curves", "Test set", "Time and memory", "What was run", "Notes")
	p.Want("dd", "1 of 3 1 not supported, 1 undecided", "6 min of all runs")
	p.Want("li", "supported ReLU helps difference -0.2 (the deck)", "not supported ReLU focuses it does not", "undecided pooling helps no run",
		"base: 3 epochs of 40", "Every seed has the same split.", "a note", "no-pool: too large: 39 GiB for 8 GiB")
	p.Want("tr",
		"base 0.700 0.600 to 0.800", "no-relu 0.500 0.400 to 0.550", "no-pool too large –", // test accuracy
		"base 0.500 0.400 to 0.600",                        // focus
		"base 2.0 GiB 1.0 GiB to 3.0 GiB",                  // peak memory
		"no-relu base 1, 9; 0, 8 0.010 0.010 (below 0.05)", // McNemar
		"base test accuracy 0.725 0.700 0.600 to 0.800",    // published
		"can 8 2", "tray 4 6", // the sum of two runs
		"base 0.500 0.400 to 0.600 0.500 0.500 to 0.500", // F1
	)
	p.Want("code", "oscar study run 'a study.yaml' photos --out=deck --budget 600s", "name: a study")
	if !strings.Contains(strings.Join(p.All("tr"), "\n"), "39 GiB ! (does not fit)") {
		t.Error("nothing says that a variant does not fit")
	}
	p.Want("img",
		"Photograph of class can, can/0000.png",
		"Map of gradcam at conv5 for class can in the variant base, which predicts can; class can has 0.75",
		"Map of gradcam at conv5 for class can in the variant no-relu, which predicts tray; class can has 0.75")
	p.Want("figcaption", "no-relu can 0.75, predicted tray; peak 1.000")
	p.Want("desc", "training: from 0.100 at epoch 1 to 0.500 at epoch 3; validation: from 0.000 at epoch 1 to 0.200 at epoch 3.")
	if strings.Contains(string(p.Text), "/somebody") {
		t.Error("the report tells whose folder the data is in")
	}
	reporttest.Look(t, p.Path)
}

// A row's maps share one scale: what is a quarter of the strongest looks so.
func TestWallsShareAScale(t *testing.T) {
	dir := studied(t)
	s, err := result.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	v := &studyChapter{Study: s, dir: dir}
	row := s.Walls[0].Rows[0]
	drawn := func(cell int, scale float64) [3]uint8 {
		img, err := v.paint("gradcam", row, row.Cells[cell], scale)
		if err != nil {
			t.Fatal(err)
		}
		r, g, b, _ := img.At(0, img.Bounds().Dy()-1).RGBA() // where the maps have 4 and 1
		return [3]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}
	}
	strong, weak, own := drawn(0, 4), drawn(1, 4), drawn(1, 0)
	if !(strong[0] > weak[0] && strong[2] < weak[2]) {
		t.Errorf("4 is drawn as %v, 1 as %v", strong, weak)
	}
	if own != strong {
		t.Errorf("on a scale of its own the largest is drawn as %v, want %v", own, strong)
	}
}
