package pipeline

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"oscar/dataset"
	"oscar/metric"
)

func evaluated(t *testing.T, o EvaluateOptions) *Evaluation {
	t.Helper()
	if o.Model == "" {
		o.Model = trained(t).Dir
	}
	o.Machine.Threads, o.Machine.Workers = oneThread.Threads, oneThread.Workers
	e, err := Evaluate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The figures of an evaluation follow from its confusion matrix.
func checkEvaluation(t *testing.T, e *Evaluation, images int) {
	t.Helper()
	sum, right := 0, 0
	for i, row := range e.Confusion.Counts {
		support := 0
		for j, n := range row {
			sum += n
			support += n
			if i == j {
				right += n
			}
		}
		if e.PerClass[i].Class != e.Confusion.Classes[i] || e.PerClass[i].Support != support {
			t.Errorf("%+v, want a support of %d", e.PerClass[i], support)
		}
		if want := float64(row[i]) / float64(support); support > 0 && e.PerClass[i].Recall != want {
			t.Errorf("%+v, want a recall of %g", e.PerClass[i], want)
		}
	}
	if sum != images || e.Images != images || float64(e.Accuracy) != float64(right)/float64(sum) {
		t.Errorf("%d images, accuracy %g; the confusion has %d of %d right, want %d", e.Images, e.Accuracy, right, sum, images)
	}
	if !(e.Interval[0] <= e.Accuracy && e.Accuracy <= e.Interval[1]) || !(e.Loss > 0) || e.PerSecond <= 0 {
		t.Errorf("accuracy %g in %v, loss %g, %g images/s", e.Accuracy, e.Interval, e.Loss, e.PerSecond)
	}
}

func TestEvaluateParts(t *testing.T) {
	for part, images := range map[string]int{"train": 36, "validation": 6, "test": 6, "all": 48} {
		e := evaluated(t, EvaluateOptions{Part: part})
		checkEvaluation(t, e, images)
		if e.Part != part || e.Unreadable != 0 {
			t.Errorf("%s: part %s, %d unreadable", part, e.Part, e.Unreadable)
		}
		if model := evaluated(t, EvaluateOptions{Model: trained(t).Model(), Part: part}); model.Loss != e.Loss {
			t.Errorf("%s: loss %g of the run, %g of its model", part, e.Loss, model.Loss)
		}
	}
	// The same part of a copy of the data elsewhere.
	if a, b := evaluated(t, EvaluateOptions{Part: "test"}), evaluated(t, EvaluateOptions{Part: "test", Data: copyDir(t, shapes(t))}); a.Loss != b.Loss {
		t.Errorf("loss %g, of a copy %g", a.Loss, b.Loss)
	}
}

// The exported model does on the validation part what the trainer said.
func TestEvaluateIsWhatTrainingSaid(t *testing.T) {
	run := trained(t)
	metrics, err := run.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	m := metrics[evaluationOf(t, run.Dir).Epoch-1]
	e := evaluated(t, EvaluateOptions{Part: "validation"})
	if math.Abs(float64(e.Accuracy-m.ValidationAccuracy)) > 1e-5 || math.Abs(float64(e.Loss-m.ValidationLoss)) > 1e-5*float64(e.Loss) {
		t.Errorf("accuracy %g, loss %g; epoch %d said %g, %g", e.Accuracy, e.Loss, m.Epoch, m.ValidationAccuracy, m.ValidationLoss)
	}
}

// A folder that the run never saw, with some of its classes in another order.
func TestEvaluateAnotherFolder(t *testing.T) {
	data := t.TempDir()
	for i, class := range []string{"tray", "can", "roll"} {
		for n := range 2 + i {
			from := filepath.Join(shapes(t), class, fmt.Sprintf("%04d.png", n))
			b, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(data, class, "deeper", fmt.Sprintf("%d.png", n)), string(b))
		}
	}
	whole := evaluated(t, EvaluateOptions{Data: data, Part: "all"})
	checkEvaluation(t, whole, 9)
	for i, c := range whole.PerClass {
		if want := map[string]int{"tray": 2, "can": 3, "roll": 4}[whole.Confusion.Classes[i]]; c.Support != want {
			t.Errorf("%s: %d images, want %d", c.Class, c.Support, want)
		}
	}
	// The header of the first of these is sound, and what follows is not.
	b, err := os.ReadFile(filepath.Join(data, "can", "deeper", "0.png"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(data, "can", "torn.png"), string(b[:len(b)/2]))
	write(t, filepath.Join(data, "can", "text.png"), "no image")
	n := &notes{}
	e := evaluated(t, EvaluateOptions{Data: data, Part: "all", Listener: n.listener()})
	checkEvaluation(t, e, 9)
	if e.Unreadable != 2 || e.Loss != whole.Loss {
		t.Errorf("%d unreadable, loss %g; want 2, %g", e.Unreadable, e.Loss, whole.Loss)
	}
	n.want(t, "left out: can/torn.png: ")
	n.want(t, "left out: can/text.png: ")
}

// The notes on a table of labels are in the result and on screen, as those on a folder. Of many
// alike the first five are shown.
func TestEvaluateNotesOfATable(t *testing.T) {
	data := copyDir(t, shapes(t))
	rows := "file,class\n"
	for i := range 8 { // 7 pairs of the same content, and a row without a label
		from := readText(t, filepath.Join(data, "can", fmt.Sprintf("%04d.png", i)))
		copied := fmt.Sprintf("can/copy%d.png", i)
		write(t, filepath.Join(data, copied), from)
		label := "can"
		switch i {
		case 0:
			label = "tray"
		case 7:
			label = ""
		}
		rows += fmt.Sprintf("can/%04d.png,can\n%s,%s\n", i, copied, label)
	}
	table := filepath.Join(data, "labels.csv")
	write(t, table, rows)
	n := &notes{}
	e := evaluated(t, EvaluateOptions{Data: table, Part: "all", Listener: n.listener()})
	want := []string{
		"label conflict, the same content in more than one class: can/0000.png, can/copy0.png",
		"the same content: can/0001.png, can/copy1.png", "the same content: can/0002.png, can/copy2.png",
		"the same content: can/0003.png, can/copy3.png", "the same content: can/0004.png, can/copy4.png",
		"the same content: can/0005.png, can/copy5.png; and 1 more like it",
		"1 row without a label and not used",
	}
	if diff := cmp.Diff(want, e.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	for _, note := range want {
		n.want(t, note)
	}
	// Every job that reads a table has them.
	c, err := Compare(t.Context(), CompareOptions{Models: [2]string{trained(t).Dir, trained(t).Dir}, Data: table, Part: "all", Method: "gradcam", Images: 1, Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Notes) < len(want) || !slices.Equal(c.Notes[:len(want)], want) {
		t.Errorf("a comparison notes %q", c.Notes)
	}
}

// Predictions that are not finite are counted, and no figure is made of them.
func TestEvaluateNotFinite(t *testing.T) {
	n := &notes{}
	o := EvaluateOptions{Model: trained(t).Dir, Part: "test", Machine: oneThread, Listener: n.listener()}
	e, err := o.evaluate(t.Context(), diverged(t))
	if err != nil {
		t.Fatal(err)
	}
	if e.NotFinite != 6 || e.Images != 0 || e.Confusion.Total() != 0 {
		t.Errorf("%d of %d not finite, %d in the confusion matrix", e.NotFinite, e.Images, e.Confusion.Total())
	}
	n.want(t, "6 of 6 images have no finite prediction")
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"accuracy":null`, `"accuracy_interval":[null,null]`, `"loss":null`, `"macro_f1":null`, `"not_finite":6`, `"notes":["6 of 6 images have no finite prediction"]`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	var back Evaluation
	if err := json.Unmarshal(text, &back); err != nil || !math.IsNaN(float64(back.Accuracy)) {
		t.Errorf("read back: accuracy %g, %v", back.Accuracy, err)
	}
	// Some of them: the figures are of the others.
	some := &Evaluation{Confusion: metric.NewConfusion([]string{"a", "b"})}
	nan := float32(math.NaN())
	for _, answer := range [][2][]float32{{{2, 0}, {0.88, 0.12}}, {{0, 2}, {0.12, 0.88}}, {{nan, 2}, {nan, nan}}, {{nan, nan}, {nan, nan}}} {
		if err := count(some, classification(dataset.Item{Class: 1}, some.Confusion.Classes, answer[0], answer[1])); err != nil {
			t.Fatal(err)
		}
	}
	conclude(some)
	if some.NotFinite != 2 || some.Images != 2 || some.Accuracy != 0.5 || some.PerClass[1].Recall != 0.5 || math.Abs(float64(some.Loss)-(math.Log1p(math.Exp(-2))+1)) > 1e-6 {
		t.Errorf("%+v", some)
	}
}

// Whoever measures all images is told how many the model was made with.
func TestEvaluateAllTellsOfTraining(t *testing.T) {
	split, n := trained(t).Split, &notes{}
	evaluated(t, EvaluateOptions{Data: shapes(t), Part: "all", Listener: n.listener()})
	all := len(split.Train) + len(split.Validation) + len(split.Test)
	n.want(t, fmt.Sprintf("%d of the %d images are of the run's training part", len(split.Train), all))
	n.want(t, fmt.Sprintf("%d of the %d images are of the run's validation part", len(split.Validation), all))

	n = &notes{}
	evaluated(t, EvaluateOptions{Part: "test", Listener: n.listener()})
	if len(n.lines) > 0 {
		t.Errorf("of the test part: %q", n.lines)
	}
}

// A part's file that has changed is counted, not measured.
func TestEvaluateChangedFiles(t *testing.T) {
	data := copyDir(t, shapes(t))
	test := trained(t).Split.Test
	write(t, filepath.Join(data, test[0].Path), "changed")
	if err := os.Remove(filepath.Join(data, test[1].Path)); err != nil {
		t.Fatal(err)
	}
	n := &notes{}
	e := evaluated(t, EvaluateOptions{Data: data, Part: "test", Listener: n.listener()})
	checkEvaluation(t, e, 4)
	if e.Unreadable != 2 {
		t.Errorf("%d unreadable, want 2", e.Unreadable)
	}
	n.want(t, "left out: "+test[0].Path+": changed since the split was made")
	n.want(t, "left out: "+test[1].Path+": no such file or directory")
}

func TestEvaluateRefusals(t *testing.T) {
	run := trained(t)
	bare := filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(bare, os.DirFS(run.Model())); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, test := range []struct {
		o    EvaluateOptions
		want string
	}{
		{EvaluateOptions{Model: run.Dir, Part: "half"}, `no split part "half"; have train, validation, test, all`},
		{EvaluateOptions{Model: bare, Part: "test"}, bare + " is a SavedModel without a run: it knows no split; name the run, or a folder of images and --split all"},
		{EvaluateOptions{Model: bare, Part: "all"}, bare + " is a SavedModel without a run: it knows no split; name the run, or a folder of images and --split all"},
		{EvaluateOptions{Model: run.Dir, Part: "test", Data: empty}, "none of the 6 images of the run's test part can be read in " + empty + "; for another folder of images, below folders named as the classes, take --split all"},
		{EvaluateOptions{Model: run.Dir, Part: "all", Data: empty}, fmt.Sprintf("no files in %q", empty)},
		{EvaluateOptions{Model: run.Dir, Part: "all", Machine: Machine{Workers: -1}}, "workers is -1, want 0 or more"},
	} {
		_, err := Evaluate(t.Context(), test.o)
		wantError(t, err, test.want)
	}
	// A damaged model.
	for _, file := range []string{"saved_model.pb", "variables/variables.data-00000-of-00001", "assets.extra/oscar.json"} {
		path := filepath.Join(bare, file)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(b[:len(b)/2]))
		_, err = Evaluate(t.Context(), EvaluateOptions{Model: bare, Data: shapes(t), Part: "all"})
		if err == nil || !strings.Contains(err.Error(), bare) || strings.Contains(err.Error(), "\n") {
			t.Errorf("half a %s: %v", file, err)
		} else {
			t.Log(err)
		}
		write(t, path, string(b))
	}
	if _, err := Evaluate(t.Context(), EvaluateOptions{Model: bare, Data: shapes(t), Part: "all"}); err != nil {
		t.Error(err)
	}
}

// A run without a test part ends well and says so.
func TestNoTestPart(t *testing.T) {
	e := tiny()
	e.Training.Epochs = 1
	e.Data.Fractions = [3]float64{0.8, 0.2, 0}
	n := &notes{}
	run, err := train(t, TrainOptions{Experiment: e, Listener: n.listener()})
	if err != nil {
		t.Fatal(err)
	}
	n.want(t, "the split has no test part: nothing to evaluate")
	if e, err := run.Evaluation(); e != nil || err != nil {
		t.Errorf("evaluation %v, %v", e, err)
	}
	_, err = Evaluate(t.Context(), EvaluateOptions{Model: run.Dir, Part: "test"})
	wantError(t, err, "the run's split has no test part")
}
