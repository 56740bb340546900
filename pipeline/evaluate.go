package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/named"
	"oscar/internal/numeric"
	"oscar/internal/paths"
	"oscar/metric"
	"oscar/result"
	"oscar/run"
	"oscar/savedmodel"
)

// EvaluateOptions are the options of [Evaluate].
type EvaluateOptions struct {
	Model string // a run or a SavedModel
	Data  string // folder of images below folders named as classes, or a table; empty: the run's own
	Table dataset.TableOptions
	Part  string // train, validation, test, or all: every image of Data
	// Probabilities stores the probabilities of all classes for each image.
	Probabilities bool
	Precision     Precision
	Machine       Machine
	Listener      Listener

	oneLabel bool // each image has one class; a multi-label model's most probable label counts
}

// Check returns an error for options that are invalid for every model.
func (o EvaluateOptions) Check() error {
	return cmp.Or(named.Check("split part", o.Part, dataset.PartNames), o.Machine.Check(), o.Precision.Check())
}

// Evaluation has the metrics of a model on a set of images.
type Evaluation = result.Evaluation

// Evaluate measures a model on a part of its run's split or on any folder of images. Unreadable
// files, images of unknown class and images without a finite prediction are not errors: they are
// counted and noted.
func Evaluate(ctx context.Context, o EvaluateOptions) (*Evaluation, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	bundle, precision, err := openFor(o.Model, jobPredict, o.Machine.Config(o.Precision))
	if err != nil {
		return nil, err
	}
	defer bundle.Close()
	if o.oneLabel {
		bundle.Metadata.MultiLabel = nil
	}
	o.Precision = precision
	return o.evaluate(ctx, bundle)
}

// evaluate measures an opened model.
func (o EvaluateOptions) evaluate(ctx context.Context, bundle *savedmodel.Bundle) (*Evaluation, error) {
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
	o.Listener.Note(part.notes...)
	e := &Evaluation{Part: o.Part, Precision: o.Precision, Confusion: metric.NewConfusion(bundle.Metadata.Classes), Notes: part.notes}
	in := bundle.Metadata.Image
	skip := func(item dataset.Item, err error) {
		unreadable = append(unreadable, run.Problem(item, err))
	}
	if part.strict {
		skip = nil
	}
	loader, err := dataset.NewLoader(dataset.LoaderOptions{
		Root: root, Framing: Framing(in),
		Limits: part.limits, Workers: o.Machine.Workers, Skip: skip,
	})
	if err != nil {
		return nil, err
	}
	defer loader.Close()
	begin, read := time.Now(), 0
	labels := newLabelCounts(&bundle.Metadata)
	for b, err := range loader.Batches(ctx, items, nil, 32) {
		if err != nil {
			return nil, err
		}
		p, err := bundle.Predict(ctx, floats(b))
		if err != nil {
			return nil, err
		}
		for i, logits := range p.Logits {
			if labels != nil {
				labels.add(e, b.Items[i], logits, p.Probabilities[i])
				if last := &e.Classifications[len(e.Classifications)-1]; o.Probabilities && last.Predicted != "" {
					last.Probabilities = slices.Clone(p.Probabilities[i])
				}
				continue
			}
			c := classification(b.Items[i], bundle.Metadata.Classes, logits, p.Probabilities[i])
			if o.Probabilities && c.Predicted != "" {
				c.Probabilities = slices.Clone(p.Probabilities[i])
			}
			if err := count(e, c); err != nil {
				return nil, err
			}
		}
		read += b.N
		o.Listener.Count(read, len(items))
	}
	o.Listener.Note(dataset.LeftOut(unreadable)...)
	e.Unreadable = len(unreadable)
	if read == 0 {
		if part.ofSplit {
			return nil, fmt.Errorf("none of the %d images of the run's %s part can be read in %s; for another folder of images, below folders named as the classes, take --split all", e.Unreadable, o.Part, root)
		}
		return nil, fmt.Errorf("none of the %d images of %s could be read", e.Unreadable, root)
	}
	if e.NotFinite > 0 {
		note := fmt.Sprintf("%d of %d images have no finite prediction", e.NotFinite, read)
		if e.Images > 0 {
			note += "; the figures are of the others"
		}
		e.Notes = append(e.Notes, note)
		o.Listener.Note(note)
	}
	e.PerSecond = float64(read) / time.Since(begin).Seconds()
	if labels != nil {
		labels.conclude(e)
	} else {
		conclude(e)
	}
	return e, nil
}

