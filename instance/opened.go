package instance

import (
	"cmp"
	"context"
	"fmt"
	"image"

	"oscar/explain"
	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/instance/maskrcnn"
	"oscar/methods"
	"oscar/result"
	"oscar/run"
	"oscar/tfmodel"
)

// Opened is a detector for one picture at a time. It may be used concurrently.
type Opened struct {
	Name    string // of the network
	Classes []string
	Input   tfmodel.Shape // [height,width,3]
	Layer   string        // explained if the query names none

	run      *Run
	detector *maskrcnn.Detector
}

// Open opens a run or an exported model. Close it after use.
func Open(ctx context.Context, dir string, m run.Machine) (*Opened, error) {
	r, d, _, err := open(ctx, dir, m)
	if err != nil {
		return nil, err
	}
	e := r.Experiment
	return &Opened{e.Detector.Name, e.Data.Classes, e.Detector.Input, e.Explain, r, d}, nil
}

// Close frees the detector.
func (o *Opened) Close() error { return o.detector.Close() }

// Layers returns the layers that can be explained.
func (o *Opened) Layers() []string { return o.detector.Layers() }

// Found is a picture and its objects, the highest score first.
type Found struct {
	Objects []FoundObject

	picture picture
	objects []object
}

// FoundObject is an object in pixels of its picture.
type FoundObject struct {
	Object       int // number within the picture, from 1
	Class        int
	Score        float64
	Box          mask.Box
	Area         int // of the mask
	Segmentation coco.Segmentation
	Pixels       []uint8 // of the mask, row-major
}

// Detect returns the objects of a picture with a score of least or more.
func (o *Opened) Detect(ctx context.Context, img *image.RGBA, least float64) (*Found, error) {
	p := fit(img, o.Input)
	all, err := detectAll(ctx, o.detector, []picture{p})
	if err != nil {
		return nil, err
	}
	f := &Found{picture: p, objects: objectsOf(all[0], p, least)}
	for k, one := range f.objects {
		f.Objects = append(f.Objects, FoundObject{
			k + 1, one.Class, one.Score, one.result.Box, one.result.Segmentation.Runs.Area(), one.result.Segmentation, one.pixels,
		})
	}
	return f, nil
}

// ObjectQuery asks for the map of an object.
type ObjectQuery struct {
	Object  int           // from 1
	Class   int           // -1: the predicted class
	Method  string        // one method, as in [ExplainOptions]
	Layer   string        // "": the model's
	Score   explain.Score // "": the method's default
	Samples int
	Seed    uint64
}

// ObjectMap explains a class in an object's fixed box.
type ObjectMap struct {
	methods.At
	Object      int
	Class       int
	Score       float32 // the explained score
	Probability float32 // of the class in the box
	Status      explain.Status
	Raw         explain.Grid // of the detector's padded input
	Map         explain.Grid // of the picture
	Heat        *result.Heat // nil: no positive values
	Control     *result.Heat // of a map that is 1 within the box; nil: the box has no pixel
}

// Check returns the method and layer of a query, or an error if the detector lacks them.
func (o *Opened) Check(q ObjectQuery) (methods.At, error) {
	list, err := o.run.methodsOf(q.Method, q.Layer)
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("%q names %d methods, want one", q.Method, len(list))
	}
	if err != nil {
		return methods.At{}, err
	}
	if q.Class != explain.Predicted && list[0].Method == methodDRISE {
		return list[0], fmt.Errorf("%s explains the detection with its own class, not another", methodDRISE)
	}
	if q.Class < explain.Predicted || q.Class >= len(o.Classes) {
		return list[0], fmt.Errorf("class %d; want 0 to %d, or -1 for the predicted one", q.Class, len(o.Classes)-1)
	}
	return list[0], nil
}

// defaultPasses is the default number of D-RISE's runs of the detector.
const defaultPasses = 1000

// Passes returns the number of detector runs that a query needs.
func (o *Opened) Passes(q ObjectQuery) (int, error) {
	at, err := o.Check(q)
	if err != nil {
		return 0, err
	}
	if at.Method == methodDRISE {
		return cmp.Or(q.Samples, defaultPasses), nil
	}
	e, err := methods.NewExplainer(methods.Model{Runner: o.detector.At(nil, maskrcnn.Box{})}, []methods.At{at}, methods.Options{Options: explain.Options{Samples: q.Samples}})
	if err != nil {
		return 0, err
	}
	if counter, ok := e.(explain.PassCounter); ok {
		return counter.Passes(explain.Images{N: 1, Height: o.Input[0], Width: o.Input[1], Channels: 3}), nil
	}
	return 1, nil
}

// Explain explains an object of a picture from Detect.
func (o *Opened) Explain(ctx context.Context, f *Found, q ObjectQuery) (*ObjectMap, error) {
	at, err := o.Check(q)
	if err != nil {
		return nil, err
	}
	if q.Object < 1 || q.Object > len(f.objects) {
		return nil, fmt.Errorf("object %d; the picture has %d", q.Object, len(f.objects))
	}
	k := q.Object - 1
	one := f.objects[k]
	if q.Class != explain.Predicted {
		one.Class = q.Class
	}
	images := explain.Images{N: 1, Height: o.Input[0], Width: o.Input[1], Channels: 3, Pixels: f.picture.floats()}
	of, err := explainers(ctx, o.detector, images, []object{one}, []methods.At{at}, explain.Options{Score: q.Score, Samples: q.Samples, Seed: q.Seed}, &effort{})
	if err != nil {
		return nil, err
	}
	out, err := of[0][0].Explain(ctx, images, []int{one.Class})
	if err != nil {
		return nil, err
	}
	a := out[0]
	m := &ObjectMap{At: at, Object: q.Object, Class: one.Class, Score: a.Score, Probability: a.Probabilities[one.Class], Status: a.Status, Raw: a.Map}
	m.Map = onPicture(a.Map, o.Input[0], o.Input[1], f.picture)
	m.Heat, m.Control = heatOf(m.Map, k, f.objects), controlOf(k, f.objects, f.picture)
	return m, nil
}

// MethodNames returns the methods that explain detectors.
func MethodNames() (names []string) {
	for _, m := range methods.Table {
		if m.Needs&(explain.Propagates|explain.Guides) == 0 {
			names = append(names, m.Name)
		}
	}
	return append(names, methodDRISE)
}

// UsesLayer reports whether a method explains a layer of the backbone.
func UsesLayer(name string) bool {
	m, err := methods.Lookup(name)
	return err == nil && m.UsesLayer()
}
