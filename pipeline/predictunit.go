package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"oscar/dataset"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/jsonerror"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/result"
	"oscar/run"
)

// Names in a folder of planned predictions.
const (
	predictionsCSV     = "predictions.csv"
	predictionsAsLines = "predictions.jsonl"
)

var predictKind = resultdir.Kind{Mark: result.PredictFile, Early: []string{partsDir, checksum.File}}

// predictSettings are the settings of planned predictions, predict.json.
type predictSettings struct {
	Format    int       `json:"format"` // 1
	Model     string    `json:"model"`  // fingerprint
	Top       int       `json:"top"`    // at most the model's number of classes
	Batch     int       `json:"batch"`
	Precision Precision `json:"precision"`
	MaxPixels int64     `json:"max_pixels"`
	MaxBytes  int64     `json:"max_bytes"`
}

// PlanPredict prepares the folder out of a [Predict] and writes units, with paths relative to from.
// A unit has as many images as Predict lists at a time. [NewPredictWorker] processes the units,
// [MergePredict] joins the results.
func PlanPredict(ctx context.Context, from, out string, o PredictOptions) (err error) {
	if err := cmp.Or(o.Check(), o.exist()); err != nil {
		return err
	}
	dir, err := resultdir.Open(out, predictKind)
	if err != nil {
		return err
	}
	defer run.Release(ctx, dir, &err)
	p, precision, err := newPredictor(o, nil)
	if err != nil {
		return err
	}
	p.close()
	limits := o.Machine.Limits
	s := predictSettings{
		Format: 1, Top: p.options.Top, Batch: o.Batch, Precision: precision,
		MaxPixels: cmp.Or(limits.MaxPixels, dataset.DefaultLimits.MaxPixels), MaxBytes: cmp.Or(limits.MaxBytes, dataset.DefaultLimits.MaxBytes),
	}
	if s.Model, err = fingerprint(o.Model); err != nil {
		return err
	}
	if dir.Resumed {
		var before predictSettings
		if err := checksum.ReadJSON(out, result.PredictFile, &before); err != nil {
			return err
		}
		if before != s {
			return fmt.Errorf("%s holds predictions of another model, or with other settings: %+v, not %+v; name a new folder", out, before, s)
		}
	}
	parts := filepath.Join(out, partsDir)
	if err := os.MkdirAll(parts, 0o777); err != nil {
		return err
	}
	if err := checksum.WriteJSON(out, result.PredictFile, s); err != nil {
		return err
	}
	if err := checkLists(out, o.Listener); err != nil {
		return err
	}
	return result.WriteUnits(out, from, func(yield func(result.Unit, error) bool) {
		next, stopped := shard{}, errors.New("stopped")
		flush := func() error {
			next.stamp()
			u := result.Unit{ID: "predict/" + strings.TrimSuffix(next.part, ".jsonl"), Verb: "predict", Out: out, Model: o.Model, Number: next.number, Part: next.part, Images: next.images}
			next = shard{number: next.number + 1}
			if !yield(u, nil) {
				return stopped
			}
			return nil
		}
		err := o.walk(ctx, func(path string) error {
			if next.images = append(next.images, path); len(next.images) < batchesAhead*o.Batch {
				return nil
			}
			return flush()
		})
		if err == nil && len(next.images) > 0 {
			err = flush()
		}
		if err == nil && next.number == 0 {
			err = fmt.Errorf("no files in %s", strings.Join(o.Paths, ", "))
		}
		if err != nil && err != stopped {
			yield(result.Unit{}, err)
		}
	})
}

// predictWorker processes units of a [Predict].
type predictWorker struct {
	*predictor
	listener Listener
	lines    bytes.Buffer
}

// NewPredictWorker opens the model of a unit of [PlanPredict].
func NewPredictWorker(_ context.Context, u result.Unit, on Machine, l Listener) (UnitWorker, error) {
	var s predictSettings
	if err := readPlanned(u.Out, result.PredictFile, &s); err != nil {
		return nil, err
	}
	on.Limits.MaxPixels, on.Limits.MaxBytes = s.MaxPixels, s.MaxBytes
	o := PredictOptions{Model: u.Model, Top: s.Top, Batch: s.Batch, Precision: s.Precision, Machine: on}
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(u.Out, result.PredictFile), err)
	}
	if model, err := fingerprint(u.Model); err != nil {
		return nil, err
	} else if model != s.Model {
		return nil, fmt.Errorf("%s was planned with model %s, not %s; plan again in a new folder", u.Out, s.Model, model)
	}
	w := &predictWorker{listener: l}
	lines := result.NewPredictionWriter(&w.lines, true, s.Top)
	var err error
	w.predictor, _, err = newPredictor(o, lines.Write)
	return w, err
}

func (w *predictWorker) Close() { w.close() }