// classification is the prediction for an image. Its class is -1 if unknown.
func classification(item dataset.Item, classes []string, logits, probabilities []float32) result.Classification {
	c := result.Classification{Image: item.Path, SHA256: item.SHA256, Loss: result.Number(math.NaN())}
	if item.Class >= 0 {
		c.Truth = classes[item.Class]
	}
	if slices.ContainsFunc(probabilities, func(p float32) bool { return finite(p) == nil }) {
		return c
	}
	predicted := numeric.ArgMax(logits)
	c.Predicted, c.Probability = classes[predicted], finite(probabilities[predicted])
	if item.Class >= 0 {
		c.Loss = result.Number(crossEntropy(logits, item.Class))
	}
	return c
}

// count adds an image to the counts of an evaluation.
func count(e *Evaluation, c result.Classification) error {
	e.Classifications = append(e.Classifications, c)
	truth, predicted := slices.Index(e.Confusion.Classes, c.Truth), slices.Index(e.Confusion.Classes, c.Predicted)
	switch {
	case predicted < 0:
		e.NotFinite++
		return nil
	case truth < 0:
		if e.UnknownClass == nil {
			e.UnknownClass = make([]int, len(e.Confusion.Classes))
		}
		e.UnknownClass[predicted]++
		return nil
	}
	e.Images++
	e.Loss += c.Loss
	return e.Confusion.Add(truth, predicted)
}

// conclude computes the metrics from the counts.
func conclude(e *Evaluation) {
	e.PerClass = e.Confusion.PerClass()
	if e.Images == 0 {
		nan := result.Number(math.NaN())
		e.Accuracy, e.Interval, e.Loss, e.MacroF1 = nan, [2]result.Number{nan, nan}, nan, nan
		return
	}
	low, high := metric.Wilson95(e.Confusion.Correct(), e.Images)
	e.Accuracy, e.Interval = result.Number(e.Confusion.Accuracy()), [2]result.Number{result.Number(low), result.Number(high)}
	e.Loss /= result.Number(e.Images)
	e.MacroF1 = result.Number(e.Confusion.MacroF1())
}

// part holds the images to evaluate. Labels are in the model's numbers; -1 is unknown.
type part struct {
	root       string
	items      []dataset.Item
	unreadable []dataset.Problem
	notes      []string
	ofSplit    bool           // a part of a run's split, read with the run's settings
	limits     dataset.Limits // the run's, or the machine's
	strict     bool           // the run's setting
}

// table returns the images of a table with their labels.
func (o EvaluateOptions) table(ctx context.Context, bundle *savedmodel.Bundle) (part, error) {
	o.Listener.Stage("reading images")
	folder, err := dataset.Scan(ctx, o.Data, dataset.ScanOptions{Limits: o.Machine.Limits, Hashes: run.Hashes(), Workers: o.Machine.Workers, Progress: o.Listener.Count, Unsplit: true, Table: o.Table})
	if err != nil {
		return part{}, err
	}
	number := make([]int, len(folder.Classes))
	for i, name := range folder.Classes {
		if number[i], err = bundle.Metadata.Class(name); err != nil {
			if bundle.Metadata.Unnamed() {
				err = fmt.Errorf("%w. %s", err, onlyNumbers)
			}
			return part{}, fmt.Errorf("table %s: %w", o.Data, err)
		}
	}
	if err := checkLabels(&bundle.Metadata, folder.MultiLabel, o.Data); err != nil {
		return part{}, err
	}
	for i := range folder.Items {
		item := &folder.Items[i]
		for k, class := range item.Labels {
			item.Labels[k] = number[class]
		}
		slices.Sort(item.Labels)
		if !folder.MultiLabel {
			item.Class = number[item.Class]
		}
	}
	return part{root: folder.Root, items: folder.Items, unreadable: folder.Unreadable, notes: dataset.Grouped(folder.Notes), limits: o.Machine.Limits}, nil
}

