package maskrcnn

import (
	"context"

	"oscar/internal/graph"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Export writes the detector as a SavedModel. The signature serving_default follows TensorFlow's
// Object Detection API: detection_boxes [N,K,4] are y1, x1, y2, x2 relative to the input's sides,
// detection_classes [N,K] count from 1, and detection_masks [N,K,S,S] are relative to their boxes.
// All are floats. Unused entries have score 0.
//
// The signature explain takes image, and box [N,4] and class [N] as serving_default returns them. It
// returns map [N,h,w], the HiResCAM of the class in the fixed box at the named layer of the
// backbone, with logit [N] and probability [N].
func (d *Detector) Export(ctx context.Context, dir, layer string, meta savedmodel.Metadata) error {
	d.grow.Lock()
	defer d.grow.Unlock()
	g, f, s := d.net.Graph.In("serving"), d.found, d.Architecture.Input
	x1, y1, x2, y2 := corners(g, f.boxes)
	share := func(v tfmodel.Tensor, side int) tfmodel.Tensor { return g.Mul(v, g.Scalar(1/float32(side))) }
	boxes := stackBoxes(g, share(y1, s[0]), share(x1, s[1]), share(y2, s[0]), share(x2, s[1]))
	there := g.Cast(g.Greater(f.scores, g.Scalar(0)), graph.Float)
	signature := savedmodel.Signature{
		Inputs: map[string]tfmodel.Tensor{"image": d.image},
		Outputs: map[string]tfmodel.Tensor{
			"detection_boxes":   g.Identity("detection_boxes", boxes),
			"detection_classes": g.Identity("detection_classes", g.Add(g.Cast(f.classes, graph.Float), g.Scalar(1))),
			"detection_scores":  g.Identity("detection_scores", f.scores),
			"detection_masks":   g.Identity("detection_masks", f.masks),
			"num_detections":    g.Identity("num_detections", g.Sum(there, false, 1)),
		},
	}
	explained, err := d.explaining(layer)
	if err != nil {
		return err
	}
	if g.Err() != nil {
		return g.Err()
	}
	return savedmodel.Write(ctx, dir, savedmodel.Model{
		Graph: d.net.Graph, Session: d.session, Variables: d.variables, Saver: d.saver,
		Signatures: map[string]savedmodel.Signature{"serving_default": signature, "explain": explained}, Metadata: meta,
	})
}

// explaining adds the signature explain to the graph.
func (d *Detector) explaining(layer string) (savedmodel.Signature, error) {
	features, err := d.features(layer)
	if err != nil {
		return savedmodel.Signature{}, err
	}
	n := d.net.in("explaining")
	g, s := n.Graph, d.Architecture.Input
	box := g.Placeholder("box", graph.Float, tfmodel.Shape{-1, 4})
	class := g.Placeholder("class", graph.Float, tfmodel.Shape{-1})
	y1, x1, y2, x2 := corners(g, g.Reshape(box, tfmodel.Shape{-1, 1, 4}))
	pixels := func(v tfmodel.Tensor, side int) tfmodel.Tensor { return g.Mul(v, g.Scalar(float32(side))) }
	logits, _ := n.classify(n.poolRegions(d.levels, stackBoxes(g, pixels(x1, s[1]), pixels(y1, s[0]), pixels(x2, s[1]), pixels(y2, s[0])), n.BoxSize))
	own := g.OneHot(g.Cast(class, graph.Int32), n.Classes+1) // 0 is background
	logit := g.Sum(g.Mul(logits, own), false, 1)
	gradient := g.Grad(logit, features)[0]
	return savedmodel.Signature{
		Inputs: map[string]tfmodel.Tensor{"image": d.image, "box": box, "class": class},
		Outputs: map[string]tfmodel.Tensor{
			"map":         g.Identity("map", g.Sum(g.Mul(features, gradient), false, 3)), // Draelos, Carin 2020, arXiv:2011.08891
			"logit":       g.Identity("logit", logit),
			"probability": g.Identity("probability", g.Sum(g.Mul(g.Softmax(logits), own), false, 1)),
		},
	}, g.Err()
}
