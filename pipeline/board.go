package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"path/filepath"
	"slices"
	"time"

	"oscar/heatmap"
	"oscar/internal/checksum"
	"oscar/internal/events"
	"oscar/internal/jsonerror"
	"oscar/result"
)

// boardImages is the number of explained images that TensorBoard shows.
const boardImages = 24

// writeBoard adds results to the TensorBoard events of a finished run: the settings as text and as
// hyperparameters, the weights of the exported epoch as histograms and, if the test part was
// evaluated, its metrics and confusion matrix.
func (r *Run) writeBoard(ctx context.Context, epoch int, e *Evaluation) (err error) {
	metrics, err := r.Metrics()
	if err != nil || len(metrics) == 0 {
		return err
	}
	at := metrics[len(metrics)-1].Time
	w, err := r.Events()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	text, err := json.MarshalIndent(r.Experiment, "", "  ")
	if err != nil {
		return err
	}
	if err := w.Text("experiment", 0, "```json\n"+string(text)+"\n```", at); err != nil {
		return err
	}
	if err := r.writeWeights(ctx, w, int64(epoch), at); err != nil {
		return err
	}
	shown := []string{"accuracy/validation", "loss/validation"}
	if e != nil {
		shown = append(shown, "accuracy/test", "loss/test")
		for tag, value := range map[string]result.Number{"accuracy/test": e.Accuracy, "loss/test": e.Loss} {
			if err := w.Scalar(tag, int64(epoch), float64(value), at); err != nil {
				return err
			}
		}
		var b bytes.Buffer
		if err := png.Encode(&b, heatmap.Confusion(e.Confusion.Classes, e.Confusion.Counts)); err != nil {
			return err
		}
		if err := w.Image("confusion/test", int64(epoch), b.Bytes(), at); err != nil {
			return err
		}
	}
	settings, err := r.boardSettings()
	if err != nil {
		return err
	}
	return w.Settings(settings, shown, r.Environment.Started, at)
}

// writeWeights writes a histogram of each variable of the exported model.
func (r *Run) writeWeights(ctx context.Context, w *events.Writer, epoch int64, at time.Time) error {
	bundle, err := Open(r.Dir, Config{})
	if err != nil {
		return err
	}
	defer bundle.Close()
	names, err := bundle.Variables()
	if err != nil {
		return err
	}
	for _, name := range names { // one at a time, because they may be large
		values, err := bundle.Read(ctx, name)
		if err != nil {
			return err
		}
		if err := w.Histogram("weights/"+name, epoch, values[name], at); err != nil {
			return err
		}
	}
	return nil
}

// boardSettings returns the hyperparameters: the keys of training that are texts, numbers or
// booleans, and other settings that differ between runs.
func (r *Run) boardSettings() ([]events.Setting, error) {
	text, err := json.Marshal(r.Experiment.Training)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := jsonerror.Plain(json.NewDecoder(bytes.NewReader(text)).Decode(&tree)); err != nil {
		return nil, err
	}
	in := r.Experiment.Architecture.Input
	list := []events.Setting{
		{Name: "architecture", Value: r.Experiment.Architecture.Name}, {Name: "image_size", Value: fmt.Sprintf("%dx%d", in[0], in[1])},
		{Name: "seed", Value: float64(r.Experiment.Seed)},
	}
	var leaves func(prefix string, tree map[string]any)
	leaves = func(prefix string, tree map[string]any) {
		for key, value := range tree {
			switch value := value.(type) {
			case map[string]any:
				leaves(prefix+key+".", value)
			case string, bool, float64:
				list = append(list, events.Setting{Name: prefix + key, Value: value})
			}
		}
	}
	leaves("", tree)
	slices.SortFunc(list, func(a, b events.Setting) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return list, nil
}

// writeMaps adds the overlays of a folder of explanations to the events.
func (r *Run) writeMaps(dir string) (err error) {
	metrics, err := r.Metrics()
	if err != nil || len(metrics) == 0 {
		return err
	}
	w, err := r.Events()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	rows, err := result.ReadManifest(dir)
	if err != nil {
		return err
	}
	shown := 0
	for _, row := range rows {
		if row.Overlay == "" || shown == boardImages {
			continue
		}
		file, err := checksum.ReadFile(dir, row.Overlay)
		if err != nil {
			return err
		}
		if err := w.Image(row.Method+"/"+filepath.Join(row.Truth, filepath.Base(row.Image)), int64(len(metrics)), file, metrics[len(metrics)-1].Time); err != nil {
			return err
		}
		shown++
	}
	return nil
}
