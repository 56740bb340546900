package instance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/explain"
	"oscar/instance/coco"
	"oscar/instance/maskrcnn"
	"oscar/instance/scene"
	"oscar/internal/checksum"
	"oscar/internal/named"
	"oscar/internal/resultdir"
	"oscar/methods"
	"oscar/result"
	"oscar/run"
	"oscar/score"
)

// ScoreOptions are the options of [Score].
type ScoreOptions struct {
	Run      string
	Paths    []string // pictures, folders of them, or one folder of scenes; none: the run's own
	Part     string   // of scenes; "": the test part
	Out      string
	Method   string        // see [ExplainOptions]
	Layer    string        // see [ExplainOptions]
	Score    explain.Score // see [ExplainOptions]
	Metrics  []string      // none: deletion and insertion
	Follow   string        // see CheckFollow; "": FollowProbability
	PerClass int           // the maximum number of objects of each predicted class
	Samples  int
	Seed     uint64
	Least    float64 // the minimum score of a detection
	Batch    int     // pictures in a run of the detector
	Machine  run.Machine
	Listener run.Listener
}

// curveSteps is the number of steps of a deletion or insertion curve. It is half of a classifier's,
// because each object of a picture has its own curve.
const curveSteps = 16

var scoreKind = resultdir.Kind{Mark: result.ScoreFile, Early: []string{result.ScoringFile, result.CommandFile, checksum.File}}

// Score scores explanations of detected objects. It changes pixels of the picture and follows the
// probability of the class in the fixed box, or the similarity of the most similar proposal. The
// controls are the box and the predicted mask (both highest in the middle), noise, noise as coarse
// as the maps, and an edge detector. Intervals are over pictures. If Out has the complete scores of
// the same call, Score returns them.
func Score(ctx context.Context, o ScoreOptions) (_ *result.ObjectScores, err error) {
	metrics, err := metricsOf(o.Metrics)
	if err != nil {
		return nil, err
	}
	o.Follow = cmp.Or(o.Follow, FollowProbability)
	if err := CheckFollow(o.Follow); err != nil {
		return nil, err
	}
	if o.PerClass < 1 {
		return nil, fmt.Errorf("per-class is %d, want at least 1", o.PerClass)
	}
	if err := named.Check("part", cmp.Or(o.Part, scene.Test), scene.Parts); err != nil {
		return nil, err
	}
	r, d, epoch, err := open(ctx, o.Run, o.Machine)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	list, err := r.methodsOf(o.Method, o.Layer)
	if err != nil {
		return nil, err
	}
	paths := o.Paths
	if len(paths) == 0 {
		root, err := r.scenes("")
		if err != nil {
			return nil, err
		}
		paths = []string{root}
	}
	all, _, err := r.pictures(ctx, paths, o.Part)
	if err != nil {
		return nil, err
	}
	var drawn pictures
	for _, i := range dataset.Order(len(all), o.Seed, 0) {
		drawn = append(drawn, all[i])
	}
	folder, err := resultdir.Open(o.Out, scoreKind)
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, folder, &err)
	s := &scoring{ScoreOptions: o, detector: d, methods: list, taken: map[int]int{}, classes: r.Experiment.Data.Classes}
	for _, m := range metrics {
		s.metrics = append(s.metrics, m.Name)
	}
	settings, err := r.settings(epoch, ExplainOptions{Method: o.Method, Layer: o.Layer, Score: o.Score, Samples: o.Samples, Seed: o.Seed, Least: o.Least, Machine: o.Machine}, all)
	if err != nil {
		return nil, err
	}
	if folder.Resumed {
		return s.finished(settings)
	}
	if err := clear(o.Out, scoreKind); err != nil {
		return nil, err
	}
	if err := checksum.WriteJSON(o.Out, result.ScoringFile, settings); err != nil {
		return nil, err
	}
	o.Listener.Stage("scoring")
	err = drawn.each(ctx, d, o.Machine, run.Listener{}, func(e entry, p picture, found []maskrcnn.Detection) error {
		return s.picture(ctx, e.image, p, found)
	}, func(path string, err error) { o.Listener.Note(fmt.Sprintf("left out: %s: %v", path, err)) })
	if err == nil && len(s.objects) == 0 {
		err = fmt.Errorf("no detection on %d pictures has a score of %g or more", len(drawn), o.Least)
	}
	if err != nil {
		return nil, errors.Join(err, clear(o.Out, scoreKind))
	}
	out := &result.ObjectScores{Format: 1, Task: Task, Settings: settings, Metrics: s.metrics, Follow: o.Follow, PerClass: o.PerClass, Objects: s.objects}
	table := score.Table{Metrics: metrics, Rows: s.rows, Images: s.pictures, Seed: o.Seed, Settings: s.settings()}
	if out.Table, err = score.Clustered(table, s.cluster); err != nil {
		return nil, err
	}
	return out, checksum.WriteJSON(o.Out, result.ScoreFile, out)
}

