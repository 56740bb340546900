package instance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/instance/maskrcnn"
	"oscar/methods"
	"oscar/result"
)

// methodDRISE is the name of D-RISE among the methods. D-RISE explains a detection through all
// proposals of the detector. The other methods explain the score of a class in a fixed box.
const methodDRISE = "d-rise"

// DefaultMethod is HiResCAM. Grad-CAM also marks other objects, because its weights are means over
// the whole picture.
const DefaultMethod = "hirescam"

// methodsOf reads a list of methods as methods.Parse does, also with [methodDRISE], and adds the
// layer of the backbone to each. "all" selects the methods that work with a detector.
func (r *Run) methodsOf(list, layer string) ([]methods.At, error) {
	var out []methods.At
	for _, item := range strings.Split(cmp.Or(list, DefaultMethod), ",") {
		if item == methodDRISE {
			out = append(out, methods.At{Method: methodDRISE, Layer: explain.Image})
			continue
		}
		some, err := methods.Parse(item)
		if err != nil {
			return nil, fmt.Errorf("%w; and %s for detectors", err, methodDRISE)
		}
		for _, at := range some {
			m, err := methods.Lookup(at.Method)
			if err != nil {
				return nil, err
			}
			switch rules := m.Needs&(explain.Propagates|explain.Guides) != 0; {
			case rules && item == result.AllMethods:
				continue
			case rules:
				return nil, fmt.Errorf("method %s needs rules for each layer, which a detector does not have", at.Method)
			case !m.UsesLayer() && at.Layer == "":
				at.Layer = explain.Image
			default:
				if at.Layer, err = r.Experiment.layer(cmp.Or(at.Layer, layer, r.Experiment.Explain)); err != nil {
					return nil, err
				}
			}
			out = append(out, at)
		}
	}
	seen := map[methods.At]bool{}
	for _, at := range out {
		if seen[at] {
			return nil, fmt.Errorf("method %s is named twice", at)
		}
		seen[at] = true
	}
	return out, nil
}

// explainers returns the explainers of a picture's objects: explainers[k][i] explains object k by
// method i. It runs D-RISE, if listed, for all objects at once. effort counts the runs of the
// detector.
func explainers(ctx context.Context, d *maskrcnn.Detector, images explain.Images, objects []object, list []methods.At, o explain.Options, effort *effort) ([][]explain.Explainer, error) {
	out := make([][]explain.Explainer, len(objects))
	for k, object := range objects {
		runner := d.At(images.Pixels, object.Box)
		for _, at := range list {
			if at.Method == methodDRISE {
				out[k] = append(out[k], nil) // computed below
				continue
			}
			passes, advance := 1, func(int, int) {}
			own := o
			own.Progress = func(done, total int) { advance(done, total) }
			e, err := methods.NewExplainer(methods.Model{Runner: runner}, []methods.At{at}, methods.Options{Options: own})
			if err != nil {
				return nil, err
			}
			if counter, ok := e.(explain.PassCounter); ok {
				passes = counter.Passes(images)
			}
			effort.expect(float64(passes))
			advance = effort.steps(float64(passes))
			out[k] = append(out[k], e)
		}
	}
	at := slices.IndexFunc(list, func(at methods.At) bool { return at.Method == methodDRISE })
	if at < 0 {
		return out, nil
	}
	var targets []explain.Proposal
	for _, object := range objects {
		p, err := d.At(images.Pixels, object.Box).Proposal(ctx)
		if err != nil {
			return nil, err
		}
		targets = append(targets, p)
	}
	drise := explain.DRISE{Model: d, Samples: o.Samples, Seed: o.Seed}
	effort.expect(float64(drise.Passes(images)))
	drise.Progress = effort.steps(float64(drise.Passes(images)))
	grids, err := drise.Explain(ctx, images, targets)
	if err != nil {
		return nil, err
	}
	for k, object := range objects {
		out[k][at] = precomputed{methodDRISE, d.At(images.Pixels, object.Box), grids[k]}
	}
	return out, nil
}

// precomputed is an explainer with a finished map. Its score is the class's probability in the box.
type precomputed struct {
	method string
	model  explain.Predictor
	grid   explain.Grid
}

// Explain implements [explain.Explainer] for one image.
func (g precomputed) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
	p, err := g.model.Predict(ctx, images)
	if err != nil {
		return nil, err
	}
	var out []explain.Attribution
	for i, target := range targets {
		out = append(out, explain.Attribution{
			Method: g.method, Layer: explain.Image, Target: target, Score: p.Probabilities[i][target], Status: explain.StatusOf(g.grid), Map: g.grid,
			Probabilities: p.Probabilities[i],
		})
	}
	return out, nil
}
