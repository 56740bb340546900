package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/checksum"
	"oscar/internal/named"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/methods"
	"oscar/metric"
	"oscar/result"
	"oscar/savedmodel"
)

// CompareOptions are the options of [Compare].
type CompareOptions struct {
	Models [2]string // runs or SavedModels of the same classes
	Data   string    // folder of images below folders named as classes; empty: the first model's own
	Part   string    // part of the first model's split, or "all" for every image below Data
	Method string    // method that explains, such as "gradcam" or "gradcam@conv2"
	Images int       // the maximum number of images to explain, spread evenly; 0: all
	// Limits are the largest allowed values, by [result.LimitNames].
	Limits   map[string]float64
	Out      string // folder for the results: new, empty, or of the same options; empty: write nothing
	Machine  Machine
	Listener Listener
}

// Check returns an error for options that are wrong for all models.
func (o CompareOptions) Check() error {
	if err := cmp.Or(named.Check("split part", o.Part, dataset.PartNames), o.Machine.Check()); err != nil {
		return err
	}
	if o.Images < 0 {
		return fmt.Errorf("images is %d, want 0 or more", o.Images)
	}
	return result.CheckLimits(result.LimitNames, o.Limits)
}

const (
	compareBatch = 16
	shownChanges = 12        // images with pictures
	changesDir   = "changed" // the pictures, in the folder of results
	overlaySide  = 560       // the longer side of a picture, in pixels
)

// Compare compares two models on the same images: accuracy, loss and F1, predictions, and
// explanations. For each image both explain the same class: the true one, or if it is unknown the
// one that the first model predicts. Nothing is trained. If Out is set, Compare writes pictures and
// then comparison.json.
func Compare(ctx context.Context, o CompareOptions) (*result.Comparison, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Out == "" {
		return o.compare(ctx)
	}
	dir, err := resultdir.Open(o.Out, resultdir.Kind{Mark: result.ComparisonFile, Early: []string{changesDir, result.CommandFile, checksum.File}})
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if dir.Resumed {
		return o.reopen()
	}
	if err := os.RemoveAll(filepath.Join(o.Out, changesDir)); err != nil { // left by a call that was killed
		return nil, err
	}
	c, err := o.compare(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("%w; nothing was written", ErrInterrupted)
	}
	return c, err
}

// reopen returns the comparison in Out if it was made with the same options.
func (o CompareOptions) reopen() (*result.Comparison, error) {
	c, err := result.ReadComparison(o.Out)
	if err != nil {
		return nil, err
	}
	same := c.Part == o.Part && c.Drift.Asked == o.Method && c.Drift.Most == o.Images && (o.Data == "" || paths.Absolute(o.Data) == c.Data)
	for i, path := range o.Models {
		now, err := fingerprint(path)
		if err != nil {
			return nil, err
		}
		same = same && c.Models[i].Path == path && c.Models[i].Fingerprint == now
	}
	if !same {
		return nil, fmt.Errorf("%s holds another comparison; name a new folder", o.Out)
	}
	c.SetLimits(o.Limits)
	return c, checksum.UpdateUnlisted(o.Out, result.ComparisonFile)
}

func (o CompareOptions) compare(ctx context.Context) (*result.Comparison, error) {
	j := &comparing{CompareOptions: o, result: &result.Comparison{Format: 1, Part: o.Part}}
	defer j.close()
	if err := j.open(ctx); err != nil {
		return nil, err
	}
	if err := j.run(ctx); err != nil {
		return nil, err
	}
	c := j.result
	for i := range c.Models {
		conclude(c.Models[i].Evaluation)
	}
	c.Conclude()
	c.SetLimits(o.Limits)
	if o.Out == "" {
		return c, nil
	}
	if err := j.draw(ctx); err != nil {
		return nil, err
	}
	if err := result.RecordCommand(ctx, o.Out); err != nil {
		return nil, err
	}
	files, err := checksum.Tree(o.Out)
	if err != nil {
		return nil, err
	}
	if err := checksum.Update(o.Out, files...); err != nil {
		return nil, err
	}
	return c, checksum.WriteJSON(o.Out, result.ComparisonFile, c)
}

// comparing is the state of a [Compare].
type comparing struct {
	CompareOptions
	sides    [2]side
	part     part
	explains map[string]bool // the images to explain; nil: all
	result   *result.Comparison
	last     explain.Grid // the first model's map of the previous image
	chance   []float64
}

// side is one of the two models to compare.
type side struct {
	bundle    *savedmodel.Bundle
	explainer explain.Explainer
	method    methods.Method
	classes   []int // the model's index of each of the first model's classes
}

func (j *comparing) close() {
	for _, s := range j.sides {
		if s.bundle != nil {
			s.bundle.Close()
		}
	}
}

// byDefault returns the default method, which both models must support.
func (j *comparing) byDefault() string {
	a, b := methods.Default(j.sides[0].bundle, ""), methods.Default(j.sides[1].bundle, "")
	if a == b || j.sides[0].bundle.Metadata.Explain == "" && j.sides[1].bundle.Metadata.Explain != "" {
		return a
	}
	if j.sides[0].bundle.Metadata.Explain != "" {
		return b
	}
	return "occlusion"
}