// metricsOf looks up metrics. Metrics that need masks, mosaics or a randomized model are errors.
func metricsOf(names []string) (list []score.Metric, err error) {
	if len(names) == 0 {
		names = []string{"deletion", "insertion"}
	}
	for i, name := range names {
		m, err := score.Lookup(name)
		switch {
		case err != nil:
			return nil, err
		case slices.Contains(names[:i], name):
			return nil, fmt.Errorf("metric %s is named twice", name)
		case m.Needs&^(score.NeedsModel|score.NeedsExplainer) != 0:
			return nil, fmt.Errorf("metric %s needs %s, which objects of a detector do not have; oscar explain prints the share of the heat on each object's mask", name, m.Needs)
		}
		list = append(list, m)
	}
	return list, nil
}

// scoring is a running Score.
type scoring struct {
	ScoreOptions
	detector *maskrcnn.Detector
	methods  []methods.At
	metrics  []string
	classes  []string
	taken    map[int]int // objects by class
	objects  []result.ScoredObject
	cluster  []int // the picture of each object
	pictures int
	rows     []score.Row
}

func (s *scoring) settings() score.Settings {
	return score.Settings{Deletion: score.Deletion{Steps: curveSteps}, Insertion: score.Insertion{Steps: curveSteps}}
}

// picture scores the objects of one picture, at most PerClass of each class.
func (s *scoring) picture(ctx context.Context, m coco.Image, p picture, found []maskrcnn.Detection) error {
	var some []object
	var numbers []int
	for k, o := range objectsOf(found, p, s.Least) {
		if s.taken[o.Class] < s.PerClass {
			s.taken[o.Class]++
			some, numbers = append(some, o), append(numbers, k+1)
		}
	}
	if len(some) == 0 {
		return nil
	}
	input := s.detector.Architecture.Input
	images := explain.Images{N: 1, Height: input[0], Width: input[1], Channels: 3, Pixels: p.floats()}
	before := float64(len(s.objects))
	effort := &effort{share: func(done float64) {
		s.Listener.Count(int(1000*(before+done*float64(len(some)))), 1000*s.PerClass*len(s.classes))
	}}
	judged := len(s.methods) + len(s.controls(nil, some[0], input))
	effort.expect(float64(len(some) * judged * score.Options{Metrics: s.metrics}.Tests(0, 0) * curveSteps))
	of, err := explainers(ctx, s.detector, images, some, s.methods, explain.Options{Score: s.Score, Samples: s.Samples, Seed: s.Seed}, effort)
	if err != nil {
		return fmt.Errorf("%s: %w", m.FileName, err)
	}
	tests := effort.steps(curveSteps)
	for k, o := range some {
		model := s.detector.At(images.Pixels, o.Box)
		var followed explain.Predictor = model
		if s.Follow == followSimilarity {
			if followed, err = newSimilar(ctx, s.detector, images, o.Box); err != nil {
				return err
			}
		}
		e := score.Evaluation{Model: followed, Metrics: s.metrics, Settings: s.settings(), Batch: s.Batch, Seed: s.Seed, Controls: s.controls(model, o, input)}
		e.Progress = func(p score.Progress) { tests(p.Done, p.Total) }
		for i, at := range s.methods {
			e.Methods = append(e.Methods, score.Method{Name: strings.TrimSuffix(at.String(), "@"+explain.Image), Explainer: of[k][i]})
		}
		t, err := e.Run(ctx, score.Parts(score.Cases{Images: images, Targets: []int{o.Class}}))
		if err != nil {
			if ctx.Err() != nil {
				return run.ErrInterrupted
			}
			return fmt.Errorf("%s, object %d: %w", m.FileName, numbers[k], err)
		}
		s.add(t)
		s.objects = append(s.objects, result.ScoredObject{Image: m.FileName, Object: numbers[k], Class: s.classes[o.Class], Detection: o.Score, Box: o.result.Box})
		s.cluster = append(s.cluster, s.pictures)
	}
	s.pictures++
	return nil
}

