package serve

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/instance"
	"oscar/internal/jpegfile"
	"oscar/internal/numeric"
	"oscar/methods"
	"oscar/savedmodel"
)

// choice is an option of a list.
type choice struct {
	Value, Text string
	Chosen      bool
}

// bar is a class with its probability.
type bar struct {
	Class   string
	Percent string
	Width   float64 // 0 to 100
	View    string  // the URL that explains the class
	Chosen  bool
	Verdict string // whether the label is present, for a model with several labels per image
}

// explorePage is the page that explores a picture.
type explorePage struct {
	Title                             string
	View                              view
	Models, Methods, Layers, Classes  []choice
	ColorMaps                         []choice
	Alpha                             string
	Error                             string
	Has                               bool // there is a picture with predictions
	Several                           bool // an image can have several classes
	Bars                              []bar
	Predicted, Explained, Score, Note string
	Photo, Overlay, Original          string // URLs
	Map, Link                         string
	Width, Height                     int
	Busy                              bool // the overlay takes time to compute
	Besides, Scales                   []choice
	Tiles                             []tile
	LeftOut                           string // about maps that are not side by side
	Nearest                           []neighbors
	Changed                           bool // the picture was edited
}

// explore answers with the page that explores a picture.
func (s *Server) explore(w http.ResponseWriter, r *http.Request) {
	v := viewOf(r.URL.Query())
	if d := s.detectorOf(v); d != nil {
		s.exploreObjects(w, r, d, v, nil)
		return
	}
	p := explorePage{Title: "Explore", View: v}
	if err := s.fillForm(&p); err != nil {
		p.Error = err.Error()
		s.render(w, statusOf(err), "explore", p)
		return
	}
	status := http.StatusOK
	if p.View.Picture != "" {
		if err := s.fillResult(r, &p); err != nil {
			p.Error, status = err.Error(), statusOf(err)
		}
	}
	s.render(w, status, "explore", p)
}

// fillForm fills the lists of a page. It removes names from the view that the model does not have.
func (s *Server) fillForm(p *explorePage) error {
	v := &p.View
	v.Model = cmp.Or(v.Model, s.models.models[0].name)
	m, err := s.models.lookup(v.Model)
	if err != nil {
		v.Model = s.models.models[0].name
		m = s.models.models[0]
	}
	version, release, err := m.acquire(0)
	if err != nil {
		return err
	}
	defer release()
	for _, name := range s.models.names() {
		p.Models = append(p.Models, choice{name, name, name == v.Model})
	}
	if _, err := methods.Lookup(v.Method); err != nil && slices.Contains(instance.MethodNames(), v.Method) {
		v.Method = "" // a detector's method
	}
	method, err := methods.Lookup(cmp.Or(v.Method, methods.Default(version.Bundle, v.Layer)))
	if err != nil {
		return badRequest{err}
	}
	v.Method = method.Name
	lacking := methods.Lacking(version.Bundle)
	for _, m := range methods.Table {
		if !slices.Contains(lacking, m.Name) {
			p.Methods = append(p.Methods, choice{m.Name, m.Name, m.Name == method.Name})
		}
	}
	if v.Layer != "" && version.CheckLayer(v.Layer) != nil {
		v.Layer = ""
	}
	if !method.UsesLayer() {
		p.Layers = []choice{{"", "the image", true}}
	} else {
		layer := cmp.Or(v.Layer, version.Metadata.Explain)
		for _, l := range version.Metadata.Layers {
			if l.Explainable {
				p.Layers = append(p.Layers, choice{l.Name, fmt.Sprintf("%s, %d x %d", l.Name, l.Output[0], l.Output[1]), l.Name == layer})
			}
		}
	}
	if _, err := version.Metadata.Class(v.Class); err != nil {
		v.Class = ""
	}
	p.Classes = []choice{{"", "the predicted class", v.Class == ""}}
	for _, c := range version.Metadata.Classes {
		p.Classes = append(p.Classes, choice{c, c, c == v.Class})
	}
	d, err := drawingOf(v.fields(), method)
	if err != nil {
		v.Alpha, v.ColorMap = "", ""
		if d, err = drawingOf(v.fields(), method); err != nil {
			return err
		}
	}
	p.Besides = s.besideChoices(p, method)
	p.Scales = []choice{{"", "each map its own", v.Scale != scaleShared}, {scaleShared, "one for all", v.Scale == scaleShared}}
	v.Full, v.Base = "", ""
	p.Alpha = strconv.FormatFloat(d.alpha, 'g', 3, 64)
	for _, name := range heatmap.ColorMapNames() {
		p.ColorMaps = append(p.ColorMaps, choice{name, name, name == d.colors.Name()})
	}
	return nil
}

// fillResult predicts and explains the picture.
func (s *Server) fillResult(r *http.Request, p *explorePage) error {
	o, err := s.open(r.Context(), p.View)
	if err != nil {
		return err
	}
	defer o.release()
	passes, err := o.query.passes()
	if err != nil {
		return badRequest{err}
	}
	var l *explanation
	if p.Busy = passes > quickPasses; p.Busy {
		l, err = s.predictView(r.Context(), o, p.View)
	} else {
		l, err = s.explainSubject(r.Context(), o, p.View)
	}
	if err != nil {
		return err
	}
	classes := o.version.Metadata.Classes
	p.Has = true
	top := numeric.ArgMax(l.Probabilities)
	p.Predicted = classes[top]
	explained := o.class
	if explained == explain.Predicted {
		explained = top
	}
	p.Explained = classes[explained]
	if several := o.version.Metadata.MultiLabel; several != nil {
		p.Predicted, p.Several = labelsOf(l.Probabilities, classes, several.Thresholds), true
	}
	p.Bars = barsOf(l.Probabilities, &o.version.Metadata, explained, p.View)
	if !p.Busy {
		p.Score = strconv.FormatFloat(float64(l.Score), 'g', 4, 32)
		p.Note = l.Status.Reason()
	}
	p.Photo, p.Overlay, p.Map = p.View.URL("/photo"), p.View.URL("/overlay"), p.View.URL("/map.npy")
	p.Original = p.View.URL("/overlay.png")
	size := forPage(o.photo).Rect.Size()
	p.Width, p.Height = size.X, size.Y
	if e, err := editsOf(p.View); err == nil {
		p.Changed = !e.none()
	}
	p.Tiles, p.LeftOut = s.tiles(o, p)
	if p.Nearest, err = s.nearest(r.Context(), o, p.View); err != nil {
		return err
	}
	return s.shareScale(r.Context(), p)
}

