package maskrcnn

import (
	"context"
	"fmt"

	"oscar/explain"
	"oscar/internal/graph"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// fixed has the class predictions for one fixed box in each image.
type fixed struct {
	box           tfmodel.Tensor // [N,1,4]
	logits, probs tfmodel.Tensor // [N,classes], without background
	class         tfmodel.Tensor // int64 [N], the explained class
}

func (n network) fix(levels []tfmodel.Tensor) (f fixed) {
	f.box = n.Placeholder("box", graph.Float, tfmodel.Shape{-1, 1, 4})
	logits, _ := n.classify(n.poolRegions(levels, f.box, n.BoxSize))
	f.logits, f.probs = n.ofClasses(logits), n.ofClasses(n.Softmax(logits))
	f.class = n.Placeholder("class", graph.Int64, tfmodel.Shape{-1})
	return f
}

type tapKey struct {
	layer string
	score explain.Score
}

// At is the classifier of a fixed box of a picture: the box head's prediction for this region. The
// box and its pyramid level are constants. It is an explain.Predictor, Differentiator and Head.
type At struct {
	detector *Detector
	box      Box
	pixels   []float32
}

// At returns the classifier of a box. pixels are the picture's; only Proposal uses them.
func (d *Detector) At(pixels []float32, box Box) *At { return &At{d, box, pixels} }

// feeds returns the graph's inputs: images, and the box for each of them.
func (a *At) feeds(images explain.Images) ([]graph.Feed, error) {
	s := a.detector.Architecture.Input
	if images.Height != s[0] || images.Width != s[1] || images.Channels != s[2] {
		return nil, fmt.Errorf("images are %dx%dx%d (height, width, channels), the detector takes %v", images.Height, images.Width, images.Channels, s)
	}
	feed, n, err := a.detector.feed(images.Pixels)
	return append([]graph.Feed{feed}, a.boxes(n)), err
}

func (a *At) boxes(n int) graph.Feed {
	boxes := make([]float32, 0, 4*n)
	for range n {
		boxes = append(boxes, a.box[:]...)
	}
	return graph.Feed{To: a.detector.fixed.box, Value: graph.FromFloat32s(tfmodel.Shape{n, 1, 4}, boxes)}
}

// Predict returns logits and probabilities of the classes. The probabilities and that of background
// sum to 1.
func (a *At) Predict(ctx context.Context, images explain.Images) (explain.Prediction, error) {
	feeds, err := a.feeds(images)
	if err != nil {
		return explain.Prediction{}, err
	}
	return a.predict(ctx, feeds)
}

func (a *At) predict(ctx context.Context, feeds []graph.Feed) (explain.Prediction, error) {
	f := a.detector.fixed
	out, err := a.detector.session.Run(ctx, feeds, []tfmodel.Tensor{f.logits, f.probs})
	if err != nil {
		return explain.Prediction{}, err
	}
	return explain.Prediction{Logits: out[0].Rows(), Probabilities: out[1].Rows()}, nil
}

// PredictFrom predicts from replaced activations of a layer. Finer levels keep the image's
// activations.
func (a *At) PredictFrom(ctx context.Context, image explain.Images, layer string, activations []explain.Volume) (explain.Prediction, error) {
	features, err := a.detector.features(layer)
	if err != nil {
		return explain.Prediction{}, err
	}
	shape := append(tfmodel.Shape{len(activations)}, features.Shape()[1:]...)
	var flat, pixels []float32
	for i, v := range activations {
		if v.Height != shape[1] || v.Width != shape[2] || v.Channels != shape[3] || len(v.Values) != v.Height*v.Width*v.Channels {
			return explain.Prediction{}, fmt.Errorf("activations %d are %dx%dx%d, layer %s gives %v", i, v.Height, v.Width, v.Channels, layer, shape[1:])
		}
		flat = append(flat, v.Values...)
		pixels = append(pixels, image.Pixels...)
	}
	feed, n, err := a.detector.feed(pixels)
	if err != nil {
		return explain.Prediction{}, err
	}
	return a.predict(ctx, []graph.Feed{feed, a.boxes(n), {To: features, Value: graph.FromFloat32s(shape, flat)}})
}

// Differentiate returns predictions, the activations of a layer, and the gradients of the class
// score with respect to these activations.
func (a *At) Differentiate(ctx context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	var none explain.Differential
	feeds, err := a.feeds(images)
	if err != nil {
		return none, err
	}
	f := a.detector.fixed
	classes, err := savedmodel.Targets(targets, images.N, a.detector.Architecture.Classes)
	if err != nil {
		return none, err
	}
	t, err := a.detector.tap(tapKey{layer, score})
	if err != nil {
		return none, err
	}
	return t.Run(ctx, a.detector.session, append(feeds, graph.Feed{To: f.class, Value: classes}), f.logits, f.probs)
}

// Layers returns the explainable layers: those of the backbone with a spatial output.
func (d *Detector) Layers() (names []string) {
	for i, name := range d.parts.backbone.Names() {
		if len(d.layers[i].Shape()) == 4 {
			names = append(names, name)
		}
	}
	return names
}

func (d *Detector) features(layer string) (tfmodel.Tensor, error) {
	if layer == explain.Image {
		return d.image, nil
	}
	i, _, err := d.parts.backbone.Layer(layer)
	if err != nil {
		return tfmodel.Tensor{}, err
	}
	return d.layers[i], nil
}

// tap returns the gradient of a score with respect to a layer. It adds each gradient to the graph
// only once.
func (d *Detector) tap(key tapKey) (savedmodel.Tap, error) {
	d.grow.Lock()
	defer d.grow.Unlock()
	if t, ok := d.taps[key]; ok {
		return t, nil
	}
	if _, err := explain.ParseScore(string(key.score)); err != nil {
		return savedmodel.Tap{}, err
	}
	features, err := d.features(key.layer)
	if err != nil {
		return savedmodel.Tap{}, err
	}
	g := d.net.Graph.In("explain")
	from := d.fixed.logits
	if key.score == explain.Probability {
		from = d.fixed.probs
	}
	t := savedmodel.NewTap(g, features, d.fixed.class, d.fixed.logits, from)
	if g.Err() != nil {
		return savedmodel.Tap{}, g.Err()
	}
	d.taps[key] = t
	return t, nil
}
