package study

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/checksum"
	"oscar/internal/npy"
	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/result"
	runfolder "oscar/run"
	"oscar/score"
)

// fitted is the evaluation of a trained model on the training part, in inference mode. It is the
// file looks/NAME.json.
type fitted struct {
	Train struct {
		Images   int           `json:"images"`
		Accuracy result.Number `json:"accuracy"`
		Loss     result.Number `json:"loss"` // mean cross-entropy, nats
	} `json:"train"`
}

// inspectRun evaluates a finished run on its training part, and scores and makes its explanations.
// It skips finished parts.
func (j *job) inspectRun(ctx context.Context, r *run) error {
	if runfolder.Discarded(j.path(r.dir())) != nil {
		return j.checkDiscarded(r)
	}
	opened, err := pipeline.OpenRun(j.path(r.dir()))
	if err != nil {
		return err
	}
	e, err := opened.Evaluation()
	if err == nil {
		err = checkPredictions(e)
	}
	if err != nil {
		return err
	}
	if err := j.evaluate(ctx, r, opened); err != nil {
		return fmt.Errorf("evaluating: %w", err)
	}
	if err := j.score(ctx, r, opened); err != nil {
		return fmt.Errorf("scoring its explanations: %w", err)
	}
	if err := j.explain(ctx, r, opened); err != nil {
		return fmt.Errorf("explaining: %w", err)
	}
	return nil
}

// evaluate evaluates a run on its training part. It repeats the evaluation of the test part only if
// an older version wrote it without a line per image.
func (j *job) evaluate(ctx context.Context, r *run, opened *pipeline.Run) error {
	e, err := opened.Evaluation()
	if err != nil {
		return err
	}
	o := pipeline.EvaluateOptions{Model: opened.Dir, Part: "test", Machine: j.machine(opened), Listener: pipeline.Listener{OnNote: j.note}}
	if e != nil && e.Classifications == nil {
		again, err := pipeline.Evaluate(ctx, o)
		if err != nil {
			return err
		}
		e.Classifications = again.Classifications
		if err := checksum.WriteJSON(j.path(r.dir()), evaluationFile, e); err != nil {
			return err
		}
	}
	look := r.look()
	d := checksum.Check(j.Out, look)
	if d == nil && paths.Exists(j.path(look)) {
		return checksum.UpdateUnlisted(j.Out, look)
	} else if checksum.Is(d) {
		j.Listener.Note(fmt.Sprintf("%v; it is made again", d))
	}
	o.Part = "train"
	if e, err = pipeline.Evaluate(ctx, o); err != nil {
		return err
	}
	var f fitted
	f.Train.Images, f.Train.Accuracy, f.Train.Loss = e.Images, e.Accuracy, e.Loss
	return checksum.WriteJSON(j.Out, look, f)
}

// checkPredictions returns an error if the model has no finite prediction for any test image.
func checkPredictions(e *result.Evaluation) error {
	if e == nil || e.Images > 0 || e.NotFinite == 0 {
		return nil
	}
	return fmt.Errorf("none of the %d test images has a finite prediction: the training diverged; a smaller learning rate may help", e.NotFinite)
}

// score scores the explanations of some test images of each class.
func (j *job) score(ctx context.Context, r *run, opened *pipeline.Run) error {
	out := j.path(scoresDir, r.name())
	if complete(out, result.ScoreFile) {
		return nil
	}
	x := j.Study.Explain
	scoring := score.Options{Metrics: []string{"gini"}, PerClass: x.Images, Mosaics: x.Mosaics}
	if hasMosaics(opened.Split, x) {
		scoring.Metrics = append(scoring.Metrics, "focus")
	}
	if pipeline.MaskDir(opened.Images()) != "" {
		scoring.Metrics = append(scoring.Metrics, "energy")
	}
	settings := x.settings(opened.Experiment.Explain)
	settings.Precision = j.Study.Precision
	settings.Seed = j.Study.Seeds[0]
	_, err := pipeline.Score(ctx, pipeline.ScoreOptions{
		Model: opened.Dir, Part: "test", Out: out, Settings: settings, Scoring: scoring,
		Machine: j.machine(opened), Listener: j.quiet(),
	})
	return err
}

