package serve

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"oscar/explain"
	"oscar/heatmap"
	"oscar/instance"
	"oscar/methods"
	"oscar/result"
)

// keptObjects is the size of the caches of detections and of maps, in bytes.
const keptObjects = 256 << 20

// objectsKey identifies the detections of a picture.
type objectsKey struct{ model, picture string }

// objectKey identifies the map of an object.
type objectKey struct {
	objectsKey
	query instance.ObjectQuery
}

// objectsPage is the page that explores the objects of a picture.
type objectsPage struct {
	Title                              string
	View                               view
	Models, Methods, Layers, Classes   []choice
	ColorMaps                          []choice
	Alpha, Error, Heading              string
	Has                                bool // there is a picture
	Objects                            []objectRow
	Outlined, Overlay, Original, Map   string // URLs
	Width, Height, GridWidth, GridHigh int    // size of the picture on the page, and of the grid of clickable areas
	Areas                              []objectRow
	Chosen                             *objectRow // nil: there is no object
	Explained, Score, Note             string
	Busy                               bool // the map takes time to compute
	Heat                               []heatRow
}

// objectRow is an object of the page.
type objectRow struct {
	Number       int
	Class, Score string
	Width        float64 // of its bar, 0 to 100
	View         string  // the URL that explains it
	Path         string  // SVG path of its area
	Chosen       bool
	size         int
}

// heatRow has the shares of a map's positive values.
type heatRow struct{ Name, Mask, Box, Others string }

// detectorOf returns the detector of a view; nil if its model is a classifier.
func (s *Server) detectorOf(v view) *detector {
	if d := findDetector(s.models.detectors, v.Model); d != nil {
		return d
	}
	if len(s.models.models) == 0 {
		return s.models.detectors[0]
	}
	return nil
}

// exploreObjects answers with the page that explores the objects of a picture. If failed is not nil,
// the page shows this error.
func (s *Server) exploreObjects(w http.ResponseWriter, r *http.Request, d *detector, v view, failed error) {
	p := objectsPage{Title: "Explore", View: v}
	p.View.Model = d.name
	err := d.fillForm(s, &p)
	if err == nil && failed == nil && v.Picture != "" {
		err = s.fillObjects(r.Context(), d, &p)
	}
	status := http.StatusOK
	if failed != nil {
		err = failed
	}
	if err != nil {
		p.Error, status = err.Error(), statusOf(err)
	}
	s.render(w, status, "objects", p)
}

// fillForm fills the lists of a page. It removes names from the view that the detector does not
// have.
func (d *detector) fillForm(s *Server, p *objectsPage) error {
	v := &p.View
	for _, name := range s.models.names() {
		p.Models = append(p.Models, choice{name, name, name == d.name})
	}
	names := instance.MethodNames()
	if !slices.Contains(names, v.Method) {
		v.Method = instance.DefaultMethod
	}
	for _, name := range names {
		p.Methods = append(p.Methods, choice{name, name, name == v.Method})
	}
	layers := d.Layers()
	if !slices.Contains(layers, v.Layer) {
		v.Layer = ""
	}
	if instance.UsesLayer(v.Method) {
		p.Layers = []choice{{"", "the run's: " + d.Layer, v.Layer == ""}}
		for _, name := range layers {
			p.Layers = append(p.Layers, choice{name, name, name == v.Layer})
		}
	} else {
		p.Layers, v.Layer = []choice{{"", "the image", true}}, ""
	}
	if _, err := d.meta.Class(v.Class); err != nil {
		v.Class = ""
	}
	p.Classes = []choice{{"", "the predicted class", v.Class == ""}}
	for _, c := range d.Classes {
		p.Classes = append(p.Classes, choice{c, c, c == v.Class})
	}
	style, err := drawingOf(v.fields(), methods.Method{})
	if err != nil {
		v.Alpha, v.ColorMap, v.Full, v.Base = "", "", "", ""
		if style, err = drawingOf(v.fields(), methods.Method{}); err != nil {
			return err
		}
	}
	p.Alpha = strconv.FormatFloat(style.alpha, 'g', 3, 64)
	for _, name := range heatmap.ColorMapNames() {
		p.ColorMaps = append(p.ColorMaps, choice{name, name, name == style.colors.Name()})
	}
	return nil
}

