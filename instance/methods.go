package instance

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"oscar/explain"
	"oscar/instance/maskrcnn"
	"oscar/methods"
	"oscar/result"
)

// methodDRISE is the name of D-RISE among the methods. It explains a detection by all proposals of
// the detector, the others the score of a class in a fixed box.
const methodDRISE = "d-rise"

// DefaultMethod is HiResCAM. Grad-CAM also marks other objects, since its weights are means
// over the whole picture.
const DefaultMethod = "hirescam"

// methodsOf reads a list of methods as methods.Parse does, with [methodDRISE], and gives each its
// layer of the backbone. "all" are those for which a detector has what they need.
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
// method i. D-RISE is computed for all objects at once, and only if it is asked for.
func explainers(ctx context.Context, d *maskrcnn.Detector, images explain.Images, objects []object, list []methods.At, o explain.Options) ([][]explain.Explainer, error) {
	var drise []explain.Grid
	out := make([][]explain.Explainer, len(objects))
	for k, object := range objects {
		runner := d.At(images.Pixels, object.Box)
		for _, at := range list {
			if at.Method != methodDRISE {
				e, err := methods.NewExplainer(methods.Model{Runner: runner}, []methods.At{at}, methods.Options{Options: o})
				if err != nil {
					return nil, err
				}
				out[k] = append(out[k], e)
				continue
			}
			if drise == nil {
				var targets []explain.Proposal
				for _, of := range objects {
					p, err := d.At(images.Pixels, of.Box).Proposal(ctx)
					if err != nil {
						return nil, err
					}
					targets = append(targets, p)
				}
				var err error
				if drise, err = (explain.DRISE{Model: d, Samples: o.Samples, Seed: o.Seed}).Explain(ctx, images, targets); err != nil {
					return nil, err
				}
			}
			out[k] = append(out[k], given{methodDRISE, runner, drise[k]})
		}
	}
	return out, nil
}

// given is an explainer whose map is known. The score is the class's probability in the box.
type given struct {
	method string
	model  explain.Predictor
	grid   explain.Grid
}

// Explain implements [explain.Explainer] for one image.
func (g given) Explain(ctx context.Context, images explain.Images, targets []int) ([]explain.Attribution, error) {
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
