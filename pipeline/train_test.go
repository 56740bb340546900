package pipeline

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/internal/paths"
	"oscar/result"
	"oscar/tfmodel"
)

func TestRunFolder(t *testing.T) {
	run := trained(t)
	entries, err := os.ReadDir(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), ".lock SHA256SUMS checkpoints environment.json evaluation.json events experiment.json metrics.jsonl network.json saved_model split.json"; got != want {
		t.Errorf("the run holds %s\nwant %s", got, want)
	}
	noLeftovers(t, run.Dir)

	metrics, err := run.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	best := result.EpochMetrics{}
	for i, m := range metrics {
		if m.Epoch != i+1 || m.Step != 9*(i+1) || m.LearningRate != 1e-3 {
			t.Errorf("line %d: epoch %d, step %d, rate %g", i+1, m.Epoch, m.Step, m.LearningRate)
		}
		if i == 0 || experiment.ByAccuracy.Better(m, best) {
			best = m
		}
	}
	if len(metrics) != 5 {
		t.Errorf("%d epochs of 5", len(metrics))
	}
	if metrics[4].Loss >= metrics[0].Loss {
		t.Errorf("it learns nothing: the loss goes from %g to %g", metrics[0].Loss, metrics[4].Loss)
	}
	e := evaluationOf(t, run.Dir)
	if e.Part != "test" || e.Images != 6 || e.Epoch != best.Epoch {
		t.Errorf("evaluated %s, %d images, epoch %d; want test, 6, epoch %d", e.Part, e.Images, e.Epoch, best.Epoch)
	}
	env := run.Environment
	if env.TensorFlow == "" || env.Threads != oneThread.Threads || env.Seed != 1 || env.Started.IsZero() {
		t.Errorf("environment %+v", env)
	}

	// experiment.json alone makes the same model.
	again, err := OpenRun(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	total, _, err := again.Experiment.Architecture.Parameters()
	if err != nil || total != 8546 {
		t.Errorf("experiment.json's model has %d parameters, %v; want 8546", total, err)
	}
}

// Whatever was given is refused before the images are read, and stays.
func TestTrainRefusals(t *testing.T) {
	data := shapes(t)
	here := t.TempDir()
	t.Chdir(here)
	write(t, "file", "something")
	write(t, "full/mine.txt", "something")
	for _, test := range []struct {
		change func(*TrainOptions)
		want   string
	}{
		{func(o *TrainOptions) { o.Out = "full" }, "full is not empty; name a new folder"},
		{func(o *TrainOptions) { o.Out = "file" }, "file cannot be a folder for results: not a directory; name a new folder"},
		{func(o *TrainOptions) { o.Out = "file/run" }, "file/run cannot be a folder for results: not a directory; name a new folder"},
		{func(o *TrainOptions) { o.Out = "/proc/none/run" }, "cannot make the folder /proc/none/run: no such file or directory"},
		{func(o *TrainOptions) { o.Out = trained(t).Dir }, trained(t).Dir + " holds another run; continue with \"oscar train --resume " + trained(t).Dir + "\", or name a new folder"},
		{func(o *TrainOptions) { o.Out = data + "/run" }, data + "/run lies in " + data + ", where every folder is a class; name a folder elsewhere"},
		{func(o *TrainOptions) { o.Data = "none" }, `cannot read image folder "none": no such file or directory`},
		{func(o *TrainOptions) { o.Experiment.Architecture.Name = "vgg" }, `no architecture "vgg"; have ` + strings.Join(tfmodel.Architectures(), ", ")},
		{func(o *TrainOptions) { o.Experiment.Explain = "conv9" }, `tiny: no layer with a map "conv9" (conv1?); have conv1, relu1, bn1, conv5, relu5, pool5`},
		{func(o *TrainOptions) { o.Experiment.Explain = "fc3" }, `tiny: no layer with a map "fc3"; have conv1, relu1, bn1, conv5, relu5, pool5`},
		{func(o *TrainOptions) { o.Experiment.Training.Epochs = 0 }, "epochs is 0, want at least 1"},
		{func(o *TrainOptions) { o.Experiment.Training.Batch = -1 }, "batch is -1, want at least 1"},
		{func(o *TrainOptions) { o.Experiment.Training.LearningRate = math.NaN() }, "learning rate is NaN, want above 0"},
		{func(o *TrainOptions) { o.Experiment.Data.Fractions = [3]float64{0.5, 0.5, 0.5} }, "fractions [0.5 0.5 0.5] sum to 1.5: they must sum to 1"},
		{func(o *TrainOptions) { o.Experiment.Data.Interpolation = "area" }, `no interpolation "area"; have bilinear, nearest, bicubic, mitchell, lanczos2, lanczos3`},
		{func(o *TrainOptions) { o.Experiment.Data.MaxPixels = -1 }, "max-pixels is -1, want 0 or more"},
		{func(o *TrainOptions) { o.Machine.CheckpointEvery = -1 }, "checkpoint-every is -1, want 0 or more"},
		{func(o *TrainOptions) { o.Experiment.Format = 2 }, "format is 2, this oscar reads 1"},
	} {
		o := TrainOptions{Data: data, Out: "run", Experiment: tiny()}
		test.change(&o)
		_, err := train(t, o)
		wantError(t, err, test.want)
	}
	t.Chdir(t.TempDir())
	if err := os.Symlink(data, "link"); err != nil {
		t.Fatal(err)
	}
	_, err := train(t, TrainOptions{Data: "link", Out: data + "/run", Experiment: tiny()})
	wantError(t, err, data+"/run lies in link, where every folder is a class; name a folder elsewhere")
	if paths.Exists(data + "/run") {
		t.Error("there is a folder among the classes")
	}

	want := map[string]string{"file": "something", "full/mine.txt": "something"}
	got := tree(t, here)
	if len(got) != len(want) || got["file"] != want["file"] || got["full/mine.txt"] != want["full/mine.txt"] {
		t.Errorf("the folder now holds %v", got)
	}
	noLeftovers(t, data)
}

// Without a validation part no numbers are made up for it, and the last epoch
// is kept.
func TestNoValidationPart(t *testing.T) {
	e := tiny()
	e.Training.Epochs = 2
	e.Data.Fractions = [3]float64{0.8, 0, 0.2}
	run, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	text := tree(t, run.Dir)["metrics.jsonl"]
	if !strings.Contains(text, `"val_loss":null,"val_accuracy":null`) {
		t.Errorf("metrics: %s", text)
	}
	if got := evaluationOf(t, run.Dir); got.Epoch != 2 {
		t.Errorf("kept epoch %d, want the last", got.Epoch)
	}
	for _, m := range must(run.Metrics()) {
		if !math.IsNaN(float64(m.ValidationLoss)) {
			t.Errorf("read a validation loss of %g", m.ValidationLoss)
		}
	}
	stopped := interrupt(t, TrainOptions{Experiment: e}, 15)
	resume(t, stopped, Listener{})
	sameWeights(t, stopped, run.Dir)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Where decoded images are kept changes nothing.
func TestCaches(t *testing.T) {
	for _, cache := range []dataset.CacheMode{dataset.CacheMemory, dataset.CacheDisk} {
		o := TrainOptions{Experiment: tiny()}
		o.Machine.Cache = cache
		run, err := train(t, o)
		if err != nil {
			t.Fatal(err)
		}
		sameRun(t, run.Dir, trained(t).Dir)
		if cached := paths.Exists(run.Path("cache")); cached != (cache == dataset.CacheDisk) {
			t.Errorf("%s: a cache folder: %v", cache, cached)
		}
	}
}

// A run is made in the folder that is named, which may be a link or the one that
// oscar is called in.
func TestRunInPlace(t *testing.T) {
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, out := range []string{".", link} {
		run, err := train(t, TrainOptions{Out: out, Experiment: tiny()})
		if err != nil {
			t.Fatal(err)
		}
		sameRun(t, run.Dir, trained(t).Dir)
	}
	if _, err := OpenRun(dir); err != nil {
		t.Errorf("behind the link: %v", err)
	}
}

// Many classes of few images are trained on, measured and reported; where the parts are
// more than the images of a class, the error says what to do.
func TestManyClasses(t *testing.T) {
	const classes = 200
	data := t.TempDir()
	img := image.NewRGBA(image.Rect(0, 0, 4, 4))
	for class := range classes {
		dir := filepath.Join(data, fmt.Sprintf("class-%03d", class))
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			img.SetRGBA(i, i, color.RGBA{byte(class), byte(i), 100, 255})
			var b bytes.Buffer
			if err := png.Encode(&b, img); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".png")), b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	e := tiny()
	e.Training.Epochs, e.Training.Batch = 1, 100
	_, err := train(t, TrainOptions{Data: data, Experiment: e})
	wantError(t, err, `class "class-000" has too few different images for the split [0.7 0.15 0.15]: 2, at least 3 are needed; add images, or name fewer parts, as --split 0.8,0.2,0`)
	e.Data.Fractions = [3]float64{0.8, 0.2, 0}
	run, err := train(t, TrainOptions{Data: data, Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	evaluation, err := Evaluate(t.Context(), EvaluateOptions{Model: run.Dir, Part: "validation", Machine: oneThread})
	if err != nil || evaluation.Images != classes || len(evaluation.PerClass) != classes {
		t.Errorf("%d images, %v", evaluation.Images, err)
	}
	reported(t, run.Dir).Want("h2", "Learning curves")
}