// open opens both models and finds the images.
func (j *comparing) open(ctx context.Context) error {
	settings := DefaultSettings()
	settings.Method = j.Method
	for i, path := range j.Models {
		s := &j.sides[i]
		var err error
		if s.bundle, err = Open(path, j.Machine.Config(settings.Precision)); err != nil {
			return err
		}
		if err := refuseSeveral(&s.bundle.Metadata, "compare"); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if s.classes, err = sameClasses(j.Models, j.sides[0].bundle.Metadata.Classes, s.bundle.Metadata.Classes); err != nil {
			return err
		}
	}
	if settings.Method == "" {
		settings.Method = j.byDefault()
	}
	for i, path := range j.Models {
		s := &j.sides[i]
		list, err := methods.Of(settings, s.bundle)
		if err == nil && len(list) != 1 {
			err = fmt.Errorf("%q names %d methods and layers, want one", j.Method, len(list))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if s.method, err = methods.Lookup(list[0].Method); err != nil {
			return err
		}
		if s.explainer, err = methods.NewExplainer(methods.Model{Bundle: s.bundle}, list, explainerOptions(settings, nil)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		m := &j.result.Models[i]
		m.Path, m.Name, m.Parameters = path, s.bundle.Metadata.Model, s.bundle.Metadata.Parameters
		if m.Fingerprint, err = fingerprint(path); err != nil {
			return err
		}
		m.Layer = list[0].Layer
		m.Evaluation = &Evaluation{Part: j.Part, Confusion: metric.NewConfusion(j.sides[0].bundle.Metadata.Classes)}
		if r, err := (EvaluateOptions{Model: path}).run(); err == nil {
			if t, err := result.ReadTraining(r.Dir); err == nil {
				m.Epochs = t.Epochs
			}
		}
	}
	j.result.Classes = j.sides[0].bundle.Metadata.Classes
	j.result.Drift.Method, j.result.Drift.Asked, j.result.Drift.Most = j.sides[0].method.Name, j.Method, j.Images
	var err error
	if j.part, err = (EvaluateOptions{Model: j.Models[0], Data: j.Data, Part: j.Part, Machine: j.Machine}).part(ctx, j.sides[0].bundle); err != nil {
		return err
	}
	j.result.Data = paths.Absolute(j.part.root)
	j.note(j.part.notes...)
	for i, path := range j.Models {
		if i == 0 && j.Part != "all" {
			continue // the class in the split's own numbers
		}
		for _, note := range (EvaluateOptions{Model: path}).seen(j.part.items) {
			j.note(path + ": " + note)
		}
	}
	if n := len(j.part.items); j.Images > 0 && j.Images < n {
		j.explains = map[string]bool{}
		for k := range j.Images {
			j.explains[j.part.items[k*n/j.Images].Path] = true
		}
	}
	return nil
}

func (j *comparing) note(texts ...string) {
	j.result.Notes = append(j.result.Notes, texts...)
	j.Listener.Note(texts...)
}

// sameClasses returns the index in other of each class. It returns an error if the two lists do not
// have the same names.
func sameClasses(models [2]string, classes, other []string) ([]int, error) {
	where := make([]int, len(classes))
	var missing []string
	for i, name := range classes {
		where[i] = slices.IndexFunc(other, func(o string) bool { return norm.NFC.String(o) == norm.NFC.String(name) })
		if where[i] < 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 || len(classes) != len(other) {
		return nil, fmt.Errorf("the models have different classes and cannot be compared: %s has %s, %s has %s",
			models[0], strings.Join(classes, ", "), models[1], strings.Join(other, ", "))
	}
	return where, nil
}

// run runs both models on all images.
func (j *comparing) run(ctx context.Context) error {
	j.Listener.Stage("comparing")
	j.last = explain.Grid{}
	var unreadable []dataset.Problem
	for begin := 0; begin < len(j.part.items); begin += compareBatch {
		items := j.part.items[begin:min(begin+compareBatch, len(j.part.items))]
		read, problems, err := j.read(ctx, items)
		if err != nil {
			return err
		}
		unreadable = append(unreadable, problems...)
		if len(read) > 0 {
			if err := j.batch(ctx, read); err != nil {
				return err
			}
		}
		j.Listener.Count(begin+len(items), len(j.part.items))
	}
	unreadable = append(slices.Clone(j.part.unreadable), unreadable...)
	j.result.Unreadable = len(unreadable)
	j.note(dataset.LeftOut(unreadable)...)
	if len(j.result.ByImage) == 0 {
		return fmt.Errorf("none of the %d images of %s could be read and predicted by both models", len(j.part.items), j.part.root)
	}
	for i, m := range j.result.Models {
		if n := m.Evaluation.NotFinite; n > 0 {
			j.note(fmt.Sprintf("%s: %d images have no finite prediction; the figures are of the others", j.Models[i], n))
		}
	}
	mean, _, _ := metric.Student95(j.chance)
	j.result.Drift.Chance = result.Number(mean)
	return nil
}
