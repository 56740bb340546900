package study

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"oscar/explain"
	"oscar/internal/atomicfile"
	"oscar/internal/npy"
	"oscar/pipeline"
	"oscar/score"
)

// finding is all that a finished run wrote, read back.
type finding struct {
	run        *run
	trained    *pipeline.Run
	epochs     []pipeline.EpochMetrics
	evaluation *pipeline.Evaluation
	look       look
	scores     pipeline.Scores
	maps       []seen
	err        error // the first map that could not be read
}

// seen is one explanation. Its map is read when it is wanted: there may be many.
type seen struct {
	pipeline.Row
	image string // relative to the data
	file  string // of the map
}

// find reads what a run wrote.
func (j *job) find(r *run) (*finding, error) {
	f := &finding{run: r}
	var err error
	if f.trained, err = pipeline.OpenRun(j.path(r.dir())); err != nil {
		return nil, err
	}
	if f.epochs, err = f.trained.Metrics(); err != nil {
		return nil, err
	}
	if f.evaluation, err = f.trained.Evaluation(); err != nil {
		return nil, err
	}
	if f.evaluation == nil || len(f.epochs) == 0 {
		return nil, fmt.Errorf("%s is not finished", j.path(r.dir()))
	}
	if err := atomicfile.ReadJSON(j.path(looksDir, r.name()+".json"), &f.look); err != nil {
		return nil, err
	}
	if err := atomicfile.ReadJSON(j.path(scoresDir, r.name(), "score.json"), &f.scores); err != nil {
		return nil, err
	}
	return f, j.readMaps(f)
}

// readMaps reads a run's explanations.
func (j *job) readMaps(f *finding) error {
	dir := j.path(explanationsDir, f.run.name())
	rows, err := pipeline.ReadManifest(dir)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Map == "" {
			continue // unreadable
		}
		image, err := filepath.Rel(f.trained.Images(), row.Image)
		if err != nil {
			return err
		}
		f.maps = append(f.maps, seen{row, filepath.ToSlash(image), filepath.Join(dir, filepath.FromSlash(row.Map))})
	}
	return nil
}

// grid reads a map; one that cannot be read is empty, and kept as f's error.
func (f *finding) grid(s seen) explain.Grid {
	shape, values, err := npy.Read(s.file)
	if err == nil && len(shape) != 2 {
		err = fmt.Errorf("map %s has %d dimensions, want 2", s.file, len(shape))
	}
	if err != nil {
		f.err = cmp.Or(f.err, err)
		return explain.Grid{}
	}
	return explain.Grid{Height: shape[0], Width: shape[1], Values: values}
}

// last is the last epoch of training.
func (f *finding) last() pipeline.EpochMetrics { return f.epochs[len(f.epochs)-1] }

// kept is the epoch whose weights were kept.
func (f *finding) kept() pipeline.EpochMetrics {
	i := slices.IndexFunc(f.epochs, func(m pipeline.EpochMetrics) bool { return m.Epoch == f.evaluation.Epoch })
	return f.epochs[max(i, 0)]
}

// explained lists the explanations by one method.
func (f *finding) explained(method string) []seen {
	return slices.DeleteFunc(slices.Clone(f.maps), func(s seen) bool { return s.Method != method })
}

// sample is a measure of one run.
type sample struct {
	value float64            // of the run; NaN: it cannot be told
	cases map[string]float64 // of each image or mosaic that could be judged; nil: the measure has none
}

// single is a measure of a run as a whole.
func single(v float64) sample { return sample{value: v} }

// perCase is a measure that is the mean over images.
func perCase(cases map[string]float64) sample {
	return sample{mean(values(cases)), cases}
}

// values lists a measure's cases in the order of their names.
func values(cases map[string]float64) []float64 {
	names := make([]string, 0, len(cases))
	for name := range cases {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make([]float64, len(names))
	for i, name := range names {
		out[i] = cases[name]
	}
	return out
}

// mean is NaN of nothing.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Clone(values)
	slices.SortFunc(v, cmp.Compare[float64])
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// scored is a metric of package score, image by image or mosaic by mosaic.
func (f *finding) scored(method, metric string) (sample, bool) {
	cell, err := f.scores.Table.Cell(method, metric)
	if err != nil || len(cell.Values) == 0 {
		return sample{}, false
	}
	cases := map[string]float64{}
	for i, v := range cell.Values {
		if !v.OK() {
			continue
		}
		// Mosaics are numbered; those of another split are others.
		name := fmt.Sprintf("mosaic %05d of %s", i, f.trained.Split.Hash)
		if metric != "focus" {
			name = f.scores.Images[i]
		}
		cases[name] = float64(v.Value)
	}
	return perCase(cases), len(cases) > 0
}

// intensity is the logarithm of a map's raw maximum, where it has one above 0.
func (f *finding) intensity(method string) sample {
	cases := map[string]float64{}
	for _, s := range f.explained(method) {
		if s.RawMax != nil && *s.RawMax > 0 {
			cases[s.image] = math.Log(float64(*s.RawMax))
		}
	}
	return perCase(cases)
}

// empty is 1 for maps that have nothing above 0, and 0 for others.
func (f *finding) empty(method string) sample {
	cases := map[string]float64{}
	for _, s := range f.explained(method) {
		cases[s.image] = 0
		if s.Status == string(explain.Empty) {
			cases[s.image] = 1
		}
	}
	return perCase(cases)
}

// likeness compares a run's maps with another's, image by image.
func (f *finding) likeness(other *finding, method string, height, width int, like func(a, b explain.Grid) score.Value) sample {
	theirs := map[string]seen{}
	for _, s := range other.explained(method) {
		theirs[s.image] = s
	}
	cases := map[string]float64{}
	for _, s := range f.explained(method) {
		o, ok := theirs[s.image]
		if !ok {
			continue
		}
		if v := like(f.grid(s).Resize(height, width), f.grid(o).Resize(height, width)); v.OK() {
			cases[s.image] = float64(v.Value)
		}
	}
	return perCase(cases)
}
