package study

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/score"
)

// look is what a run's model says of the images, kept in looks/NAME.json.
type look struct {
	Test  []answer `json:"test"`
	Train struct { // afterwards, in inference mode
		Images   int     `json:"images"`
		Accuracy float64 `json:"accuracy"`
		Loss     float64 `json:"loss"`
	} `json:"train"`
}

// answer is what the model says of one image.
type answer struct {
	Image     string       `json:"image"` // relative to the data
	Class     int          `json:"class"`
	Predicted int          `json:"predicted"`
	Loss      score.Number `json:"loss"` // cross-entropy, nats
}

func (a answer) right() float64 {
	if a.Class == a.Predicted {
		return 1
	}
	return 0
}

// see makes all that is known of a finished run but for its training: its
// answers, scores and explanations. What is there is not made again.
func (j *job) see(ctx context.Context, r *run) error {
	opened, err := pipeline.OpenRun(j.path(r.dir()))
	if err != nil {
		return err
	}
	if err := j.ask(ctx, r, opened); err != nil {
		return fmt.Errorf("looking at its answers: %w", err)
	}
	if err := j.score(ctx, r, opened); err != nil {
		return fmt.Errorf("scoring its explanations: %w", err)
	}
	if err := j.explain(ctx, r, opened); err != nil {
		return fmt.Errorf("explaining: %w", err)
	}
	return nil
}

// ask asks the model about the test part, and the training part once more.
func (j *job) ask(ctx context.Context, r *run, opened *pipeline.Run) error {
	path := j.path(looksDir, r.name()+".json")
	if paths.Exists(path) {
		return nil
	}
	bundle, err := pipeline.Open(opened.Dir, j.Machine.Threads)
	if err != nil {
		return err
	}
	defer bundle.Close()
	in, data := opened.Experiment.Architecture.Input, opened.Experiment.Data
	loader, err := dataset.NewLoader(dataset.LoaderOptions{
		Root: opened.Images(), Height: in[0], Width: in[1], Interpolation: data.Interpolation,
		Limits:  dataset.Limits{MaxPixels: data.MaxPixels, MaxBytes: data.MaxBytes},
		Workers: j.Machine.Workers, Skip: func(item dataset.Item, err error) { j.note(fmt.Sprintf("left out: %v", err)) },
	})
	if err != nil {
		return err
	}
	defer loader.Close()
	var l look
	err = answers(ctx, loader, bundle, opened.Split.Test, func(a answer) { l.Test = append(l.Test, a) })
	if err == nil {
		err = answers(ctx, loader, bundle, opened.Split.Train, func(a answer) {
			l.Train.Images++
			l.Train.Accuracy += a.right()
			l.Train.Loss += float64(a.Loss)
		})
	}
	if err != nil {
		return err
	}
	if l.Train.Images == 0 || len(l.Test) == 0 {
		return errors.New("none of the images could be read")
	}
	l.Train.Accuracy /= float64(l.Train.Images)
	l.Train.Loss /= float64(l.Train.Images)
	return atomicfile.WriteJSON(path, l)
}

// answers asks a model about images.
func answers(ctx context.Context, loader *dataset.Loader, model explain.Predictor, items []dataset.Item, each func(answer)) error {
	for b, err := range loader.Batches(ctx, items, nil, 32) {
		if err != nil {
			return err
		}
		images := explain.Images{N: b.N, Height: b.Height, Width: b.Width, Channels: 3, Pixels: make([]float32, len(b.Images))}
		for i, v := range b.Images {
			images.Pixels[i] = float32(v)
		}
		p, err := model.Predict(ctx, images)
		if err != nil {
			return err
		}
		for i, logits := range p.Logits {
			best := 0
			for c, v := range logits {
				if v > logits[best] {
					best = c
				}
			}
			each(answer{b.Items[i].Path, b.Labels[i], best, score.Number(crossEntropy(logits, b.Labels[i]))})
		}
	}
	return nil
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

// score judges the explanations of some test images of each class.
func (j *job) score(ctx context.Context, r *run, opened *pipeline.Run) error {
	out := j.path(scoresDir, r.name())
	if paths.Exists(filepath.Join(out, "score.json")) {
		return nil
	}
	x := j.Study.Explain
	scoring := score.Options{Metrics: []string{"gini"}, PerClass: x.Images, Mosaics: x.Mosaics}
	if canMosaic(opened.Split, x) {
		scoring.Metrics = append(scoring.Metrics, "focus")
	}
	if masksBeside(opened.Images()) {
		scoring.Metrics = append(scoring.Metrics, "energy")
	}
	settings := x.settings(opened.Experiment.Explain)
	settings.Seed = j.Study.Seeds[0]
	_, err := pipeline.Score(ctx, pipeline.ScoreOptions{
		Model: opened.Dir, Part: "test", Out: out, Settings: settings, Scoring: scoring,
		Machine: j.machine(opened), Listener: j.quiet(),
	})
	return err
}

// canMosaic says whether mosaics can be made: of two images of a class and two
// of others, among those that are explained.
func canMosaic(s *dataset.Split, x Explain) bool {
	if x.Mosaics == 0 || x.Images < 2 {
		return false
	}
	counts := make([]int, len(s.Classes))
	all := 0
	for _, item := range s.Test {
		if counts[item.Class] < x.Images {
			counts[item.Class]++
			all++
		}
	}
	return slices.ContainsFunc(counts, func(n int) bool { return n >= 2 && all-n >= 2 })
}

// explain writes the maps of the images that were scored.
func (j *job) explain(ctx context.Context, r *run, opened *pipeline.Run) error {
	out := j.path(explanationsDir, r.name())
	if paths.Exists(filepath.Join(out, "manifest.jsonl")) {
		return nil
	}
	images, err := j.scored(r)
	if err != nil {
		return err
	}
	paths := make([]string, len(images))
	for i, image := range images {
		paths[i] = filepath.Join(opened.Images(), filepath.FromSlash(image))
	}
	settings := j.Study.Explain.settings(opened.Experiment.Explain)
	settings.Seed = j.Study.Seeds[0]
	_, err = pipeline.Explain(ctx, pipeline.ExplainOptions{
		Model: opened.Dir, Paths: paths, Out: out, Settings: settings, Machine: j.machine(opened), Listener: j.quiet(),
	})
	return err
}

// scored lists the images whose explanations were scored.
func (j *job) scored(r *run) ([]string, error) {
	var s pipeline.Scores
	err := atomicfile.ReadJSON(j.path(scoresDir, r.name(), "score.json"), &s)
	return s.Images, err
}

// machine is the machine with the limits that a run reads its images with.
func (j *job) machine(r *pipeline.Run) pipeline.Machine {
	m := j.Machine
	m.Limits = dataset.Limits{MaxPixels: r.Experiment.Data.MaxPixels, MaxBytes: r.Experiment.Data.MaxBytes}
	return m
}

// quiet passes on notes alone.
func (j *job) quiet() pipeline.Listener { return pipeline.Listener{Note: j.Listener.Note} }
