package pipeline

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/result"
	"oscar/run"
	"oscar/savedmodel"
)

// PredictOptions are the options of [Predict].
type PredictOptions struct {
	Model string   // a run or a SavedModel
	Paths []string // image files and folders; one that does not exist is an error
	// List yields more paths and is read when needed; it may be nil. A missing file is an unreadable
	// image.
	List      iter.Seq2[string, error]
	Top       int // the maximum number of classes in a prediction, at least 1
	Batch     int // images in a model run
	Precision Precision
	Machine   Machine
	Listener  Listener
	// Begin, if not nil, is called before the first prediction. classes is the number of classes in
	// each prediction: Top, or the model's number of classes if it is smaller.
	Begin func(classes int)
}

// Check returns an error for the first invalid option.
func (o PredictOptions) Check() error {
	switch {
	case o.Top < 1:
		return fmt.Errorf("top is %d, want at least 1", o.Top)
	case o.Batch < 1:
		return fmt.Errorf("batch is %d, want at least 1", o.Batch)
	}
	return cmp.Or(o.Machine.Check(), o.Precision.Check())
}

// PredictSummary counts what [Predict] did.
type PredictSummary struct {
	Images   int
	Statuses map[string]int // images by status
	Reason   string         // for the first image that is not ok; "" if all are
}

// batchesAhead is the number of batches whose paths are listed at a time.
const batchesAhead = 16

// Predict classifies every image in the paths. It calls each with every prediction, in the order of
// [dataset.WalkImages], also for unreadable files. It keeps no paths or predictions: memory does not
// grow with the number of images. When ctx is canceled it returns [ErrInterrupted].
func Predict(ctx context.Context, o PredictOptions, each func(result.Prediction) error) (*PredictSummary, error) {
	if each == nil {
		each = func(result.Prediction) error { return nil }
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	if err := o.exist(); err != nil {
		return nil, err
	}
	p, _, err := newPredictor(o, each)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if o.Begin != nil {
		o.Begin(p.options.Top)
	}
	o.Listener.Stage("predicting")
	if err := p.all(ctx); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w after %d images", ErrInterrupted, p.summary.Images)
		}
		return nil, err
	}
	if p.summary.Images == 0 {
		return nil, fmt.Errorf("no files in %s", strings.Join(o.Paths, ", "))
	}
	return p.summary, nil
}

// exist returns an error for the first of the paths that does not exist.
func (o PredictOptions) exist() error {
	for _, path := range o.Paths {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("cannot read %q: %w", path, paths.TrimError(err))
		}
	}
	return nil
}

// newPredictor opens the model and limits Top to its number of classes. It also returns the
// precision that was chosen for auto.
func newPredictor(o PredictOptions, each func(result.Prediction) error) (*predictor, Precision, error) {
	bundle, precision, err := openFor(o.Model, jobPredict, o.Machine.Config(o.Precision))
	if err != nil {
		return nil, precision, err
	}
	o.Top = min(o.Top, len(bundle.Metadata.Classes))
	p := &predictor{bundle: bundle, options: o, each: each, summary: &PredictSummary{Statuses: map[string]int{}}}
	in := bundle.Metadata.Image
	p.loader, err = dataset.NewLoader(dataset.LoaderOptions{
		Framing: Framing(in),
		Limits:  o.Machine.Limits, Workers: o.Machine.Workers, Skip: p.skip,
	})
	if err != nil {
		bundle.Close()
		return nil, precision, err
	}
	return p, precision, nil
}

// close closes the model.
func (p *predictor) close() {
	p.loader.Close()
	p.bundle.Close()
}

// predictor is a running [Predict].
type predictor struct {
	bundle  *savedmodel.Bundle
	loader  *dataset.Loader
	options PredictOptions
	each    func(result.Prediction) error
	summary *PredictSummary

	items   []dataset.Item // found, not yet predicted; Class is the item's index
	skipped []numbered     // in the current batch
}

// numbered is a prediction and its index in items.
type numbered struct {
	place int
	result.Prediction
}

// all lists and predicts the images, a few batches at a time.
func (p *predictor) all(ctx context.Context) error {
	err := p.options.walk(ctx, func(path string) error {
		p.add(path)
		if len(p.items) < batchesAhead*p.options.Batch {
			return nil
		}
		return p.flush(ctx)
	})
	if err != nil {
		return err
	}
	return p.flush(ctx)
}

// add adds an image to be predicted.
func (p *predictor) add(path string) {
	p.items = append(p.items, dataset.Item{Path: path, Class: len(p.items)})
}