// detected returns the objects of a view's picture, from the cache if possible.
func (s *Server) detected(ctx context.Context, d *detector, v view) (*image.RGBA, *instance.Found, error) {
	photo, err := s.edited(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	key := objectsKey{d.name, v.shown()}
	if f, ok := s.objects.get(key); ok {
		return photo, f, nil
	}
	f, err := d.found(ctx, photo)
	if err == nil {
		pixels := int64(len(photo.Pix) / 4)
		s.objects.put(key, f, pixels*int64(4+len(f.Objects)))
	}
	return photo, f, err
}

// mapOf returns the map of a view's object, from the cache if possible.
func (s *Server) mapOf(ctx context.Context, d *detector, f *instance.Found, v view, q instance.ObjectQuery) (*instance.ObjectMap, error) {
	key := objectKey{objectsKey{d.name, v.shown()}, q}
	if m, ok := s.objectMaps.get(key); ok {
		return m, nil
	}
	m, err := d.explained(ctx, f, q)
	if err == nil {
		s.objectMaps.put(key, m, int64(4*len(m.Map.Values)))
	}
	return m, err
}

// areaSide is the longer side of the grid of clickable areas.
const areaSide = 160

// fillObjects detects the objects of the picture and explains one.
func (s *Server) fillObjects(ctx context.Context, d *detector, p *objectsPage) error {
	v := p.View
	photo, f, err := s.detected(ctx, d, v)
	if err != nil {
		return err
	}
	q, err := d.queryOf(v.fields())
	if err != nil {
		return badRequest{err}
	}
	p.Has = true
	p.Heading = fmt.Sprintf("%d objects", len(f.Objects))
	if len(f.Objects) == 1 {
		p.Heading = "1 object"
	}
	size, grid := forPage(photo).Rect.Size(), scaleTo(photo, min(areaSide, max(photo.Rect.Dx(), photo.Rect.Dy()))).Rect.Size()
	p.Width, p.Height, p.GridWidth, p.GridHigh = size.X, size.Y, grid.X, grid.Y
	p.Outlined = v.URL("/objects")
	for _, o := range f.Objects {
		row := objectRow{
			Number: o.Object, Class: d.Classes[o.Class], Score: fmt.Sprintf("%.2f", o.Score), Width: 100 * o.Score, Chosen: o.Object == q.Object,
			View: v.With("object", strconv.Itoa(o.Object)).URL("/"), Path: pathOf(o.Pixels, photo.Rect.Size(), grid), size: o.Area,
		}
		p.Objects = append(p.Objects, row)
	}
	p.Areas = slices.Clone(p.Objects) // small objects last, so that they are on top
	slices.SortStableFunc(p.Areas, func(a, b objectRow) int { return b.size - a.size })
	if len(f.Objects) == 0 {
		return nil
	}
	if q.Object > len(f.Objects) {
		return badRequest{fmt.Errorf("object %d; the picture has %d", q.Object, len(f.Objects))}
	}
	p.Chosen = &p.Objects[q.Object-1]
	p.Explained = p.Chosen.Class
	if q.Class != explain.Predicted {
		p.Explained = d.Classes[q.Class]
	}
	p.Overlay, p.Original, p.Map = v.URL("/object"), v.URL("/object.png"), v.URL("/object.npy")
	passes, err := d.Passes(q)
	if err != nil {
		return badRequest{err}
	}
	if p.Busy = passes > quickPasses; p.Busy {
		return nil
	}
	m, err := s.mapOf(ctx, d, f, v, q)
	if err != nil {
		return err
	}
	p.Score, p.Note = strconv.FormatFloat(float64(m.Score), 'g', 4, 32), m.Status.Reason()
	row := func(name string, h *result.Heat) {
		if h != nil {
			share := func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }
			p.Heat = append(p.Heat, heatRow{name, share(h.Mask), share(h.Box), share(h.Others)})
		}
	}
	if m.Heat != nil {
		row("this map", m.Heat)
		row("the box itself", m.Control)
	}
	return nil
}

