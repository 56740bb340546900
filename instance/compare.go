package instance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"oscar/instance/coco"
	"oscar/instance/maskrcnn"
	"oscar/instance/scene"
	"oscar/internal/checksum"
	"oscar/internal/named"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/result"
	"oscar/run"
)

// CompareOptions are the options of [Compare].
type CompareOptions struct {
	Models [2]string // runs or exported models of the same classes
	Data   string    // a folder of scenes; "": the first model's own
	Part   string    // of Data; "": the test part
	// Limits are the largest allowed values, by [result.DetectorLimitNames].
	Limits   map[string]float64
	Out      string // folder for the results: new, empty, or of the same options; "": write nothing
	Machine  run.Machine
	Listener run.Listener
}

// Comparison compares two detectors.
type Comparison = result.DetectorComparison

// changedDir is the folder of a comparison's pictures, within its results.
const changedDir = "changed"

var comparisonKind = resultdir.Kind{Mark: result.ComparisonFile, Early: []string{changedDir, result.CommandFile, checksum.File}}

// Compare compares two detectors on the same scenes: average precision (overall, by stratum and by
// class), and both answers for every object. If Out is set, Compare writes pictures and then
// comparison.json.
func Compare(ctx context.Context, o CompareOptions) (*Comparison, error) {
	if err := result.CheckLimits(result.DetectorLimitNames, o.Limits); err != nil {
		return nil, err
	}
	j := &comparing{CompareOptions: o, result: &Comparison{Format: 1, Task: Task, Least: minOutcomeScore, Draws: bootstrapDraws, Shown: []result.ShownObject{}}}
	if err := j.open(ctx); err != nil {
		return nil, err
	}
	if o.Out == "" {
		return j.result, j.compare(ctx)
	}
	dir, err := resultdir.Open(o.Out, comparisonKind)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if dir.Resumed {
		return j.reopen()
	}
	if err := clear(o.Out, comparisonKind); err != nil {
		return nil, err
	}
	if err = j.compare(ctx); err == nil {
		err = j.write(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, clear(o.Out, comparisonKind))
	}
	return j.result, nil
}

// comparing is a running Compare.
type comparing struct {
	CompareOptions
	runs   [2]*Run
	set    *scene.Set
	result *Comparison
	found  [2][]coco.Result
	shown  [][2]*coco.Result // the matched detections of ByObject
}

// open reads both models without weights, and the scenes.
func (j *comparing) open(ctx context.Context) error {
	c := j.result
	for i, path := range j.Models {
		r, err := openModel(path)
		if err != nil {
			return err
		}
		j.runs[i] = r
		m := &c.Models[i]
		m.Path, m.Name = path, r.Experiment.Detector.Name
		prefix, epoch, err := r.best()
		if err != nil {
			return err
		}
		m.Epoch = epoch
		if m.Fingerprint, err = r.fingerprint(prefix); err != nil {
			return err
		}
		if m.Parameters, err = r.Experiment.Detector.Parameters(); err != nil {
			return err
		}
	}
	root, err := j.runs[0].scenes(j.Data)
	if err != nil {
		return err
	}
	part := cmp.Or(j.Part, scene.Test)
	if err := named.Check("part", part, scene.Parts); err != nil {
		return err
	}
	if j.set, err = scene.Open(ctx, root, part); err != nil {
		return err
	}
	for i, r := range j.runs {
		if !sameNames(r.Experiment.Data.Classes, j.set.Classes) {
			return fmt.Errorf("%s has the classes %s, the scenes %s", j.Models[i], strings.Join(r.Experiment.Data.Classes, ", "), strings.Join(j.set.Classes, ", "))
		}
		for _, seen := range []struct{ part, text string }{
			{scene.Train, "%s was trained with these scenes"}, {scene.Validation, "the epoch of %s was chosen by these scenes"},
		} {
			if r.Experiment.Data.SHA256[seen.part] == j.set.SHA256 {
				c.Notes = append(c.Notes, fmt.Sprintf(seen.text, j.Models[i]))
			}
		}
	}
	j.Listener.Note(c.Notes...)
	c.Data, c.Part, c.SHA256, c.Classes, c.Images = paths.Absolute(root), part, j.set.SHA256, j.set.Classes, len(j.set.Scenes)
	return nil
}