// hasMosaics reports whether mosaics can be made of the explained images: a mosaic needs two images
// of a class and two of others.
func hasMosaics(s *dataset.Split, x Explain) bool {
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

// explain writes the maps of the scored images.
func (j *job) explain(ctx context.Context, r *run, opened *pipeline.Run) error {
	out := j.path(explanationsDir, r.name())
	if complete(out, result.ManifestFile) {
		return nil
	}
	scores, err := result.ReadScores(j.path(scoresDir, r.name()))
	if err != nil {
		return err
	}
	paths := make([]string, len(scores.Images))
	for i, image := range scores.Images {
		paths[i] = filepath.Join(opened.Images(), filepath.FromSlash(image))
	}
	settings := j.Study.Explain.settings(opened.Experiment.Explain)
	settings.Precision = j.Study.Precision
	settings.Seed = j.Study.Seeds[0]
	_, err = pipeline.Explain(ctx, pipeline.ExplainOptions{
		Model: opened.Dir, Paths: paths, Out: out, Settings: settings, Machine: j.machine(opened), Listener: j.quiet(),
	})
	return err
}

// machine returns the machine with the run's image limits.
func (j *job) machine(r *pipeline.Run) pipeline.Machine {
	m := j.Machine
	m.Limits = dataset.Limits{MaxPixels: r.Experiment.Data.MaxPixels, MaxBytes: r.Experiment.Data.MaxBytes}
	return m
}

// quiet returns a listener that forwards only notes.
func (j *job) quiet() pipeline.Listener { return pipeline.Listener{OnNote: j.Listener.OnNote} }

// runData is all results of a finished run.
type runData struct {
	run          *run
	images       string // folder of the images
	trained      *pipeline.Run
	epochs       []result.EpochMetrics
	evaluation   *result.Evaluation
	fitted       fitted
	scores       *result.Scores
	explanations []explanation
	err          error // the error of the first map that could not be read
}

// explanation is a row of a run's manifest with a map. The map is read on demand, because there can
// be many.
type explanation struct {
	result.Row
	image string // path relative to the data
	dir   string // folder of the explanations
}

// read reads the results of a run.
func (j *job) read(r *run) (*runData, error) {
	d := &runData{run: r, images: j.plan.images()}
	var err error
	if d.trained, err = pipeline.OpenRun(j.path(r.dir())); err != nil {
		return nil, err
	}
	if d.epochs, err = d.trained.Metrics(); err != nil {
		return nil, err
	}
	if d.evaluation, err = d.trained.Evaluation(); err != nil {
		return nil, err
	}
	if d.evaluation == nil || len(d.epochs) == 0 {
		return nil, fmt.Errorf("%s is not finished", j.path(r.dir()))
	}
	if err := checkPredictions(d.evaluation); err != nil {
		return nil, err
	}
	if err := checksum.ReadJSON(j.Out, r.look(), &d.fitted); err != nil {
		return nil, err
	}
	if d.scores, err = result.ReadScores(j.path(scoresDir, r.name())); err != nil {
		return nil, err
	}
	return d, j.readExplanations(d)
}

// readExplanations reads the rows of a run's manifest that have a map.
func (j *job) readExplanations(d *runData) error {
	dir := j.path(explanationsDir, d.run.name())
	rows, err := result.ReadManifest(dir)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Map == "" {
			continue // unreadable
		}
		image, err := filepath.Rel(d.trained.Images(), row.Image)
		if err != nil {
			return err
		}
		if _, err := paths.Local(dir, row.Map); err != nil {
			return err
		}
		d.explanations = append(d.explanations, explanation{row, filepath.ToSlash(image), dir})
	}
	return nil
}

