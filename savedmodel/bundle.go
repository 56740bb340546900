package savedmodel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"oscar/explain"
	"oscar/internal/graph"
)

// Bundle is an opened SavedModel. It is an [explain.Predictor] and an
// [explain.Differentiator] and may be used from several goroutines.
type Bundle struct {
	Metadata Metadata

	graph   *graph.Graph
	session *graph.Session
	image   graph.Tensor
	logits  graph.Tensor
	probs   graph.Tensor

	grow        sync.Mutex // guards graph, the operations added to it, and the fields below
	taps        map[tapKey]Tap
	bypasses    map[string]bool // whether a path avoids the layer, see bypassed
	class       graph.Tensor    // int64 [N], added with the first tap
	guided      func() error    // see CheckGuided, computed once
	assignments map[string]assignment
	explaining  map[string]explainingSignature // by signature name
}

var (
	_ explain.Predictor      = (*Bundle)(nil)
	_ explain.Differentiator = (*Bundle)(nil)
)

// tapKey identifies the operations of a kind of query.
type tapKey struct {
	layer  string
	score  explain.Score
	signal string // key of the [Signal]; "" for the gradient
}

// Open loads the SavedModel in dir and restores its variables. For an adopted model TensorFlow's
// optimizer is restricted, because it would fuse tensors that are fed and fetched.
func Open(dir string, config graph.Config) (*Bundle, error) {
	if _, err := os.Stat(filepath.Join(dir, "saved_model.pb")); err != nil {
		return nil, lacksGraph(dir)
	}
	meta, err := readMetadata(dir)
	if err != nil {
		return nil, err
	}
	if err := checkBeforeLoading(dir); err != nil {
		return nil, err
	}
	if meta.Origin != nil && config.Optimizer == graph.OptimizeAll {
		config.Optimizer = graph.KeepTensors
	}
	g, session, err := graph.Load(dir, "serve", config)
	if err != nil {
		if damaged := checkFiles(dir); damaged != nil { // this error names the file
			return nil, damaged
		}
		if _, _, damaged := Describe(dir); damaged != nil {
			return nil, damaged
		}
		return nil, fmt.Errorf("%w; its files may be damaged", plain(err))
	}
	b := &Bundle{Metadata: *meta, graph: g, session: session, taps: map[tapKey]Tap{}, bypasses: map[string]bool{}}
	if err := b.check(dir); err != nil {
		session.Close()
		return nil, err
	}
	b.findExplaining()
	b.guided = sync.OnceValue(func() error {
		b.grow.Lock()
		defer b.grow.Unlock()
		return graph.CheckGuided(b.logits, b.image)
	})
	return b, nil
}

