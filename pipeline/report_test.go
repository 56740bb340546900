package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"oscar/experiment"
	"oscar/internal/paths"
	"oscar/report"
	"oscar/report/reporttest"
)

// reported writes a report of folders to a new file.
func reported(t *testing.T, dirs ...string) *reporttest.Page {
	t.Helper()
	path, err := report.Write(t.Context(), report.Options{Dirs: dirs, Out: filepath.Join(t.TempDir(), "report.html")})
	if err != nil {
		t.Fatal(err)
	}
	return reporttest.Read(t, path)
}

// lastTwo returns the folder and the name of a path.
func lastTwo(path string) string {
	return filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))
}

// finishedRun is a copy of the undisturbed run, to change.
func finishedRun(t *testing.T) *Run {
	t.Helper()
	run, err := OpenRun(copyDir(t, trained(t).Dir))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestReportOfARun(t *testing.T) {
	run := trained(t)
	p := reported(t, run.Dir)
	e, err := run.Evaluation()
	if err != nil {
		t.Fatal(err)
	}
	p.Want("h1", "tiny on "+filepath.Base(filepath.Dir(run.Images())))
	p.Want("h2", "Learning curves", "Test set", "Time and memory", "The network", "What was run")
	p.Want("figcaption", "Loss", "Accuracy")
	p.Want("dd", fmt.Sprintf("%.1f\u202f%% 95 %%: %.1f to %.1f\u202f%%", 100*e.Accuracy, 100*e.Interval[0], 100*e.Interval[1]), "8,546 16 of them not trained")
	for i, class := range e.Confusion.Classes {
		row := class
		for _, n := range e.Confusion.Counts[i] {
			row += fmt.Sprint(" ", n)
		}
		p.Want("tr", row)
		s := e.PerClass[i]
		p.Want("tr", fmt.Sprintf("%s %.3f %.3f %.3f %d", class, s.Precision, s.Recall, s.F1, s.Support))
	}
	epochs, err := run.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range epochs {
		p.Want("tr", fmt.Sprintf("%d %.4f %.4f %.4f %.4f %g %.1f", m.Epoch, m.Loss, m.Accuracy, m.ValidationLoss, m.ValidationAccuracy, m.LearningRate, m.Seconds))
	}
	if home := run.Experiment.Data.Root; bytes.Contains(p.Text, []byte(home)) {
		t.Errorf("the report tells of the folder %s", home)
	}
	if again := reported(t, run.Dir); !bytes.Equal(again.Text, p.Text) {
		t.Error("the same run gives another report")
	}
	reporttest.Look(t, p.Path)
}

// The experiment on the page is the run's, to be used again.
func TestReportHasTheExperiment(t *testing.T) {
	run := trained(t)
	code := ""
	for n := range reported(t, run.Dir).Root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "code" && strings.Contains(n.FirstChild.Data, "architecture:") {
			code = n.FirstChild.Data
		}
	}
	if !strings.Contains(code, "\n    - {name: conv1, kind: conv2d, filters: 8, kernel: 5, stride: 2, padding: VALID}\n") {
		t.Errorf("a layer does not stand on a line of its own:\n%s", code)
	}
	got := experiment.Default()
	if err := got.ReadYAML([]byte(code)); err != nil {
		t.Fatal(err)
	}
	want := run.Experiment
	want.Data.Root = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-run +page):\n%s", diff)
	}
}

// A run that is not finished, or not begun, has a report too.
func TestReportOfAnUnfinishedRun(t *testing.T) {
	dir := interrupt(t, TrainOptions{Experiment: tiny()}, afterEpoch+2)
	p := reported(t, dir)
	p.Want("p", "tiny was trained on 36 images of 6 classes for 2 epochs. The run is not finished: it should have 5 epochs.")
	if slices.Contains(p.All("h2"), "Test set") {
		t.Error("the report tells of a test that was not made")
	}
	dir = interrupt(t, TrainOptions{Experiment: tiny()}, 1)
	reported(t, dir).Want("p", "No epoch is finished yet.")
}

func TestReportOfARunWithoutValidation(t *testing.T) {
	e := tiny()
	e.Training.Epochs = 1
	e.Data.Fractions = [3]float64{1, 0, 0}
	run, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	p := reported(t, run.Dir)
	p.Want("p", "tiny was trained on 48 images of 6 classes for 1 epoch. The split has no test set, so the accuracy on new images is unknown.")
	if slices.Contains(p.All("li"), "validation") {
		t.Error("the curves have a line of validation")
	}
}