// grid reads a map. If it cannot be read, grid returns an empty one and sets d.err.
func (d *runData) grid(x explanation) explain.Grid {
	var shape []int
	var values []float32
	data, err := checksum.ReadFile(x.dir, filepath.ToSlash(x.Map))
	if err == nil {
		shape, values, err = npy.Decode(data)
	}
	if err == nil && len(shape) != 2 {
		err = fmt.Errorf("map %s has %d dimensions, want 2", x.Map, len(shape))
	}
	if err != nil {
		d.err = cmp.Or(d.err, err)
		return explain.Grid{}
	}
	return explain.Grid{Height: shape[0], Width: shape[1], Values: values}
}

// last returns the last epoch of training.
func (d *runData) last() result.EpochMetrics { return d.epochs[len(d.epochs)-1] }

// kept returns the epoch whose weights were kept.
func (d *runData) kept() result.EpochMetrics {
	i := slices.IndexFunc(d.epochs, func(m result.EpochMetrics) bool { return m.Epoch == d.evaluation.Epoch })
	return d.epochs[max(i, 0)]
}

// explained returns the explanations by one method.
func (d *runData) explained(method string) []explanation {
	return slices.DeleteFunc(slices.Clone(d.explanations), func(x explanation) bool { return x.Method != method })
}

// scored returns a metric of package score for each image or mosaic. ok is false if there are no
// values.
func (d *runData) scored(method, metric string) (s sample, ok bool) {
	cell, err := d.scores.Table.Cell(method, metric)
	if err != nil || len(cell.Values) == 0 {
		return sample{}, false
	}
	cases := map[string]float64{}
	for i, v := range cell.Values {
		if !v.OK() {
			continue
		}
		// The numbers of mosaics depend on the split.
		name := fmt.Sprintf("mosaic %05d of %s", i, d.trained.Split.Hash)
		if metric != "focus" {
			name = d.scores.Images[i]
		}
		cases[name] = float64(v.Value)
	}
	return perCase(cases), len(cases) > 0
}

// intensity returns the logarithm of each map's largest value, of maps with a value above 0.
func (d *runData) intensity(method string) sample {
	cases := map[string]float64{}
	for _, x := range d.explained(method) {
		if x.RawMax != nil && *x.RawMax > 0 {
			cases[x.image] = math.Log(float64(*x.RawMax))
		}
	}
	return perCase(cases)
}

// empty returns 1 for each map without a value above 0, else 0.
func (d *runData) empty(method string) sample {
	cases := map[string]float64{}
	for _, x := range d.explained(method) {
		cases[x.image] = 0
		if x.Status == string(explain.Empty) {
			cases[x.image] = 1
		}
	}
	return perCase(cases)
}

// likeness compares the run's maps with those of another run, image by image.
func (d *runData) likeness(other *runData, method string, height, width int, like func(a, b explain.Grid) score.Value) sample {
	theirs := map[string]explanation{}
	for _, x := range other.explained(method) {
		theirs[x.image] = x
	}
	cases := map[string]float64{}
	for _, x := range d.explained(method) {
		o, ok := theirs[x.image]
		if !ok {
			continue
		}
		if v := like(d.onImage(x, d.framing(), height, width), d.onImage(o, other.framing(), height, width)); v.OK() {
			cases[x.image] = float64(v.Value)
		}
	}
	return perCase(cases)
}

// onImage returns a map on its image, at height x width. framing is how the image became the input.
func (d *runData) onImage(x explanation, framing dataset.Framing, height, width int) explain.Grid {
	if framing.Stretches() {
		return d.grid(x).Resize(height, width)
	}
	size, err := pipeline.ImageSize(filepath.Join(d.images, filepath.FromSlash(x.image)), d.trained.Experiment.Data.Limits())
	if err != nil {
		d.err = cmp.Or(d.err, err)
		return explain.Grid{}
	}
	return heatmap.OnImage(d.grid(x), framing, size, height, width)
}

// framing returns how images become the network's input.
func (d *runData) framing() dataset.Framing {
	return d.trained.Experiment.Data.Framing(d.trained.Experiment.Architecture.Input)
}