// sameNames reports whether two lists have the same names, in any order.
func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// reopen returns the comparison in Out, or an error if it has other models or scenes.
func (j *comparing) reopen() (*Comparison, error) {
	if !result.IsOfDetector(j.Out, result.ComparisonFile) {
		return nil, fmt.Errorf("%s holds another comparison; name a new folder", j.Out)
	}
	c, err := result.ReadDetectorComparison(j.Out)
	if err != nil {
		return nil, err
	}
	same := c.Part == j.result.Part && c.Data == j.result.Data && c.SHA256 == j.result.SHA256
	for i, m := range c.Models {
		same = same && m.Path == j.Models[i] && m.Fingerprint == j.result.Models[i].Fingerprint
	}
	if !same {
		return nil, fmt.Errorf("%s holds another comparison; name a new folder", j.Out)
	}
	c.SetLimits(j.Limits)
	return c, checksum.UpdateUnlisted(j.Out, result.ComparisonFile)
}

// compare runs both detectors and computes the figures.
func (j *comparing) compare(ctx context.Context) (err error) {
	for i := range j.runs {
		if err := j.detect(ctx, i); err != nil {
			return err
		}
	}
	c, truth := j.result, j.set.Truth
	j.Listener.Stage("drawing samples of the scenes")
	all, err := coco.Compare(truth, j.found, coco.Masks, nil, bootstrapDraws, 1)
	if err != nil {
		return err
	}
	boxes, err := coco.Compare(truth, j.found, coco.Boxes, nil, bootstrapDraws, 1)
	if err != nil {
		return err
	}
	c.Figures = []result.ComparedFigure{figure("mask_ap", "AP of masks", all[0]), figure("box_ap", "AP of boxes", boxes[0])}
	c.Objects = all[0].Objects
	for _, one := range all[1:] {
		c.PerClass = append(c.PerClass, result.ComparedSubset{Objects: one.Objects, ComparedFigure: figure(one.Class, one.Class, one)})
	}
	lies := stratumOf(truth)
	for _, name := range []string{apart, otherClass, sameClass} {
		if ctx.Err() != nil {
			return run.ErrInterrupted
		}
		some, err := coco.Compare(truth, j.found, coco.Masks, func(a coco.Annotation) bool { return lies[a.ID] == name }, bootstrapDraws, 1)
		if err != nil {
			return err
		}
		c.Strata = append(c.Strata, result.ComparedSubset{Objects: some[0].Objects, ComparedFigure: figure(name, name, some[0])})
	}
	if err := j.answers(); err != nil {
		return err
	}
	c.SetLimits(j.Limits)
	return nil
}

// detect runs one detector on the scenes. It matches classes by name.
func (j *comparing) detect(ctx context.Context, i int) error {
	r := j.runs[i]
	prefix, _, err := r.best()
	if err != nil {
		return err
	}
	d, err := maskrcnn.NewDetector(context.WithoutCancel(ctx), r.Experiment.Detector, prefix, config(j.Machine))
	if err != nil {
		return err
	}
	defer d.Close()
	j.Listener.Stage("detecting by " + string("AB"[i]))
	own := *j.set
	own.Classes = r.Experiment.Data.Classes
	if j.found[i], err = detect(ctx, d, &own, j.Machine, j.Listener); err != nil {
		return err
	}
	m := &j.result.Models[i]
	m.Detections = len(j.found[i])
	if m.Boxes, err = coco.Evaluate(own.Truth, j.found[i], coco.Boxes); err != nil {
		return err
	}
	m.Masks, err = coco.Evaluate(own.Truth, j.found[i], coco.Masks)
	return err
}

// figure returns an AP of both models with the difference.
func figure(name, title string, p coco.Paired) result.ComparedFigure {
	f := result.ComparedFigure{
		Name: name, Title: title, Better: "higher", Values: [2]result.Number{number(p.AP[0]), number(p.AP[1])},
		Low: result.Number(p.Interval[0]), High: result.Number(p.Interval[1]),
	}
	f.Difference = f.Values[1] - f.Values[0]
	return f
}

// number returns an AP as a number, NaN if it was not measured.
func number(ap float64) result.Number {
	if ap < 0 {
		return result.Unmeasured
	}
	return result.Number(ap)
}