// pathOf returns an SVG path of a mask's pixels in a smaller grid, as rectangles.
func pathOf(pixels []uint8, size, grid image.Point) string {
	var b strings.Builder
	var open [][2]int // runs that begin in row first and continue
	first := 0
	flush := func(y int) {
		for _, run := range open {
			fmt.Fprintf(&b, "M%d %dh%dv%dh%dz", run[0], first, run[1]-run[0], y-first, run[0]-run[1])
		}
	}
	for y := range grid.Y {
		var runs [][2]int
		for x := range grid.X {
			if pixels[(2*y+1)*size.Y/(2*grid.Y)*size.X+(2*x+1)*size.X/(2*grid.X)] == 0 {
				continue
			}
			if n := len(runs); n > 0 && runs[n-1][1] == x {
				runs[n-1][1]++
			} else {
				runs = append(runs, [2]int{x, x + 1})
			}
		}
		if !slices.Equal(runs, open) {
			flush(y)
			open, first = runs, y
		}
	}
	flush(grid.Y)
	return b.String()
}

// scaledMask returns a mask in another size.
func scaledMask(pixels []uint8, from, to image.Point) []uint8 {
	out := make([]uint8, to.X*to.Y)
	for i := range out {
		out[i] = pixels[(2*(i/to.X)+1)*from.Y/(2*to.Y)*from.X+(2*(i%to.X)+1)*from.X/(2*to.X)]
	}
	return out
}

// errNoDetector is the error of a page for a detector if the model is a classifier.
var errNoDetector = errors.New("the model finds no objects")

// outlined sends the picture of a view with its objects outlined and numbered.
func (s *Server) outlined(w http.ResponseWriter, r *http.Request) {
	v := viewOf(r.URL.Query())
	err := func() error {
		d := s.detectorOf(v)
		if d == nil {
			return badRequest{errNoDetector}
		}
		photo, f, err := s.detected(r.Context(), d, v)
		if err != nil {
			return err
		}
		shown := cloned(forPage(photo))
		size, from := shown.Rect.Size(), photo.Rect.Size()
		for _, o := range f.Objects {
			heatmap.Outline(shown, scaledMask(o.Pixels, from, size), heatmap.OutlineColor(o.Object-1))
		}
		for _, o := range f.Objects {
			heatmap.Number(shown, o.Object, int(o.Box[0])*size.X/from.X, int(o.Box[1])*size.Y/from.Y, heatmap.OutlineColor(o.Object-1))
		}
		return sendJPEG(w, shown)
	}()
	if err != nil {
		fail(w, err)
	}
}

// cloned returns a copy of a picture that may be in a cache.
func cloned(img *image.RGBA) *image.RGBA {
	out := *img
	out.Pix = slices.Clone(img.Pix)
	return &out
}

// objectMap sends the map of a view's object: over the picture at page size or at full size, or raw.
func (s *Server) objectMap(w http.ResponseWriter, r *http.Request) {
	v := viewOf(r.URL.Query())
	err := func() error {
		d := s.detectorOf(v)
		if d == nil {
			return badRequest{errNoDetector}
		}
		q, err := d.queryOf(v.fields())
		if err != nil {
			return badRequest{err}
		}
		style, err := styleOf(v.fields())
		if err != nil {
			return badRequest{err}
		}
		photo, f, err := s.detected(r.Context(), d, v)
		if err != nil {
			return err
		}
		m, err := s.mapOf(r.Context(), d, f, v, q)
		if err != nil {
			return err
		}
		switch r.URL.Path {
		case "/object.npy":
			return sendNPY(w, []answer{{Attribution: explain.Attribution{Map: m.Raw}}})
		case "/object.png":
			w.Header().Set("Content-Disposition", `attachment; filename="overlay.png"`)
			return sendPNG(w, d.overlay(photo, f, m, style))
		}
		return sendJPEG(w, d.overlay(forPage(photo), f, m, style))
	}()
	if err != nil {
		w.Header().Del("Content-Disposition")
		fail(w, err)
	}
}
