package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/instance"
	"oscar/internal/named"
	"oscar/methods"
	"oscar/pipeline"
	"oscar/result"
	"oscar/savedmodel"
)

// minShown is the minimum score of detections in an answer.
const minShown = 0.5

// detector is a served detector. It does not batch pictures. At most one detection and one
// explanation run at a time, because explanations can take long.
type detector struct {
	*instance.Opened
	name, path           string
	meta                 savedmodel.Metadata // how requests are read
	most                 int64               // the maximum number of waiting requests
	waiting              atomic.Int64
	detect, explanations chan struct{} // semaphores with one slot
}

// openDetectors opens the detectors among the given models, and returns the others.
func openDetectors(o Options) (others []string, out []*detector, err error) {
	for _, text := range o.Models {
		m := newModel(text)
		if !instance.IsModel(m.path) {
			others = append(others, text)
			continue
		}
		err := checkName(m.name)
		if other := findDetector(out, m.name); err == nil && other != nil {
			err = sameNameError(other.path, m)
		}
		var d *detector
		if err == nil {
			d, err = openDetector(m, o)
		}
		if err != nil {
			closeDetectors(out)
			return nil, nil, err
		}
		out = append(out, d)
	}
	return others, out, nil
}

func openDetector(m *model, o Options) (*detector, error) {
	opened, err := instance.Open(context.Background(), m.path, pipeline.Machine{Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	d := &detector{Opened: opened, name: m.name, path: m.path, most: int64(o.Queue), detect: make(chan struct{}, 1), explanations: make(chan struct{}, 1)}
	d.meta = savedmodel.Metadata{Model: opened.Name, Classes: opened.Classes, Image: savedmodel.Image{Height: opened.Input[0], Width: opened.Input[1]}}
	black := image.NewRGBA(image.Rect(0, 0, opened.Input[1], opened.Input[0]))
	if _, err := opened.Detect(context.Background(), black, minShown); err != nil { // TensorFlow initializes the model in the first run
		opened.Close()
		return nil, fmt.Errorf("warm-up of %s: %w", m.path, err)
	}
	return d, nil
}

func closeDetectors(list []*detector) {
	for _, d := range list {
		d.Close()
	}
}

// findDetector returns the detector of that name, or nil.
func findDetector(list []*detector, name string) *detector {
	for _, d := range list {
		if d.name == name {
			return d
		}
	}
	return nil
}

// inTurn runs a function when it gets the slot. It returns an error if too many requests wait.
func (d *detector) inTurn(ctx context.Context, place chan struct{}, run func() error) (err error) {
	defer d.waiting.Add(-1)
	if d.waiting.Add(1) > d.most {
		return errFull
	}
	select {
	case place <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-place }()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	return run()
}

// found returns the objects of a picture.
func (d *detector) found(ctx context.Context, photo *image.RGBA) (f *instance.Found, err error) {
	err = d.inTurn(ctx, d.detect, func() error {
		f, err = d.Detect(ctx, photo, minShown)
		return err
	})
	return f, err
}

// explained returns the map of an object.
func (d *detector) explained(ctx context.Context, f *instance.Found, q instance.ObjectQuery) (m *instance.ObjectMap, err error) {
	if q.Object > len(f.Objects) {
		return nil, badRequest{fmt.Errorf("object %d; the picture has %d", q.Object, len(f.Objects))}
	}
	err = d.inTurn(ctx, d.explanations, func() error {
		m, err = d.Explain(ctx, f, q)
		return err
	})
	return m, err
}

// model answers requests below /v1/models for a detector.
func (d *detector) model(s *Server, w http.ResponseWriter, r *http.Request, t target) {
	err := func() error {
		if t.version > 1 {
			return notFound{fmt.Errorf("model %s has no version %d", d.name, t.version)}
		}
		switch {
		case r.Method == http.MethodPost && t.verb == "predict":
			return d.predict(s, w, r)
		case r.Method == http.MethodPost && t.verb == "explain":
			return d.explainObject(s, w, r)
		case r.Method == http.MethodGet && t.verb == "":
			writeJSON(w, http.StatusOK, map[string]any{"model_version_status": []modelState{{"1", "AVAILABLE", stateStatus{"OK", ""}}}})
			return nil
		case r.Method == http.MethodGet && t.verb == "metadata":
			d.describe(w)
			return nil
		}
		return badRequest{fmt.Errorf("%s does not go with :%s of a detector; POST has :predict and :explain, GET the status and /metadata", r.Method, t.verb)}
	}()
	if err != nil {
		fail(w, err)
	}
}

// describe answers with the outputs of :predict.
func (d *detector) describe(w http.ResponseWriter) {
	writeJSON(w, http.StatusOK, map[string]any{
		"model_spec": map[string]string{"name": d.name, "signature_name": "", "version": "1"},
		"task":       instance.Task, "classes": d.Classes, "input": d.Input, "least_score": minShown,
		"methods": instance.MethodNames(), "layers": d.Layers(), "explain": d.Layer,
	})
}

// photos reads the pictures of a request, as [Server.read] does.
func (d *detector) photos(s *Server, r *http.Request, fields []string) (*request, []*image.RGBA, error) {
	req, err := s.read(r, &d.meta, fields)
	if err != nil {
		return nil, nil, err
	}
	out := make([]*image.RGBA, len(req.Items))
	for i, it := range req.Items {
		if out[i], err = s.photoOf(r.Context(), &d.meta, it); err != nil {
			if r.Context().Err() != nil {
				return nil, nil, r.Context().Err()
			}
			return nil, nil, badRequest{fmt.Errorf("image %d: %w", i, err)}
		}
	}
	return req, out, nil
}

// predict answers with the objects of each picture, in COCO's format.
func (d *detector) predict(s *Server, w http.ResponseWriter, r *http.Request) error {
	req, photos, err := d.photos(s, r, nil)
	if err != nil {
		return err
	}
	if name := req.Signature; name != "" && name != "serving_default" {
		return badRequest{fmt.Errorf("no signature %q to predict; have serving_default; the map of an object is at :explain", name)}
	}
	type picture struct {
		Width   int            `json:"width"`
		Height  int            `json:"height"`
		Objects []servedObject `json:"objects"`
	}
	out := make([]picture, len(photos))
	for i, photo := range photos {
		f, err := d.found(r.Context(), photo)
		if err != nil {
			return err
		}
		out[i] = picture{photo.Rect.Dx(), photo.Rect.Dy(), []servedObject{}}
		for _, o := range f.Objects {
			out[i].Objects = append(out[i].Objects, d.served(o))
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"predictions": out})
	return nil
}

// servedObject is an object of an answer, with the keys of COCO's annotations.
type servedObject struct {
	Object       int        `json:"object"`      // number within the picture, from 1
	Category     int        `json:"category_id"` // from 1, in the order of the classes
	Class        string     `json:"class"`
	Score        float64    `json:"score"`
	Box          [4]float64 `json:"bbox"` // x, y, width, height in pixels of the picture
	Area         int        `json:"area"`
	Segmentation any        `json:"segmentation"` // run lengths
}

func (d *detector) served(o instance.FoundObject) servedObject {
	return servedObject{o.Object, o.Class + 1, d.Classes[o.Class], o.Score, o.Box, o.Area, o.Segmentation}
}

// queryOf returns the query of a request's or a page's fields.
func (d *detector) queryOf(fields map[string]string) (q instance.ObjectQuery, err error) {
	q = instance.ObjectQuery{Object: 1, Class: explain.Predicted, Method: cmp.Or(fields["method"], instance.DefaultMethod), Layer: fields["layer"]}
	o := defaultSettings()
	if err := o.read(fields); err != nil {
		return q, err
	}
	q.Score, q.Samples, q.Seed = o.Score, o.Samples, o.Seed
	if text := fields["object"]; text != "" {
		if q.Object, err = strconv.Atoi(text); err != nil || q.Object < 1 {
			return q, fmt.Errorf("object is %q, want the number of an object, from 1", text)
		}
	}
	if text := fields["class"]; text != "" && text != "predicted" {
		class, err := d.meta.Class(text)
		if err != nil {
			if class, err = strconv.Atoi(text); err != nil {
				return q, fmt.Errorf("no class %q; have %s", text, strings.Join(d.Classes, ", "))
			}
		}
		q.Class = class
	}
	if strings.Contains(q.Method, ",") || q.Method == result.AllMethods {
		return q, errors.New("one method is explained at a time")
	}
	at, err := d.Check(q)
	q.Method = at.Method
	if instance.UsesLayer(at.Method) {
		q.Layer = at.Layer
	}
	return q, err
}

// explainObject answers with the map of an object.
func (d *detector) explainObject(s *Server, w http.ResponseWriter, r *http.Request) error {
	req, photos, err := d.photos(s, r, objectFields)
	if err != nil {
		return err
	}
	format := cmp.Or(req.Fields["format"], formatJSON)
	if err := named.Check("format", format, formats); err != nil {
		return badRequest{err}
	}
	if class := req.Items[0].class; class != explain.Predicted {
		req.Fields["class"] = strconv.Itoa(class)
	}
	q, err := d.queryOf(req.Fields)
	if err != nil {
		return badRequest{err}
	}
	if len(photos) != 1 {
		return badRequest{fmt.Errorf("an object is explained in one image; the request has %d", len(photos))}
	}
	style, err := styleOf(req.Fields)
	if err != nil {
		return badRequest{err}
	}
	f, err := d.found(r.Context(), photos[0])
	if err != nil {
		return err
	}
	m, err := d.explained(r.Context(), f, q)
	if err != nil {
		return err
	}
	switch format {
	case formatNPY:
		return sendNPY(w, []answer{{Attribution: explain.Attribution{Map: m.Raw}}})
	case formatOverlay:
		return sendPNG(w, d.overlay(photos[0], f, m, style))
	}
	d.send(w, f, m)
	return nil
}

// send writes an explanation as JSON.
func (d *detector) send(w http.ResponseWriter, f *instance.Found, m *instance.ObjectMap) {
	o := f.Objects[m.Object-1]
	var b jsonWriter
	b.open('{').key("explanations").open('[')
	b.next().open('{')
	b.key("object").int(o.Object)
	b.key("detected").string(d.Classes[o.Class])
	b.key("detection_score").float(float32(o.Score))
	b.key("bbox").open('[')
	for _, v := range o.Box {
		b.next().float(float32(v))
	}
	b.close(']')
	b.key("method").string(m.Method)
	b.key("layer").string(m.Layer)
	b.key("class").string(d.Classes[m.Class])
	b.key("score").float(m.Score)
	b.key("probability").float(m.Probability)
	b.key("status").string(string(m.Status))
	b.key("reason").string(m.Status.Reason())
	heat := func(name string, h *result.Heat) {
		if h == nil {
			return
		}
		b.key(name).open('{')
		b.key("mask").float(float32(h.Mask))
		b.key("box").float(float32(h.Box))
		b.key("others").float(float32(h.Others))
		b.close('}')
	}
	heat("heat", m.Heat)
	heat("control", m.Control)
	b.key("shape").open('[').next().int(m.Raw.Height)
	b.next().int(m.Raw.Width)
	b.close(']')
	b.key("map").rows(m.Raw)
	b.close('}').close(']').close('}')
	b.send(w)
}

// styleOf reads the color map and the opacity.
func styleOf(fields map[string]string) (heatmap.Options, error) {
	d, err := drawingOf(map[string]string{"colormap": fields["colormap"], "alpha": fields["alpha"]}, methods.Method{})
	return heatmap.Options{Map: d.colors, Alpha: max(d.alpha, 1e-9)}, err
}

// overlay returns the picture with the map and the outline of its object.
func (d *detector) overlay(photo *image.RGBA, f *instance.Found, m *instance.ObjectMap, o heatmap.Options) *image.RGBA {
	o.Heat, o.Faint = m.Map, m.Status == explain.Faint
	object := f.Objects[m.Object-1]
	o.Title = fmt.Sprintf("%d %s %.2f", object.Object, d.Classes[object.Class], object.Score)
	o.Note = fmt.Sprintf("%s %s, target %s", m.Method, m.Layer, d.Classes[m.Class])
	out := heatmap.Overlay(photo, o)
	heatmap.Outline(out, scaledMask(object.Pixels, image.Pt(m.Map.Width, m.Map.Height), out.Rect.Size()), heatmap.OutlineColor(object.Object-1))
	return out
}
