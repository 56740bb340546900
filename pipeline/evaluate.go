package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/paths"
	"oscar/metric"
	"oscar/result"
	"oscar/run"
	"oscar/savedmodel"
)

// EvaluateOptions are the options of [Evaluate].
type EvaluateOptions struct {
	Model    string // a run or a SavedModel
	Data     string // folder with one sub-folder a class; empty: the run's own
	Part     string // train, validation, test, or all: every image below Data
	Machine  Machine
	Listener Listener
}

// Check reports options that cannot be, whatever the model.
func (o EvaluateOptions) Check() error { return errors.Join(checkPart(o.Part), o.Machine.Check()) }

// checkPart reports a part that no split has.
func checkPart(name string) error {
	if !slices.Contains(dataset.PartNames, name) {
		return fmt.Errorf("no split part %q; have %s", name, strings.Join(dataset.PartNames, ", "))
	}
	return nil
}

// Evaluation is how well a model does on some images.
type Evaluation = result.Evaluation

// Evaluate measures a model on a part of its run's split or on any class
// folder. Files that cannot be read are counted and noted, not fatal.
func Evaluate(ctx context.Context, o EvaluateOptions) (*Evaluation, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	bundle, err := Open(o.Model, o.Machine.Threads)
	if err != nil {
		return nil, err
	}
	defer bundle.Close()
	part, err := o.part(ctx, bundle)
	if err != nil {
		return nil, err
	}
	root, items, unreadable := part.root, part.items, part.unreadable
	if o.Part == "all" {
		o.Listener.Stage("evaluating all images")
		o.Listener.Note(o.seen(items)...)
	} else {
		o.Listener.Stage("evaluating the " + o.Part + " part")
	}
	e := &Evaluation{Part: o.Part, Confusion: metric.NewConfusion(bundle.Metadata.Classes)}
	in := bundle.Metadata.Image
	skip := func(item dataset.Item, err error) {
		unreadable = append(unreadable, run.Problem(item, err))
	}
	if part.strict {
		skip = nil
	}
	loader, err := dataset.NewLoader(dataset.LoaderOptions{
		Root: root, Height: in.Height, Width: in.Width, Interpolation: dataset.Interpolation(in.Interpolation),
		Limits: part.limits, Workers: o.Machine.Workers, Skip: skip,
	})
	if err != nil {
		return nil, err
	}
	defer loader.Close()
	begin := time.Now()
	for b, err := range loader.Batches(ctx, items, nil, 32) {
		if err != nil {
			return nil, err
		}
		p, err := bundle.Predict(ctx, floats(b))
		if err != nil {
			return nil, err
		}
		for i, logits := range p.Logits {
			loss, predicted := crossEntropy(logits, b.Labels[i]), metric.Argmax(logits)
			e.Loss += loss
			if err := e.Confusion.Add(b.Labels[i], predicted); err != nil {
				return nil, err
			}
			e.Classifications = append(e.Classifications, result.Classification{
				Image: b.Items[i].Path, SHA256: b.Items[i].SHA256,
				Truth: e.Confusion.Classes[b.Labels[i]], Predicted: e.Confusion.Classes[predicted],
				Probability: finite(p.Probabilities[i][predicted]), Loss: result.Number(loss),
			})
		}
		e.Images += b.N
		o.Listener.Count(e.Images, len(items))
	}
	o.Listener.Note(dataset.LeftOut(unreadable)...)
	e.Unreadable = len(unreadable)
	if e.Images == 0 {
		if part.ofSplit {
			return nil, fmt.Errorf("none of the %d images of the run's %s part can be read in %s; for any folder of images take --split all", e.Unreadable, o.Part, root)
		}
		return nil, fmt.Errorf("none of the %d images of %s could be read", e.Unreadable, root)
	}
	e.PerSecond = float64(e.Images) / time.Since(begin).Seconds()
	e.Loss /= float64(e.Images)
	e.Accuracy = e.Confusion.Accuracy()
	e.Interval[0], e.Interval[1] = metric.Wilson95(e.Confusion.Correct(), e.Images)
	e.MacroF1 = e.Confusion.MacroF1()
	e.PerClass = e.Confusion.PerClass()
	return e, nil
}

