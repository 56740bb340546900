package foreign

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"oscar/dataset"
	"oscar/internal/checksum"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// Version increases when the output of [Adopt] changes.
const Version = 4

// Adopted is the result of [Adopt].
type Adopted struct {
	Metadata savedmodel.Metadata
	Notes    []string // for the user, one line each
}

// Adopt reads the SavedModel or frozen graph dir of any program and writes it to out as a model of
// oscar. The result has one graph with all functions inlined, which takes an image, 0..255, and
// returns logits, probabilities and class; the variables; and the metadata. If TensorFlow's loader
// can run the original, Adopt compares the outputs of both.
func Adopt(ctx context.Context, dir, out string, o Options) (*Adopted, error) {
	read := readModel
	if IsFrozen(dir) {
		read = func(path string) (*Model, error) { return readFrozen(path, o.Output) }
	}
	m, err := read(dir)
	if err != nil {
		return nil, err
	}
	a, err := m.open(ctx, o, graph.KeepTensors)
	if err != nil {
		return nil, err
	}
	defer a.session.Close()
	if a.token && o.Explain == "" {
		if err := m.passToken(ctx, a, o); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
	}
	if err := a.probe(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	serving := savedmodel.Signature{
		Inputs:  map[string]graph.Tensor{"image": a.image},
		Outputs: map[string]graph.Tensor{"logits": a.logits, "probabilities": a.probabilities, "class": a.class},
	}
	return &a.Adopted, savedmodel.Write(ctx, out, savedmodel.Model{
		Graph: a.graph, Session: a.session, Variables: a.vars, Saver: a.saver,
		Signatures: map[string]savedmodel.Signature{"serving_default": serving, "serve": serving},
		Metadata:   a.Metadata,
	})
}

// adoption is the state of a conversion.
type adoption struct {
	Adopted
	*flat
	graph         *graph.Graph
	session       *graph.Session
	image         graph.Tensor // [N,H,W,3], 0..255
	scaledImage   graph.Tensor // scaled to the model's input
	original      graph.Tensor // the model's output
	logits        graph.Tensor // [N,C]
	probabilities graph.Tensor
	class         graph.Tensor
	outputs       int // number of outputs per image
	vars          []*graph.Variable
	saver         savedmodel.Saver
	noise         float64 // difference between the outputs for images that differ by rounding, if it is large
	token         bool    // the default layer has tokens, the first one for the whole image
}

// open builds the graph and sets its variables.
func (m *Model) open(ctx context.Context, o Options, optimizer graph.Optimizer) (a *adoption, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", m.dir, err)
		}
	}()
	if err := o.Check(); err != nil {
		return nil, err
	}
	a = &adoption{}
	if a.flat, err = m.flatten(o); err != nil {
		return nil, err
	}
	if err := a.checkMode(); err != nil {
		return nil, err
	}
	layers := a.findLayers()
	head := a.head()
	scaled, scales := a.scaled()
	scaling, err := a.scaling(scales)
	unknown := errors.Is(err, ErrScale)
	if unknown {
		scaling = Scalings[0] // any scale, to find errors that no option can correct
	} else if err != nil {
		return nil, err
	}
	missing := err
	a.takeFloats()
	a.first = a.channelsFirst()
	if err := a.mend(); err != nil {
		return nil, err
	}
	maps, err := a.grids(layers)
	if err != nil {
		return nil, err
	}
	values, err := m.values(ctx, a.variables)
	if err != nil {
		return nil, err
	}
	if err := a.build(scaling, values); err != nil {
		return nil, err
	}
	if unknown {
		return nil, cmp.Or(a.addHead(head), missing)
	}
	if a.session, err = a.graph.NewSession(graph.Config{Optimizer: optimizer}); err != nil {
		return nil, err
	}
	session := a.session
	defer func() {
		if err != nil {
			session.Close()
		}
	}()
	if err := a.initialize(ctx, values); err != nil {
		return nil, err
	}
	if head, err = a.invert(ctx, head); err != nil {
		return nil, err
	}
	if err := a.addHead(head); err != nil {
		return nil, err
	}
	if err := a.describe(layers, maps, head, scaling); err != nil {
		return nil, err
	}
	if o.Image.Scale == "" && scales {
		if err := a.checkScaled(ctx, scaled); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// grids converts the layers' tensors to maps.
func (a *adoption) grids(layers []layer) (map[ref]grid, error) {
	shapes, err := a.shapes()
	if err != nil {
		return nil, err
	}
	g, err := a.gridder(shapes, a.options.Tokens)
	if err != nil {
		return nil, err
	}
	out, unknown := map[ref]grid{}, []string(nil)
	for _, l := range layers {
		if m, ok := g.lay(l.out); ok {
			out[l.out] = m
		} else if s, t := shapes(l.out.String()); graph.IsFloat(t) && (s == nil || slices.Contains(s[min(1, len(s)):], -1)) {
			unknown = append(unknown, l.name)
		}
	}
	g.finish()
	if len(unknown) > 0 {
		a.Notes = append(a.Notes, "layers whose outputs have a size that TensorFlow does not know are not listed, and have no map: "+strings.Join(unknown, ", "))
	}
	return out, nil
}

// build builds the graph without the head: scaling of the image, and the model.
func (a *adoption) build(scaling Scaling, values []graph.Value) error {
	g := graph.New()
	a.graph = g
	in := shapeOf(a.flat.image.Attr["shape"].GetShape())
	height, width := in[1], in[2]
	if few(in[1]) && !few(in[3]) {
		height, width = in[2], in[3]
	}
	a.image = g.Placeholder("image", graph.Float, graph.Shape{-1, height, width, 3})
	var err error
	if a.scaledImage, err = a.preprocess(g.In("preprocess"), scaling, in); err != nil {
		return err
	}
	replace := map[string]graph.Tensor{a.flat.image.Name: a.scaledImage}
	without := map[string]bool{a.flat.image.Name: true}
	for i, v := range a.variables {
		without[v.name] = true
		if v.dtype != graph.Float {
			replace[v.name] = g.In("constants").Const(values[i])
			continue
		}
		shape := values[i].Shape()
		variable := g.Variable(v.name, shape, true, func(g *graph.Graph) graph.Tensor { return g.Fill(shape, 0) })
		a.vars = append(a.vars, variable)
		replace[v.name] = variable.Value
	}
	if err := g.Err(); err != nil {
		return err
	}
	def, err := a.def(without)
	if err != nil {
		return err
	}
	model := g.In("model")
	if err := model.Import(def, replace); err != nil {
		return err
	}
	if a.original, err = a.tensor(a.output); err != nil {
		return err
	}
	a.saver = savedmodel.Saver{}
	if len(a.vars) > 0 {
		a.saver = savedmodel.AddSaver(g, "save", a.vars)
	}
	return g.Err()
}

// tensor returns the adopted graph's tensor for a tensor of the flat graph.
func (a *adoption) tensor(r ref) (graph.Tensor, error) {
	return a.graph.Tensor("model/" + r.String())
}

// addHead adds logits, probabilities and class to the model.
func (a *adoption) addHead(head head) error {
	z, err := a.tensor(head.logits)
	if err != nil {
		return err
	}
	g := a.graph.In("head")
	shape := z.Shape()
	classes := 1
	for _, d := range shape[min(1, len(shape)):] {
		classes *= d
	}
	if len(shape) < 2 || classes < 1 || len(shape) > 2 && classes != shape[len(shape)-1] && classes != shape[1] {
		return fmt.Errorf("the output is %v; want one number for each image and class", shape)
	}
	if shape[0] > 0 {
		return fmt.Errorf("the model takes batches of %d images only; export it with an open batch", shape[0])
	}
	if err := head.check(classes); err != nil {
		return err
	}
	a.outputs = classes
	if z.DType() != graph.Float {
		z = g.Cast(z, graph.Float)
	}
	z = g.Reshape(z, graph.Shape{-1, classes})
	if head.inverted {
		z = head.of(g, z)
	}
	var p graph.Tensor
	switch {
	case classes == 1:
		// With two classes, sigmoid(z) is the second value of softmax(-z/2, z/2). The logits 0 and z have
		// the same softmax, but then the first class would have no map.
		z = g.Mul(z, g.Scalar(0.5))
		z = g.Concat(1, g.Neg(z), z)
		p = g.Softmax(z)
	case head.independent(classes):
		p = g.Sigmoid(z)
	default:
		p = g.Softmax(z)
	}
	a.logits = a.graph.Identity("logits", z)
	a.probabilities = a.graph.Identity("probabilities", p)
	a.class = a.graph.Identity("class", a.graph.In("head").ArgMax(a.logits, 1))
	return a.graph.Err()
}

// initialize sets the variables.
func (a *adoption) initialize(ctx context.Context, values []graph.Value) error {
	var feeds []graph.Feed
	var ops []graph.Op
	k := 0
	for i, v := range a.variables {
		if v.dtype == graph.Float {
			feeds = append(feeds, graph.Feed{To: a.vars[k].Initial, Value: values[i]})
			ops = append(ops, a.vars[k].Init)
			k++
		}
	}
	if len(ops) == 0 {
		return nil
	}
	_, err := a.session.Run(ctx, feeds, nil, ops...)
	return err
}

// describe fills in the metadata.
func (a *adoption) describe(layers []layer, grids map[ref]grid, head head, scaling Scaling) error {
	shape := a.logits.Shape()
	m := &a.Metadata
	*m = savedmodel.Metadata{
		Format: 1, Model: filepath.Base(filepath.Clean(a.dir)), Classes: a.options.Classes,
		Image: savedmodel.Image{
			Height: a.image.Shape()[1], Width: a.image.Shape()[2], Channels: "RGB", Range: "0..255", Orientation: "EXIF applied",
			Interpolation: a.options.Image.Interpolation, Aspect: a.options.Image.Aspect, Padding: a.options.Image.Padding,
			Decoder: dataset.DecoderName(runtime.Version()),
		},
		Versions: map[string]string{"tensorflow": graph.Version(), "go": runtime.Version()},
		Origin: &savedmodel.Origin{
			Kind: a.kind(), Signature: a.signature.Name, Scale: scaling.Name, Channels: a.options.Image.Channels, Scaled: "it was given", Logits: head.says(a.outputs),
			Rewritten: a.rewritten, TrainingGraph: a.options.TrainingGraph, NoGradient: map[string]string{},
		},
	}
	switch {
	case a.options.Image.Scale == "": // the model scales the image itself: see checkScaled
		m.Origin.Scaled = "the model takes bytes"
	case a.options.Tried:
		m.Origin.Scaled = "of all input scales it has the best accuracy on labeled images"
	}
	if m.Image.Interpolation == "" {
		m.Image.Interpolation = "bilinear"
	}
	if out, err := a.signature.output(a.options.Output); err == nil {
		m.Origin.Output = out.Name
	}
	var err error
	if m.Origin.SHA256, err = checksum.Sum(a.file()); err != nil {
		return err
	}
	if m.Classes == nil {
		for i := range shape[1] {
			m.Classes = append(m.Classes, strconv.Itoa(i))
		}
	}
	if len(m.Classes) != shape[1] {
		return needsOption("%d classes are named, and the model has %d", len(m.Classes), shape[1])
	}
	if head.independent(a.outputs) && !a.options.OneClass {
		m.MultiLabel = &savedmodel.MultiLabel{Thresholds: slices.Repeat([]float64{0.5}, len(m.Classes))}
	}
	if a.outputs == 1 && head.squash == "" {
		a.Notes = append(a.Notes, a.oneNumber())
	}
	elements := map[string]int{}
	for i, v := range a.vars {
		elements[v.Name] = v.Shape.Elements()
		m.Parameters += elements[a.vars[i].Name]
	}
	a.table(layers, grids, elements)
	if err := a.chooseLayer(); err != nil {
		return err
	}
	a.token = slices.ContainsFunc(layers, func(l layer) bool { return grids[l.out].token })
	return nil
}

// oneNumber is a note on a model with one output and no Sigmoid, which can also be a regression.
func (a *adoption) oneNumber() string {
	note := "the output is one number without a Sigmoid, and is read as the logit z of two classes: z > 0 is the second; oscar does not explain a regression, such as an age"
	var others []string
	for _, o := range a.signature.Outputs {
		if o.Name != a.Metadata.Origin.Output {
			others = append(others, o.Name)
		}
	}
	if len(others) > 0 {
		note += "; --output names another output: " + strings.Join(others, ", ")
	}
	return note
}

// kind recognizes Keras models by the names of Keras's objects.
func (a *adoption) kind() string {
	for _, n := range a.meta.GetObjectGraphDef().GetNodes() {
		if strings.HasPrefix(n.GetUserObject().GetIdentifier(), "_tf_keras") {
			return "keras"
		}
	}
	return "tensorflow"
}