// maxBars is the maximum number of classes shown.
const maxBars = 10

// barsOf lists the most probable classes, and the explained one.
func barsOf(probabilities []float32, meta *savedmodel.Metadata, explained int, v view) []bar {
	classes := meta.Classes
	order := make([]int, len(classes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(probabilities[b], probabilities[a]) })
	var out []bar
	for rank, i := range order {
		if rank >= maxBars && i != explained {
			continue
		}
		share := float64(probabilities[i])
		verdict := ""
		if several := meta.MultiLabel; several != nil {
			word := map[bool]string{true: "yes", false: "no"}[share >= several.Thresholds[i]]
			verdict = fmt.Sprintf("(%s: from %.1f %%)", word, 100*several.Thresholds[i])
		}
		out = append(out, bar{classes[i], fmt.Sprintf("%.1f %%", 100*share), 100 * share, v.With("class", classes[i]).URL("/"), i == explained, verdict})
	}
	return out
}

// labelsOf names the labels whose probabilities reach their thresholds.
func labelsOf(probabilities []float32, classes []string, thresholds []float64) string {
	var names []string
	for i, p := range probabilities {
		if float64(p) >= thresholds[i] {
			names = append(names, classes[i])
		}
	}
	if len(names) == 0 {
		return "no label"
	}
	return strings.Join(names, ", ")
}

// upload stores the uploaded picture. It redirects to its page, or returns its name as JSON to a
// script.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	file, err := s.fileOf(r)
	if err == nil {
		var name string
		if name, err = s.pictures.add(r.Context(), file, s.options.Limits); err == nil {
			if r.Header.Get("Accept") == "application/json" {
				writeJSON(w, http.StatusOK, map[string]string{"picture": name})
				return
			}
			v := viewOf(r.URL.Query())
			v.Picture = name
			http.Redirect(w, r, v.URL("/"), http.StatusSeeOther)
			return
		}
		err = badRequest{err}
	}
	if r.Header.Get("Accept") == "application/json" {
		fail(w, err)
		return
	}
	v := viewOf(r.URL.Query())
	if d := s.detectorOf(v); d != nil {
		s.exploreObjects(w, r, d, v, err)
		return
	}
	p := explorePage{Title: "Explore", View: v}
	if s.fillForm(&p) == nil {
		p.Error = err.Error()
	}
	s.render(w, statusOf(err), "explore", p)
}

// fileOf returns the picture in a form or in the body.
func (s *Server) fileOf(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		file, err := io.ReadAll(r.Body)
		return file, clientError(err)
	}
	file, _, err := readForm(r, r.Body, []string{"picture"})
	return file, clientError(err)
}

// photo sends the picture of a view with its edits.
func (s *Server) photo(w http.ResponseWriter, r *http.Request) {
	photo, err := s.edited(r.Context(), viewOf(r.URL.Query()))
	if err == nil {
		err = sendJPEG(w, forPage(photo))
	}
	if err != nil {
		fail(w, err)
	}
}

// overlay sends the map of a view over its picture: at page size without text, or whole as PNG.
func (s *Server) overlay(w http.ResponseWriter, r *http.Request) {
	v := viewOf(r.URL.Query())
	whole := strings.HasSuffix(r.URL.Path, ".png")
	err := func() error {
		o, err := s.open(r.Context(), v)
		if err != nil {
			return err
		}
		defer o.release()
		d, err := drawingOf(v.fields(), o.method)
		if err != nil {
			return badRequest{err}
		}
		l, err := s.explainSubject(r.Context(), o, v)
		if err != nil {
			return err
		}
		options := d.options(o.version, o.method, l.Attribution)
		if whole {
			w.Header().Set("Content-Disposition", `attachment; filename="overlay.png"`)
			return sendPNG(w, heatmap.Overlay(o.photo, options))
		}
		return sendJPEG(w, heatmap.Overlay(forPage(o.photo), options))
	}()
	if err != nil {
		w.Header().Del("Content-Disposition")
		fail(w, err)
	}
}

// rawMap sends the map of a view as .npy.
func (s *Server) rawMap(w http.ResponseWriter, r *http.Request) {
	v := viewOf(r.URL.Query())
	o, err := s.open(r.Context(), v)
	if err != nil {
		fail(w, err)
		return
	}
	defer o.release()
	l, err := s.explainSubject(r.Context(), o, v)
	if err == nil {
		err = sendNPY(w, []answer{l.answer})
	}
	if err != nil {
		fail(w, err)
	}
}

// sendJPEG writes a picture for a page.
func sendJPEG(w http.ResponseWriter, picture *imageRGBA) error {
	var b bytes.Buffer
	if err := jpegfile.Encode(&b, picture, 90); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "private, max-age=600")
	w.Write(b.Bytes())
	return nil
}