// walk calls add with each image in the paths, then with each of the list.
func (o PredictOptions) walk(ctx context.Context, add func(path string) error) error {
	if err := dataset.WalkImages(ctx, o.Paths, add); err != nil || o.List == nil {
		return err
	}
	for path, err := range o.List {
		if err != nil {
			return err
		}
		if !paths.Exists(path) {
			err = add(path)
		} else {
			err = dataset.WalkImages(ctx, []string{path}, add)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// skip records a file that cannot be read.
func (p *predictor) skip(item dataset.Item, err error) {
	p.skipped = append(p.skipped, numbered{item.Class, withLabels(result.Prediction{
		Path: item.Path, Top: []result.Ranked{}, Status: result.Unreadable, Reason: run.Problem(item, err).Reason,
	}, &p.bundle.Metadata, nil)})
}

// flush predicts the items.
func (p *predictor) flush(ctx context.Context) error {
	for b, err := range p.loader.Batches(ctx, p.items, nil, p.options.Batch) {
		if err != nil {
			return err
		}
		out, err := p.bundle.Predict(ctx, floats(b))
		if err != nil {
			return err
		}
		done := p.skipped
		for i, probabilities := range out.Probabilities {
			done = append(done, numbered{b.Labels[i], withLabels(
				newPrediction(b.Items[i].Path, probabilities, p.bundle.Metadata.Classes, p.options.Top), &p.bundle.Metadata, probabilities)})
		}
		p.skipped = nil
		if err := p.report(done); err != nil {
			return err
		}
	}
	done := p.skipped
	p.items, p.skipped = p.items[:0], nil
	return p.report(done)
}

// report calls each with predictions in order.
func (p *predictor) report(done []numbered) error {
	slices.SortFunc(done, func(a, b numbered) int { return cmp.Compare(a.place, b.place) })
	for _, d := range done {
		if err := p.each(d.Prediction); err != nil {
			return err
		}
		p.summary.count(d.Prediction)
	}
	return nil
}

// count adds a prediction to the counts.
func (s *PredictSummary) count(p result.Prediction) {
	s.Images++
	s.Statuses[p.Status]++
	if p.Reason != "" && s.Reason == "" {
		s.Reason = p.Path + ": " + p.Reason
	}
}

// newPrediction returns a prediction with its classes sorted by probability, equal ones by index.
func newPrediction(path string, probabilities []float32, classes []string, top int) result.Prediction {
	p := result.Prediction{Path: path, Top: []result.Ranked{}, Status: string(explain.OK)}
	ranks := make([]int, len(probabilities))
	entropy := 0.0
	for i, v := range probabilities {
		ranks[i] = i
		if finite(v) == nil {
			p.Status, p.Reason = string(explain.NonFinite), fmt.Sprintf("the probability of %s is %v", classes[i], v)
			return p
		}
		if v > 0 {
			entropy -= float64(v) * math.Log(float64(v))
		}
	}
	slices.SortStableFunc(ranks, func(a, b int) int { return cmp.Compare(probabilities[b], probabilities[a]) })
	for _, i := range ranks[:min(top, len(ranks))] {
		p.Top = append(p.Top, result.Ranked{Class: classes[i], Probability: probabilities[i]})
	}
	p.Class, p.Probability = p.Top[0].Class, &p.Top[0].Probability
	p.Entropy = &entropy
	return p
}

// PredictFile writes the predictions to a .csv or .jsonl file. It replaces an earlier file only by one
// that begins with the same predictions, and only when all images are done. After an error or an
// interruption the earlier file stays.
func PredictFile(ctx context.Context, o PredictOptions, path string, each func(result.Prediction) error) (*PredictSummary, error) {
	asJSON, err := result.PredictionsAreJSON(path)
	if err != nil {
		return nil, err
	}
	if err := isPredictions(path, asJSON); err != nil {
		return nil, err
	}
	var summary *PredictSummary
	err = atomicfile.Output(path, func(f *os.File) error {
		buffer := bufio.NewWriterSize(f, 1<<16)
		err := atomicfile.Extending(path, "predictions", buffer, func(to io.Writer) (err error) {
			var w *result.PredictionWriter
			o.Begin = func(classes int) { w = result.NewPredictionWriter(to, asJSON, classes) }
			summary, err = Predict(ctx, o, func(p result.Prediction) error { return cmp.Or(w.Write(p), each(p)) })
			return err
		})
		return cmp.Or(err, buffer.Flush())
	})
	return summary, err
}

// isPredictions returns an error if [PredictFile] did not write the file at path.
func isPredictions(path string, asJSON bool) error {
	if asJSON {
		return atomicfile.CheckOurs(path, "predictions", `{"path":"`)
	}
	return atomicfile.CheckOurs(path, "predictions", "path,class,probability,", "path,labels,class,prob")
}
