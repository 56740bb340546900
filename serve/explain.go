package serve

import (
	"bytes"
	"cmp"
	"fmt"
	"image/png"
	"net/http"
	"strconv"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/named"
	"oscar/internal/npy"
	"oscar/methods"
	"oscar/result"
	"oscar/tfmodel"
)

// The formats of explanations.
const (
	formatJSON    = "json"
	formatNPY     = "npy"
	formatOverlay = "overlay"
)

var formats = []string{formatJSON, formatNPY, formatOverlay}

// explain answers the verb :explain.
func (s *Server) explain(w http.ResponseWriter, r *http.Request, v *version) error {
	req, err := s.read(r, &v.Metadata, explainFields)
	if err != nil {
		return err
	}
	format := cmp.Or(req.Fields["format"], formatJSON)
	if err := named.Check("format", format, formats); err != nil {
		return badRequest{err}
	}
	q, method, err := v.queryOf(req.Fields)
	if err != nil {
		return badRequest{err}
	}
	targets := classesOf(req.Items)
	for i := range targets {
		if name, ok := req.Fields["class"]; ok && targets[i] == explain.Predicted {
			if targets[i], err = v.classOf(name); err != nil {
				return badRequest{err}
			}
		}
	}
	draw, err := drawingOf(req.Fields, method)
	if err != nil {
		return badRequest{err}
	}
	if format == formatOverlay && len(req.Items) != 1 {
		return badRequest{fmt.Errorf("an overlay is of one image; the request has %d", len(req.Items))}
	}
	images, err := inputs(r.Context(), &v.Metadata, req.Items, s.options.Limits)
	if err != nil {
		return err
	}
	answers, err := s.ask(r.Context(), q, images, targets)
	if err != nil {
		return err
	}
	switch format {
	case formatNPY:
		return sendNPY(w, answers)
	case formatOverlay:
		photo, err := s.photoOf(r.Context(), &v.Metadata, req.Items[0])
		if err != nil {
			return err
		}
		return sendPNG(w, heatmap.Overlay(photo, draw.options(v, method, answers[0].Attribution)))
	}
	v.sendExplanations(w, answers)
	return nil
}

// queryOf returns the query and method of a request's fields.
func (v *version) queryOf(fields map[string]string) (query, methods.Method, error) {
	q := query{version: v, options: defaultSettings()}
	asked := result.Settings{Method: cmp.Or(fields["method"], methods.Default(v.Bundle, fields["layer"])), Layer: fields["layer"]}
	if asked.Method == result.AllMethods || asked.Layer == result.AllLayers {
		return q, methods.Method{}, fmt.Errorf("one method at one layer is explained at a time")
	}
	list, err := methods.Of(asked, v.Bundle)
	if err != nil {
		return q, methods.Method{}, err
	}
	if len(list) != 1 {
		return q, methods.Method{}, fmt.Errorf("method %q and layer %q name %d explanations, want one", asked.Method, asked.Layer, len(list))
	}
	q.at = list[0]
	method, err := methods.Lookup(q.at.Method)
	if err == nil {
		err = methods.Supports(v.Bundle, method)
	}
	if err != nil {
		return q, method, err
	}
	return q, method, q.options.read(fields)
}

// maxSamples is the maximum number of samples of a request.
const maxSamples = 10000

// read sets the settings from the fields.
func (o *settings) read(fields map[string]string) (err error) {
	if text, ok := fields["score"]; ok && text != "" {
		if o.Score, err = explain.ParseScore(text); err != nil {
			return err
		}
	}
	if text, ok := fields["samples"]; ok {
		if o.Samples, err = strconv.Atoi(text); err != nil || o.Samples < 0 || o.Samples > maxSamples {
			return fmt.Errorf("samples is %q, want a whole number from 0 to %d", text, maxSamples)
		}
	}
	if text, ok := fields["seed"]; ok {
		if o.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return fmt.Errorf("seed is %q, want a whole number from 0", text)
		}
	}
	if text, ok := fields["rules"]; ok {
		o.Rules = text
		return named.Check("LRP rules", text, tfmodel.LRPs())
	}
	return nil
}

// classOf returns the index of a class from its name, its index, or the word predicted. If
// several match, the name wins.
func (v *version) classOf(text string) (int, error) {
	class, err := v.Metadata.Class(text)
	if err == nil {
		return class, nil
	}
	if text == "" || text == "predicted" {
		return explain.Predicted, nil
	}
	if n, notNumber := strconv.Atoi(text); notNumber == nil {
		if n < explain.Predicted || n >= len(v.Metadata.Classes) {
			return 0, fmt.Errorf("class %d; want 0 to %d, or -1 for the predicted one", n, len(v.Metadata.Classes)-1)
		}
		return n, nil
	}
	return 0, fmt.Errorf("%w, or predicted", err)
}

// sendExplanations writes maps as JSON.
func (v *version) sendExplanations(w http.ResponseWriter, answers []answer) {
	classes := v.Metadata.Classes
	var b jsonWriter
	b.open('{').key("explanations").open('[')
	for _, a := range answers {
		b.next().open('{')
		b.key("method").string(a.Method)
		b.key("layer").string(a.Layer)
		b.key("class").string(classes[a.Target])
		b.key("class_index").int(a.Target)
		b.key("score").float(a.Score)
		b.key("status").string(string(a.Status))
		b.key("reason").string(a.Status.Reason())
		b.key("probabilities").floats(a.Probabilities, len(a.Probabilities))
		b.key("shape").open('[').next().int(a.Map.Height)
		b.next().int(a.Map.Width)
		b.close(']')
		b.key("map").rows(a.Map)
		b.close('}')
	}
	b.close(']').close('}')
	b.send(w)
}

// rows writes a grid as a list of rows.
func (b *jsonWriter) rows(g explain.Grid) {
	b.open('[')
	for y := range g.Height {
		b.next().floats(g.Values[y*g.Width:(y+1)*g.Width], g.Width)
	}
	b.close(']')
}

// sendNPY writes maps as one array [N,height,width].
func sendNPY(w http.ResponseWriter, answers []answer) error {
	first := answers[0].Map
	var values []float32
	for _, a := range answers {
		values = append(values, a.Map.Values...)
	}
	data, err := npy.Encode([]int{len(answers), first.Height, first.Width}, values)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="map.npy"`)
	w.Write(data)
	return nil
}

// sendPNG writes a picture.
func sendPNG(w http.ResponseWriter, picture *imageRGBA) error {
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&b, picture); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	w.Write(b.Bytes())
	return nil
}