// part is what is to be evaluated, labels in the model's numbers.
type part struct {
	root       string
	items      []dataset.Item
	unreadable []dataset.Problem
	ofSplit    bool           // a part of a run's split: read as the run reads it
	limits     dataset.Limits // the run's, or the machine's
	strict     bool           // the run's
}

func (o EvaluateOptions) part(ctx context.Context, bundle *savedmodel.Bundle) (part, error) {
	if o.Part == "all" && o.Data != "" {
		folder, err := dataset.Scan(ctx, o.Data, dataset.ScanOptions{Limits: o.Machine.Limits, Workers: o.Machine.Workers, OneClass: true})
		if err != nil {
			return part{}, err
		}
		number := make([]int, len(folder.Classes))
		for i, name := range folder.Classes {
			if number[i], err = bundle.Metadata.Class(name); err != nil {
				return part{}, fmt.Errorf("folder %s: %w", filepath.Join(o.Data, name), err)
			}
		}
		for i := range folder.Items {
			folder.Items[i].Class = number[folder.Items[i].Class]
		}
		return part{root: folder.Root, items: folder.Items, unreadable: folder.Unreadable, limits: o.Machine.Limits}, nil
	}
	if _, err := os.Stat(o.Data); o.Data != "" && err != nil {
		return part{}, fmt.Errorf("cannot read image folder %q: %w", o.Data, paths.TrimError(err))
	}
	r, err := o.run()
	if err != nil {
		return part{}, err
	}
	p := part{root: cmp.Or(o.Data, r.Images()), ofSplit: true, limits: r.Experiment.Data.Limits(), strict: r.Experiment.Data.Strict}
	p.items, err = r.Split.Part(o.Part)
	if err == nil && len(p.items) == 0 {
		err = fmt.Errorf("the run's split has no %s part", o.Part)
	}
	return p, err
}

// run is the one that the model is of.
func (o EvaluateOptions) run() (*Run, error) {
	dir := o.Model
	if !run.Is(dir) {
		dir = filepath.Dir(filepath.Clean(dir)) // RUN/saved_model
	}
	if !run.Is(dir) {
		return nil, fmt.Errorf("%s is a SavedModel without a run: it knows no split; name the run, or a folder of images and --split all", o.Model)
	}
	return OpenRun(dir)
}

// seen tells how many of the images the model was made with, if its run is there.
func (o EvaluateOptions) seen(items []dataset.Item) []string {
	r, err := o.run()
	if err != nil {
		return nil
	}
	var notes []string
	for _, part := range []struct {
		name, use string
		items     []dataset.Item
	}{{"training", "trained on", r.Split.Train}, {"validation", "chosen by", r.Split.Validation}} {
		of := map[string]bool{}
		for _, item := range part.items {
			of[item.SHA256] = true
		}
		n := 0
		for _, item := range items {
			if of[item.SHA256] {
				n++
			}
		}
		if n > 0 {
			notes = append(notes, fmt.Sprintf("%d of the %d images are of the run's %s part, which the model was %s: the accuracy says less about new images", n, len(items), part.name, part.use))
		}
	}
	return notes
}

// floats turns a batch into what a model takes.
func floats(b *dataset.Batch) explain.Images {
	out := explain.Images{N: b.N, Height: b.Height, Width: b.Width, Channels: 3, Pixels: make([]float32, len(b.Images))}
	for i, v := range b.Images {
		out.Pixels[i] = float32(v)
	}
	return out
}

// crossEntropy is -log softmax(logits)[label].
func crossEntropy(logits []float32, label int) float64 {
	top := float64(slices.Max(logits))
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum) - float64(logits[label])
}
