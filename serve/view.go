package serve

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"net/url"
	"strings"

	"golang.org/x/image/draw"

	"oscar/explain"
	"oscar/methods"
	"oscar/pipeline"
)

// view is the state of a page, stored in its URL.
type view struct {
	Picture                   string
	Model                     string
	Method                    string
	Layer                     string
	Class                     string
	Object                    string // number of a detector's object
	Alpha                     string
	ColorMap                  string
	Rotate, Crop, Patch, Blur string // see edits
	Beside                    string // the kind of maps shown side by side
	Scale                     string // color scale of the maps side by side
	Full, Base                string // ends of the color scale; "": the map's own
}

// keys returns the parameters of a view in a URL.
func (v *view) keys() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{
		{"picture", &v.Picture}, {"model", &v.Model}, {"method", &v.Method}, {"layer", &v.Layer}, {"class", &v.Class}, {"object", &v.Object},
		{"alpha", &v.Alpha}, {"colormap", &v.ColorMap},
		{"rotate", &v.Rotate}, {"crop", &v.Crop}, {"patch", &v.Patch}, {"blur", &v.Blur},
		{"beside", &v.Beside}, {"scale", &v.Scale}, {"full", &v.Full}, {"base", &v.Base},
	}
}

// viewParameters returns the names of [view.keys].
func viewParameters() (names []string) {
	for _, k := range new(view).keys() {
		names = append(names, k.name)
	}
	return names
}

func viewOf(query url.Values) view {
	var v view
	for _, k := range v.keys() {
		*k.value = query.Get(k.name)
	}
	return v
}

// URL returns the path with the view's parameters.
func (v view) URL(path string) string {
	query := url.Values{}
	for _, k := range v.keys() {
		if *k.value != "" {
			query.Set(k.name, *k.value)
		}
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// With returns the view with a changed parameter.
func (v view) With(name, value string) view {
	for _, k := range v.keys() {
		if k.name == name {
			*k.value = value
		}
	}
	return v
}

// fields returns the view's settings as the fields of a request.
func (v view) fields() map[string]string {
	return map[string]string{"method": v.Method, "layer": v.Layer, "class": v.Class, "alpha": v.Alpha, "colormap": v.ColorMap, "full": v.Full, "base": v.Base, "object": v.Object}
}

// explanationKey identifies a cached explanation.
type explanationKey struct {
	query
	picture string
	class   int
}

// explanation is an explanation of a picture.
type explanation struct {
	answer
	version *version
	method  methods.Method
}

// subject is the opened version, method and picture of a view. Call release after use.
type subject struct {
	version *version
	query   query
	method  methods.Method
	class   int
	photo   *image.RGBA
	release func()
}

// open opens the version, method and picture of a view.
func (s *Server) open(ctx context.Context, v view) (*subject, error) {
	m, err := s.models.lookup(cmp.Or(v.Model, s.models.first()))
	if err != nil {
		return nil, err
	}
	o := &subject{}
	if o.version, o.release, err = m.acquire(0); err != nil {
		return nil, err
	}
	if err = o.find(v); err == nil {
		o.photo, err = s.edited(ctx, v)
	}
	if err != nil {
		o.release()
		return nil, err
	}
	return o, nil
}

// pictureOf returns the picture of that name: an uploaded one, or COLLECTION/FILE.
func (s *Server) pictureOf(ctx context.Context, name string) (*image.RGBA, error) {
	folder, file, ok := strings.Cut(name, "/")
	if !ok {
		return s.pictures.photo(ctx, name, s.options.Limits)
	}
	if photo, ok := s.pictures.photos.get(name); ok {
		return photo, nil
	}
	c, err := s.collection(folder)
	if err != nil {
		return nil, err
	}
	if _, listed := c.index[file]; !listed {
		return nil, notFound{fmt.Errorf("%s has no picture %q", folder, file)}
	}
	photo, err := s.decode(ctx, c, file)
	if err == nil {
		s.pictures.photos.put(name, photo, int64(len(photo.Pix)))
	}
	return photo, err
}

// shown returns the name of a view's picture with its edits, for the cache.
func (v view) shown() string {
	return strings.Join([]string{v.Picture, v.Rotate, v.Crop, v.Patch, v.Blur}, "\x00")
}

// edited returns the picture of a view with its edits.
func (s *Server) edited(ctx context.Context, v view) (*image.RGBA, error) {
	e, err := editsOf(v)
	if err != nil {
		return nil, badRequest{err}
	}
	if photo, ok := s.pictures.photos.get(v.shown()); ok {
		return photo, nil
	}
	photo, err := s.pictureOf(ctx, v.Picture)
	if err != nil || e.none() {
		return photo, err
	}
	photo = e.apply(photo)
	s.pictures.photos.put(v.shown(), photo, int64(len(photo.Pix)))
	return photo, nil
}

// find sets the method and the class.
func (o *subject) find(v view) (err error) {
	fields := v.fields()
	if m, err := methods.Lookup(v.Method); err == nil && !m.UsesLayer() {
		fields["layer"] = ""
	}
	if o.query, o.method, err = o.version.queryOf(fields); err == nil {
		o.class, err = o.version.classOf(v.Class)
	}
	if err != nil {
		return badRequest{err}
	}
	return nil
}

// explainSubject explains the picture of a subject. It uses the cache if possible.
func (s *Server) explainSubject(ctx context.Context, o *subject, v view) (*explanation, error) {
	key := explanationKey{o.query, v.shown(), o.class}
	if l, ok := s.maps.get(key); ok {
		return l, nil
	}
	images, err := pipeline.Input(&o.version.Metadata, o.photo)
	if err != nil {
		return nil, err
	}
	answers, err := s.ask(ctx, o.query, images, []int{o.class})
	if err != nil {
		return nil, err
	}
	l := &explanation{answers[0], o.version, o.method}
	s.maps.put(key, l, int64(4*len(l.Map.Values)+4*len(l.Probabilities)+1000))
	return l, nil
}

// predictView classifies the picture of a subject. It uses the cache if possible.
func (s *Server) predictView(ctx context.Context, o *subject, v view) (*explanation, error) {
	plain := *o
	plain.query, plain.class = query{version: o.version}, explain.Predicted
	return s.explainSubject(ctx, &plain, v)
}

// The longest side of a picture on a page, in pixels. Smaller pictures are enlarged to keep text and
// maps sharp.
const (
	pageSide  = 768
	smallSide = 512
)

// forPage scales a picture to its size on a page.
func forPage(photo *image.RGBA) *image.RGBA {
	longest := max(photo.Rect.Dx(), photo.Rect.Dy())
	if longest < smallSide {
		return scaleTo(photo, smallSide)
	}
	return scaleTo(photo, min(longest, pageSide))
}

// scaleTo scales a picture to a longer side of that many pixels.
func scaleTo(photo *image.RGBA, side int) *image.RGBA {
	size := photo.Rect.Size()
	longest := max(size.X, size.Y)
	if longest == side {
		return photo
	}
	out := image.NewRGBA(image.Rect(0, 0, max(1, size.X*side/longest), max(1, size.Y*side/longest)))
	draw.ApproxBiLinear.Scale(out, out.Rect, photo, photo.Rect, draw.Src, nil)
	return out
}