// check finds the tensors that every model has. The metadata may have been edited, so check compares
// it with the graph. It also checks that there are weights, because the loader ignores missing ones.
func (b *Bundle) check(dir string) (err error) {
	for name, t := range map[string]*graph.Tensor{"image": &b.image, "logits": &b.logits, "probabilities": &b.probs} {
		if *t, err = b.graph.Tensor(name); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	index := filepath.Join(dir, weightsIndex)
	if _, err := os.Stat(index); err != nil && b.graph.Operations()["VarHandleOp"] > 0 {
		return fmt.Errorf("%s is missing: the model has no weights", index)
	}
	meta := filepath.Join(dir, MetadataFile)
	if got, want := len(b.Metadata.Classes), b.logits.Shape(); len(want) != 2 || got != want[1] {
		return fmt.Errorf("%s names %d classes, the model gives logits of %v", meta, got, want)
	}
	if got, want := b.Metadata.Image, b.image.Shape(); len(want) != 4 || got.Height != want[1] || got.Width != want[2] {
		return fmt.Errorf("%s says that images are %dx%d, the model takes %v", meta, got.Height, got.Width, want)
	}
	return nil
}

// Close frees the session.
func (b *Bundle) Close() error { return b.session.Close() }

// Runs returns how many session runs the model has started.
func (b *Bundle) Runs() int64 { return b.session.Runs() }

// Predict classifies images. They must have the size of Metadata.Image.
func (b *Bundle) Predict(ctx context.Context, images explain.Images) (explain.Prediction, error) {
	feed, err := b.feed(images)
	if err != nil {
		return explain.Prediction{}, err
	}
	out, err := b.session.Run(ctx, []graph.Feed{feed}, []graph.Tensor{b.logits, b.probs})
	if err != nil {
		return explain.Prediction{}, err
	}
	return explain.Prediction{Logits: out[0].Rows(), Probabilities: out[1].Rows()}, nil
}

// Differentiate returns predictions, the layer's activations, and the gradients of the class score
// with respect to these activations, in one session run. The activations are those of
// [Layer].Feature.
func (b *Bundle) Differentiate(ctx context.Context, images explain.Images, targets []int, layer string, score explain.Score) (explain.Differential, error) {
	return b.differentiate(ctx, images, targets, tapKey{layer: layer, score: score}, nil)
}

func (b *Bundle) differentiate(ctx context.Context, images explain.Images, targets []int, key tapKey, signal addSignal) (explain.Differential, error) {
	var none explain.Differential
	feed, err := b.feed(images)
	if err != nil {
		return none, err
	}
	classes, err := Targets(targets, images.N, len(b.Metadata.Classes))
	if err != nil {
		return none, err
	}
	t, err := b.tap(key, signal)
	if err != nil {
		return none, err
	}
	return t.Run(ctx, b.session, []graph.Feed{feed, {To: b.class, Value: classes}}, b.logits, b.probs)
}

// CheckLayer returns an error unless the layer is explainable. The error lists the explainable
// layers.
func (b *Bundle) CheckLayer(name string) error {
	_, err := b.Metadata.layer(name)
	return err
}

// features returns a layer's feature tensor. For [explain.Image] it is the input.
func (b *Bundle) features(name string) (graph.Tensor, error) {
	if name == explain.Image {
		return b.image, nil
	}
	layer, err := b.Metadata.layer(name)
	if err != nil {
		return graph.Tensor{}, err
	}
	t, err := b.graph.Tensor(layer.Feature)
	if err != nil {
		return graph.Tensor{}, fmt.Errorf("layer %s: %w", name, err)
	}
	if len(t.Shape()) != 4 {
		return graph.Tensor{}, fmt.Errorf("layer %s: its feature %s is %v in the graph, want [N,height,width,channels]", name, layer.Feature, t.Shape())
	}
	return t, nil
}

// PredictFrom classifies an image with other activations of a layer than its own. If all paths from
// the image lead through the layer, the image's values are not used.
func (b *Bundle) PredictFrom(ctx context.Context, image explain.Images, layer string, activations []explain.Volume) (explain.Prediction, error) {
	var none explain.Prediction
	features, err := b.features(layer)
	if err != nil {
		return none, err
	}
	shape := features.Shape()
	flat := make([]float32, 0, len(activations)*shape[1]*shape[2]*shape[3])
	for i, a := range activations {
		if a.Height != shape[1] || a.Width != shape[2] || a.Channels != shape[3] {
			return none, fmt.Errorf("activations %d are %dx%dx%d, layer %s gives %v", i, a.Height, a.Width, a.Channels, layer, shape[1:])
		}
		if len(a.Values) != a.Height*a.Width*a.Channels {
			return none, fmt.Errorf("activations %d hold %d values, want %dx%dx%d", i, len(a.Values), a.Height, a.Width, a.Channels)
		}
		flat = append(flat, a.Values...)
	}
	shape = append(graph.Shape{len(activations)}, shape[1:]...)
	feeds := []graph.Feed{{To: features, Value: graph.FromFloat32s(shape, flat)}}
	if b.bypassed(layer, features) {
		image.Pixels, image.N = slices.Repeat(image.Pixels, len(activations)), image.N*len(activations)
		feed, err := b.feed(image)
		if err != nil {
			return none, fmt.Errorf("layer %s is not the only path from the image: %w", layer, err)
		}
		feeds = append(feeds, feed)
	}
	out, err := b.session.Run(ctx, feeds, []graph.Tensor{b.logits, b.probs})
	if err != nil {
		return none, err
	}
	return explain.Prediction{Logits: out[0].Rows(), Probabilities: out[1].Rows()}, nil
}

// bypassed reports whether a path from the image to the logits avoids a layer.
func (b *Bundle) bypassed(layer string, features graph.Tensor) bool {
	b.grow.Lock()
	defer b.grow.Unlock()
	found, ok := b.bypasses[layer]
	if !ok {
		found = b.probs.Needs(b.image, features)
		b.bypasses[layer] = found
	}
	return found
}

// tap returns the operations of a key, and adds them to the graph if they do not exist. A nil signal
// means the gradient.
func (b *Bundle) tap(key tapKey, signal addSignal) (Tap, error) {
	b.grow.Lock()
	defer b.grow.Unlock()
	if t, ok := b.taps[key]; ok {
		return t, nil
	}
	if _, err := explain.ParseScore(string(key.score)); err != nil {
		return Tap{}, err
	}
	features, err := b.features(key.layer)
	if err != nil {
		return Tap{}, err
	}
	if err := b.Metadata.checkGradient(key.layer); err != nil {
		return Tap{}, err
	}
	g := b.graph.In("explain")
	if !b.class.Valid() {
		b.class = g.Placeholder("class", graph.Int64, graph.Shape{-1})
	}
	from := b.logits
	if key.score == explain.Probability {
		from = b.probs
	}
	var t Tap
	if signal == nil {
		t = NewTap(g, features, b.class, b.logits, from)
	} else {
		t = scoreTap(g, features, b.class, b.logits, from)
		if t.gradients, err = signal(g, t.target, key.layer, key.score); err != nil {
			return Tap{}, err
		}
	}
	if err := g.Err(); err != nil {
		return Tap{}, err
	}
	b.taps[key] = t
	return t, nil
}

// feed returns the input tensor of images. It checks their shape.
func (b *Bundle) feed(images explain.Images) (graph.Feed, error) {
	want := b.Metadata.Image
	if images.Height != want.Height || images.Width != want.Width || images.Channels != 3 {
		return graph.Feed{}, fmt.Errorf("images are %dx%dx%d (height, width, channels), the model takes %dx%dx3",
			images.Height, images.Width, images.Channels, want.Height, want.Width)
	}
	shape := graph.Shape{images.N, images.Height, images.Width, images.Channels}
	if images.N == 0 || shape.Elements() != len(images.Pixels) {
		return graph.Feed{}, fmt.Errorf("%d pixel values for images of shape %v", len(images.Pixels), []int(shape))
	}
	return graph.Feed{To: b.image, Value: graph.FromFloat32s(shape, images.Pixels)}, nil
}

// LayerShape returns the shape of a layer's output for one image.
func (b *Bundle) LayerShape(name string) (height, width, channels int, err error) {
	if name == explain.Image {
		return b.Metadata.Image.Height, b.Metadata.Image.Width, 3, nil
	}
	l, err := b.Metadata.layer(name)
	if err != nil {
		return 0, 0, 0, err
	}
	return l.Output[0], l.Output[1], l.Output[2], nil
}
