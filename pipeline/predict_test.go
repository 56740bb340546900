package pipeline

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/result"
)

// Predictions are those of Evaluate, in the order of the paths, whatever the
// batch, and bad files are rows among them.
func TestPredictAsEvaluate(t *testing.T) {
	r := trained(t)
	e, err := Evaluate(t.Context(), EvaluateOptions{Model: r.Dir, Part: "all", Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		class       string
		probability float32
	}
	want := map[string]answer{}
	for _, c := range e.Classifications {
		want[filepath.Join(shapes(t), c.Image)] = answer{c.Predicted, c.Confidence()}
	}
	bad := filepath.Join(t.TempDir(), "bad.png")
	if err := os.WriteFile(bad, []byte("no image"), 0o666); err != nil {
		t.Fatal(err)
	}
	list := []string{bad, bad, filepath.Join(shapes(t), "can", "0000.png"), "missing.png"}
	lines := func(yield func(string, error) bool) {
		for _, path := range list {
			if !yield(path, nil) {
				return
			}
		}
	}
	images, err := dataset.ListImages(t.Context(), []string{shapes(t)})
	if err != nil {
		t.Fatal(err)
	}
	paths := append(images, list...)
	// The first batch makes several flushes. With the batch TensorFlow changes the
	// order of its sums, and so the last bits of a float32.
	for _, batch := range []int{1, 3, 32} {
		var got []string
		summary, err := Predict(t.Context(), PredictOptions{Model: r.Dir, Paths: []string{shapes(t)}, List: lines, Top: 2, Batch: batch, Machine: oneThread}, func(p result.Prediction) error {
			got = append(got, p.Path)
			a, known := want[p.Path]
			switch {
			case !known && (p.Status != result.Unreadable || p.Reason == "" || p.Probability != nil || p.Entropy != nil):
				t.Errorf("%+v of a file that is no image", p)
			case known && (p.Class != a.class || math.Abs(float64(*p.Probability-a.probability)) > 1e-5 || len(p.Top) != 2 || p.Top[0].Class != p.Class):
				t.Errorf("%+v, Evaluate has %+v", p, a)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, paths) {
			t.Errorf("batch %d: got %q, want %q", batch, got, paths)
		}
		if summary.Images != len(paths) || summary.Statuses["unreadable"] != 3 || summary.Statuses["ok"] != len(images)+1 || !strings.HasPrefix(summary.Reason, bad+": not a JPEG") {
			t.Errorf("%+v", summary)
		}
	}
}

func TestPredictionByHand(t *testing.T) {
	classes := []string{"a", "b", "c", "d"}
	p := newPrediction("x", []float32{0.25, 0.25, 0.25, 0.25}, classes, 9)
	if p.Class != "a" || len(p.Top) != 4 || math.Abs(*p.Entropy-math.Log(4)) > 1e-12 {
		t.Errorf("%+v of a model that cannot tell", p)
	}
	p = newPrediction("x", []float32{0, 0.5, 0, 0.5}, classes, 1)
	if p.Class != "b" || len(p.Top) != 1 || math.Abs(*p.Entropy-math.Ln2) > 1e-12 {
		t.Errorf("%+v of two equal classes", p)
	}
	p = newPrediction("x", []float32{0, float32(math.NaN()), 0, 1}, classes, 1)
	if p.Status != "non_finite" || p.Class != "" || p.Probability != nil || p.Entropy != nil || p.Reason != "the probability of b is NaN" {
		t.Errorf("%+v of a NaN", p)
	}
}

// A table has the columns of the requested classes, or of all of the model if it has fewer, also
// if the first of the images cannot be read.
func TestPredictFileHasColumnsOfClasses(t *testing.T) {
	dir := t.TempDir()
	images := filepath.Join(dir, "images")
	write(t, filepath.Join(images, "a.png"), "no image")
	write(t, filepath.Join(images, "b.png"), readText(t, filepath.Join(shapes(t), "can", "0000.png")))
	classes := 6
	for _, top := range []int{1, 2, classes - 1, classes, classes + 1, 1 << 20} {
		o := PredictOptions{Model: trained(t).Dir, Paths: []string{images}, Top: top, Batch: 1, Machine: oneThread}
		table := filepath.Join(dir, fmt.Sprintf("%d.csv", top))
		if _, err := PredictFile(t.Context(), o, table, func(result.Prediction) error { return nil }); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(readText(t, table))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if want := 1 + 2*min(top, classes) + 3; len(rows) != 3 || len(rows[0]) != want {
			t.Errorf("top %d: %d rows of %d columns, want %d: %q", top, len(rows), len(rows[0]), want, rows[0])
		}
		if slices.Contains(rows[2][:len(rows[2])-1], "") {
			t.Errorf("top %d: an empty cell in %q", top, rows[2])
		}
	}
}

// A file is replaced when all is done; after an interruption it is as it was.
func TestPredictFile(t *testing.T) {
	dir := t.TempDir()
	table := filepath.Join(dir, "p.csv")
	o := PredictOptions{Model: trained(t).Dir, Paths: []string{shapes(t)}, Top: 3, Batch: 4, Machine: oneThread}
	quiet := func(result.Prediction) error { return nil }
	if _, err := PredictFile(t.Context(), o, table, quiet); err != nil {
		t.Fatal(err)
	}
	text := readText(t, table)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := "path,class,probability,class_2,probability_2,class_3,probability_3,entropy,status,reason"; strings.Join(rows[0], ",") != want || len(rows) != 49 {
		t.Errorf("%d rows, columns %q", len(rows), rows[0])
	}
	lines := filepath.Join(dir, "p.jsonl")
	if _, err := PredictFile(t.Context(), o, lines, quiet); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(readText(t, lines)), "\n") {
		var p result.Prediction
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		row := rows[i+1]
		probability, err := strconv.ParseFloat(row[6], 32)
		if err != nil || row[0] != p.Path || row[5] != p.Top[2].Class || float32(probability) != p.Top[2].Probability || row[8] != "ok" {
			t.Errorf("CSV has %q, JSON %s", row, line)
		}
	}

	// The same call again gives the same file; another one changes nothing.
	if _, err := PredictFile(t.Context(), o, table, quiet); err != nil || readText(t, table) != text {
		t.Errorf("again: %v", err)
	}
	for name, change := range map[string]func(o *PredictOptions){
		"classes": func(o *PredictOptions) { o.Top = 1 },
		"images":  func(o *PredictOptions) { o.Paths = []string{photos(t, 3)} },
		"fewer":   func(o *PredictOptions) { o.Paths = []string{filepath.Join(shapes(t), "bottle")} },
		"model":   func(o *PredictOptions) { o.Model = warm(t) },
	} {
		for path, before := range map[string]string{table: text, lines: readText(t, lines)} {
			other := o
			change(&other)
			_, err := PredictFile(t.Context(), other, path, quiet)
			wantError(t, err, path+" has other predictions; name a new file")
			if readText(t, path) != before {
				t.Errorf("other %s: the file was changed", name)
			}
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err = PredictFile(ctx, o, table, func(result.Prediction) error {
		if n++; n == 9 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, ErrInterrupted) {
		t.Errorf("interrupted, it says %v", err)
	}
	if readText(t, table) != text {
		t.Error("an interruption changed the file")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
	other := filepath.Join(dir, "mine.csv")
	if err := os.WriteFile(other, []byte("path,label\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = PredictFile(t.Context(), o, other, quiet)
	wantError(t, err, other+" has no predictions of oscar; name a new file")
}

// warm returns a model like the trained one with other probabilities.
func warm(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "warm")
	if err := Export(t.Context(), ExportOptions{Model: trained(t).Dir, Out: out, Temperature: "2"}); err != nil {
		t.Fatal(err)
	}
	return out
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