// What lies below a run comes with it, and its images are found where the run
// has them now.
func TestReportOfWhatLiesBelow(t *testing.T) {
	t.Chdir(t.TempDir())
	d, err := demo(t, "demo")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename("demo", "moved"); err != nil {
		t.Fatal(err)
	}
	p := reported(t, "moved")
	p.Want("h1", "tiny on drawn objects")
	p.Want("h2", "Learning curves", "Where it looks", "The maps in numbers", "What was run")
	p.Want("h3", "The training", "The explanations: explanations", d.Run.Split.Classes[0])
	if slices.Contains(p.All("h2"), "Predictions of these images") {
		t.Error("the test part is told of twice")
	}
	pictures := p.All("img")
	photographs := slices.DeleteFunc(slices.Clone(pictures), func(alt string) bool { return !strings.HasPrefix(alt, "Photograph of class ") })
	if len(photographs) == 0 || len(pictures) != 2*len(photographs) {
		t.Errorf("%d photographs for %d pictures: %q", len(photographs), len(pictures), pictures)
	}
}

func TestReportByDefaultLiesInTheFolder(t *testing.T) {
	run := finishedRun(t)
	path, err := report.Write(t.Context(), report.Options{Dirs: []string{run.Dir}})
	if err != nil || path != filepath.Join(run.Dir, "report.html") {
		t.Fatalf("%s, %v", path, err)
	}
	if _, err := report.Write(t.Context(), report.Options{Dirs: []string{run.Dir}}); err != nil {
		t.Error(err) // it takes the place of an earlier one
	}
	noLeftovers(t, run.Dir)
	reporttest.Read(t, path).Want("p", "oscar, training run")
}

func TestReportRefusals(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine.html")
	write(t, mine, "<p>mine")
	write(t, filepath.Join(dir, "begun", "explain.json"), `{"format": 1}`)
	write(t, filepath.Join(dir, "scoring", "scoring.json"), "{}")
	write(t, filepath.Join(dir, "none", "explain.json"), `{"format": 1}`)
	write(t, filepath.Join(dir, "none", "manifest.jsonl"), "")
	write(t, filepath.Join(dir, "torn", "explain.json"), `{"format": 1}`)
	write(t, filepath.Join(dir, "torn", "manifest.jsonl"), `{"image": "a/b.png", "status": "unreadable"}`+"\n{")
	run := trained(t).Dir
	for _, c := range []struct {
		o    report.Options
		want string
	}{
		{report.Options{}, "no folder to report on"},
		{report.Options{Dirs: []string{"nowhere"}}, "there is no folder nowhere"},
		{report.Options{Dirs: []string{dir}}, dir + " has no results to report; want a folder of oscar train (experiment.json), oscar explain (explain.json), oscar score (scoring.json), oscar explain-global (global.json), oscar study (study.json), oscar audit (audit.json), oscar compare (comparison.json), oscar train --folds (folds.json)"},
		{report.Options{Dirs: []string{filepath.Join(dir, "begun")}}, filepath.Join(dir, "begun") + " has no manifest.jsonl yet: oscar explain is not finished; repeat its command to resume it"},
		{report.Options{Dirs: []string{filepath.Join(dir, "scoring")}}, filepath.Join(dir, "scoring") + " has no score.json yet: oscar score is not finished; repeat its command to resume it"},
		{report.Options{Dirs: []string{filepath.Join(dir, "none")}}, filepath.Join(dir, "none", "manifest.jsonl") + " explains no image"},
		{report.Options{Dirs: []string{filepath.Join(dir, "torn")}}, filepath.Join(dir, "torn", "manifest.jsonl") + ": line 2: it ends in the middle of its JSON"},
		{report.Options{Dirs: []string{run}, Out: mine}, mine + " exists and is not a report of oscar; name another file"},
	} {
		if c.o.Out == "" {
			c.o.Out = filepath.Join(dir, "new.html")
		}
		_, err := report.Write(t.Context(), c.o)
		wantError(t, err, c.want)
		if paths.Exists(filepath.Join(dir, "new.html")) {
			t.Errorf("%q was written", c.o.Dirs)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := report.Write(ctx, report.Options{Dirs: []string{run}, Out: filepath.Join(dir, "new.html")}); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