func (o EvaluateOptions) part(ctx context.Context, bundle *savedmodel.Bundle) (part, error) {
	if o.Part == "all" && o.Data != "" {
		if dataset.IsTable(o.Data) {
			return o.table(ctx, bundle)
		}
		if err := checkLabels(&bundle.Metadata, false, o.Data); err != nil {
			return part{}, err
		}
		return o.folder(ctx, bundle)
	}
	if _, err := os.Stat(o.Data); o.Data != "" && err != nil {
		return part{}, fmt.Errorf("cannot read image folder %q: %w", o.Data, paths.TrimError(err))
	}
	if dataset.IsTable(o.Data) {
		return part{}, fmt.Errorf("the %s part is one of the run's own images: leave %s out, or take --split all", o.Part, o.Data)
	}
	r, err := o.run()
	if err != nil {
		return part{}, err
	}
	if o.Data == "" {
		if err := r.CheckImages(); err != nil {
			return part{}, err
		}
	}
	p := part{root: cmp.Or(o.Data, r.Images()), ofSplit: true, limits: r.Experiment.Data.Limits(), strict: r.Experiment.Data.Strict}
	p.items, err = r.Split.Part(o.Part)
	if err == nil && len(p.items) == 0 {
		err = fmt.Errorf("the run's split has no %s part", o.Part)
	}
	return p, err
}

// folder returns every image below Data with its label, see [labels].
func (o EvaluateOptions) folder(ctx context.Context, bundle *savedmodel.Bundle) (part, error) {
	o.Listener.Stage("reading images")
	folder, err := dataset.List(ctx, o.Data, dataset.ScanOptions{Limits: o.Machine.Limits, Hashes: run.Hashes(), Workers: o.Machine.Workers, Progress: o.Listener.Count})
	if err != nil {
		return part{}, err
	}
	known := newLabels(o.Model, bundle.Metadata.Classes)
	var unknown []string
	for i, item := range folder.Items {
		class := known.of(filepath.Join(o.Data, filepath.FromSlash(item.Path)), item.SHA256).class
		folder.Items[i].Class = class
		if class < 0 {
			unknown = append(unknown, item.Path)
		}
	}
	p := part{root: folder.Root, items: folder.Items, unreadable: folder.Unreadable, notes: folder.Notes, limits: o.Machine.Limits}
	switch n := len(folder.Items); {
	case len(unknown) == 0:
	case len(unknown) == n:
		remedy := "oscar predict wants no classes"
		if bundle.Metadata.Unnamed() {
			remedy = onlyNumbers
		}
		return part{}, fmt.Errorf("the class of none of the %d images of %s is known, the first is %s: no folder above it is named as a class; have %s. %s",
			n, o.Data, unknown[0], strings.Join(known.classes, ", "), remedy)
	default:
		p.notes = append(p.notes, fmt.Sprintf("the class of %d of the %d images is unknown, the first is %s: no folder above it is named as a class", len(unknown), n, unknown[0]))
	}
	return p, nil
}

// onlyNumbers is the remedy for an adopted model whose classes have no names.
const onlyNumbers = "The model has only numbers for its classes: oscar adopt --classes names them"

// known returns the part without the images of unknown class.
func (p part) known() part {
	p.items = slices.DeleteFunc(p.items, func(item dataset.Item) bool { return item.Class < 0 })
	return p
}

// run returns the run that the model belongs to.
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

// seen returns a note with the number of images that the model was trained or validated on, if its
// run exists.
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

// floats converts a batch to a model's input.
func floats(b *dataset.Batch) explain.Images {
	out := explain.Images{N: b.N, Height: b.Height, Width: b.Width, Channels: 3, Pixels: make([]float32, len(b.Images))}
	for i, v := range b.Images {
		out.Pixels[i] = float32(v)
	}
	return out
}

// crossEntropy returns -log softmax(logits)[label], in nats.
func crossEntropy(logits []float32, label int) float64 {
	top := float64(slices.Max(logits))
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum) - float64(logits[label])
}