// add appends the values of an object.
func (s *scoring) add(t score.Table) {
	if s.rows == nil {
		for _, row := range t.Rows {
			s.rows = append(s.rows, score.Row{Method: row.Method, Control: row.Control, Cells: make([]score.Cell, len(s.metrics))})
		}
	}
	for i, row := range t.Rows {
		for k := range s.metrics {
			cell := &s.rows[i].Cells[k]
			cell.Values = append(cell.Values, row.Cells[k].Values...)
		}
	}
}

// controls returns the explainers that a method should beat.
func (s *scoring) controls(model explain.Predictor, o object, input []int) []score.Method {
	height, width := input[0], input[1]
	mask := o.Detection.Paste(height, width, maskrcnn.Place{Wide: 1, High: 1}).Pixels()
	list := []score.Method{
		{Name: "the box itself", Explainer: precomputed{"box", model, boxMap(o.Box, height, width)}},
		{Name: "the mask itself", Explainer: precomputed{"mask", model, maskMap(mask, height, width)}},
	}
	for _, at := range s.methods {
		if side := s.detector.Side(at.Layer); at.Layer != explain.Image && side > 0 {
			list = append(list, score.Method{Name: "random-coarse", Explainer: score.RandomMap{Seed: s.Seed, Cells: side}})
			break
		}
	}
	return append(list, score.Controls(s.Seed)...)
}

// boxMap returns a map that falls from 1 in the middle of a box to 0 on its border.
func boxMap(b maskrcnn.Box, height, width int) explain.Grid {
	g := explain.NewGrid(height, width)
	for i := range g.Values {
		x, y := float32(i%width)+0.5, float32(i/width)+0.5
		dx, dy := 2*(x-(b[0]+b[2])/2)/max(1, b[2]-b[0]), 2*(y-(b[1]+b[3])/2)/max(1, b[3]-b[1])
		g.Values[i] = 1 - max(dx, -dx, dy, -dy)
	}
	return g
}

// maskMap returns each pixel's distance from the border of a mask in pixels, positive inside and
// negative outside. A diagonal step counts as 1.
func maskMap(mask []uint8, height, width int) explain.Grid {
	inside, outside := distances(mask, height, width, 1), distances(mask, height, width, 0)
	g := explain.NewGrid(height, width)
	for i := range g.Values {
		g.Values[i] = float32(inside[i] - outside[i])
	}
	return g
}

// distances returns the distance of each pixel of a kind to the nearest pixel of the other kind.
// Pixels of the other kind have 0.
func distances(mask []uint8, height, width int, kind uint8) []int {
	far := height + width
	d := make([]int, len(mask))
	for i, v := range mask {
		if v == kind {
			d[i] = far
		}
	}
	near := func(y, x int) int {
		if y < 0 || x < 0 || y >= height || x >= width {
			return far
		}
		return d[y*width+x]
	}
	for y := range height {
		for x := range width {
			d[y*width+x] = min(d[y*width+x], 1+min(near(y-1, x-1), near(y-1, x), near(y-1, x+1), near(y, x-1)))
		}
	}
	for y := height - 1; y >= 0; y-- {
		for x := width - 1; x >= 0; x-- {
			d[y*width+x] = min(d[y*width+x], 1+min(near(y+1, x-1), near(y+1, x), near(y+1, x+1), near(y, x+1)))
		}
	}
	return d
}
