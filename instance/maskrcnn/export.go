package maskrcnn

import (
	"context"

	"oscar/internal/graph"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// Export writes the detector as a SavedModel. Its signature serving_default has the names
// and conventions of TensorFlow's Object Detection API: detection_boxes [N,K,4] are y1, x1,
// y2, x2 as shares of the input's sides, detection_classes [N,K] count from 1,
// detection_masks [N,K,S,S] lie in their boxes, all as floats. Unused entries have the
// score 0.
func (d *Detector) Export(ctx context.Context, dir string, meta savedmodel.Metadata) error {
	d.grow.Lock()
	defer d.grow.Unlock()
	g, f, s := d.net.Graph.In("serving"), d.found, d.Architecture.Input
	x1, y1, x2, y2 := corners(g, f.boxes)
	share := func(v tfmodel.Tensor, side int) tfmodel.Tensor { return g.Mul(v, g.Scalar(1/float32(side))) }
	boxes := joined(g, share(y1, s[0]), share(x1, s[1]), share(y2, s[0]), share(x2, s[1]))
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
	if g.Err() != nil {
		return g.Err()
	}
	return savedmodel.Write(ctx, dir, savedmodel.Model{
		Graph: d.net.Graph, Session: d.session, Variables: d.variables, Saver: d.saver,
		Signatures: map[string]savedmodel.Signature{"serving_default": signature}, Metadata: meta,
	})
}