// Do predicts the images of a unit and writes them as JSON lines.
func (w *predictWorker) Do(ctx context.Context, u result.Unit) (result.Outcome, error) {
	s, unlock, err := lockShard(ctx, u)
	if err != nil {
		return result.Outcome{}, err
	}
	defer unlock()
	damaged, done, err := partState(u.Out, s.part)
	if damaged != nil {
		w.listener.Note(fmt.Sprintf("%v; it is made again", damaged))
		err = removePart(u.Out, s.part)
	}
	if err != nil {
		return result.Outcome{}, err
	}
	if !done {
		w.lines.Reset()
		w.items, w.summary = w.items[:0], &PredictSummary{Statuses: map[string]int{}}
		for _, path := range u.Images {
			w.add(path)
		}
		if err := w.flush(ctx); err != nil {
			w.items, w.skipped = nil, nil
			return result.Outcome{}, err
		}
		if err := checksum.RemoveList(u.Out, s.part); err != nil {
			return result.Outcome{}, err
		}
		if err := atomicfile.Write(filepath.Join(u.Out, partsDir, s.part), w.lines.Bytes()); err != nil {
			return result.Outcome{}, err
		}
		if err := checksum.WriteList(u.Out, s.part, []string{partsDir + "/" + s.part}); err != nil {
			return result.Outcome{}, err
		}
	}
	o := result.Outcome{Earlier: done, Images: len(u.Images), Rows: len(u.Images), Statuses: map[string]int{}}
	for p, err := range predictionsOf(u.Out, s.part) {
		if err != nil {
			return o, err
		}
		o.Statuses[p.Status]++
	}
	return o, nil
}

// partState reports whether a part is finished, which means that it has a list. damaged is not nil
// if the part differs from its list.
func partState(dir, part string) (damaged *checksum.Damage, done bool, err error) {
	list, err := checksum.ReadList(dir, part)
	if d, is := errors.AsType[*checksum.Damage](err); is {
		return d, false, nil
	} else if err != nil || list == nil {
		return nil, false, err
	}
	all, err := list.Damaged(dir)
	if err == nil && len(all) > 0 {
		return all[0], false, nil
	}
	return nil, err == nil, err
}

// MergePredict makes predictions.csv and predictions.jsonl from finished units.
func MergePredict(ctx context.Context, o MergeOptions) (*PredictSummary, error) {
	dir, err := resultdir.Open(o.Dir, predictKind)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var s predictSettings
	if err := readPlanned(o.Dir, result.PredictFile, &s); err != nil {
		return nil, err
	}
	if err := checkLists(o.Dir, o.Listener); err != nil {
		return nil, err
	}
	var lists []string
	current := map[string]bool{}
	missing, first := 0, ""
	for u, err := range result.Units(o.Dir) {
		if err == nil {
			var done bool
			if _, done, err = partState(o.Dir, u.Part); !done {
				if missing++; missing == 1 {
					first = u.ID
				}
			}
		}
		if err != nil {
			return nil, err
		}
		current[u.Part] = true
		lists = append(lists, checksum.ListName(u.Part))
	}
	if missing > 0 {
		return nil, NotDone(o.Dir, missing, len(lists), first)
	}
	summary := &PredictSummary{Statuses: map[string]int{}}
	for _, name := range []string{predictionsAsLines, predictionsCSV} {
		err := checksum.Stream(o.Dir, name, func(w io.Writer) error {
			*summary = PredictSummary{Statuses: map[string]int{}}
			table := result.NewPredictionWriter(w, name == predictionsAsLines, s.Top)
			for u, err := range result.Units(o.Dir) {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					return err
				}
				for p, err := range predictionsOf(o.Dir, u.Part) {
					if err == nil {
						summary.count(p)
						err = table.Write(p)
					}
					if err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if err := dropOtherParts(o.Dir, current); err != nil {
		return nil, err
	}
	return summary, checksum.Update(o.Dir, append(lists, result.PredictFile)...)
}

// dropOtherParts removes the parts that are not current, and their lists.
func dropOtherParts(dir string, current map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(dir, partsDir))
	for _, e := range entries {
		if err == nil && !current[e.Name()] {
			err = removePart(dir, e.Name())
		}
	}
	return err
}

// predictionsOf yields the predictions of a part.
func predictionsOf(dir, part string) func(yield func(result.Prediction, error) bool) {
	return func(yield func(result.Prediction, error) bool) {
		text, err := paths.ReadRecord(filepath.Join(dir, partsDir, part))
		if err != nil {
			yield(result.Prediction{}, err)
			return
		}
		for line := range bytes.Lines(text) {
			var p result.Prediction
			err := jsonerror.Plain(json.Unmarshal(line, &p))
			if err != nil {
				err = fmt.Errorf("%s: %w", filepath.Join(dir, partsDir, part), err)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}
