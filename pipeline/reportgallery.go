package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"path/filepath"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/internal/npy"
	"oscar/report/page"
)

// gallery makes pictures of explanations: photographs, and maps on them.
type gallery struct {
	*explanations
	roots  []string
	signed map[string]bool   // by method
	found  map[string]string // where images are now; "" if they are gone

	last struct { // the photograph shown last: its maps follow each other
		image string
		photo *image.RGBA
		err   error
	}
}

func newGallery(x *explanations, roots []string) *gallery {
	g := &gallery{explanations: x, roots: roots, signed: map[string]bool{}, found: map[string]string{}}
	for _, m := range Methods() {
		g.signed[m.Name] = m.Signed
	}
	return g
}

// gallerySide is the longer side of what is shown, in pixels.
const gallerySide = 560

// photo is an image as it was when it was explained, reduced.
func (g *gallery) photo(r Row) (*image.RGBA, error) {
	if g.last.image == r.Image {
		return g.last.photo, g.last.err
	}
	g.last.image, g.last.photo, g.last.err = r.Image, nil, errors.New("the photograph is not where it was")
	if path := g.locate(r); path != "" {
		img, err := dataset.DecodeFile(path, g.limits())
		if g.last.err = err; err == nil {
			g.last.photo = fitted(img, gallerySide)
		}
	}
	return g.last.photo, g.last.err
}

func (g *gallery) limits() dataset.Limits {
	return dataset.Limits{MaxPixels: g.settings.MaxPixels, MaxBytes: g.settings.MaxBytes}
}

// locate finds an image with the content that was explained: where it was, or
// below one of the roots. It is "" if there is none.
func (g *gallery) locate(r Row) string {
	if path, known := g.found[r.Image]; known {
		return path
	}
	g.found[r.Image] = ""
	paths := []string{r.Image}
	for _, root := range g.roots {
		paths = append(paths, filepath.Join(root, filepath.FromSlash(brief(r.Image))))
	}
	for _, path := range paths {
		data, err := dataset.ReadFile(path, g.limits())
		if err != nil {
			continue
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) == r.SHA256 {
			g.found[r.Image] = path
			break
		}
	}
	return g.found[r.Image]
}

// fitted reduces an image until its longer side is at most that many pixels.
func fitted(img *image.RGBA, side int) *image.RGBA {
	size := img.Bounds().Size()
	most := max(size.X, size.Y)
	if most <= side {
		return img
	}
	return dataset.Resize(img, max(1, size.Y*side/most), max(1, size.X*side/most), dataset.Bilinear)
}

// heat is a map on its photograph; where one of them is not to be had, or shows
// nothing, the overlay that was written then.
func (g *gallery) heat(r Row) (image.Image, error) {
	photo, err := g.photo(r)
	if err == nil && r.Status == string(explain.OK) {
		if grid, err := readGrid(filepath.Join(g.dir, r.Map)); err == nil {
			return g.paint(photo, grid, r)
		}
	}
	overlay, err := dataset.DecodeFile(filepath.Join(g.dir, r.Overlay), dataset.Limits{})
	if err != nil {
		return nil, errors.New("the map is gone")
	}
	return fitted(overlay, gallerySide), nil
}

// paint draws a map as its overlay was drawn, without the strip.
func (g *gallery) paint(photo *image.RGBA, heat explain.Grid, r Row) (image.Image, error) {
	name, o := g.settings.ColorMap, heatmap.Options{Heat: heat, Alpha: g.settings.Alpha}
	if g.signed[r.Method] && g.settings.SignedColorMap != "" {
		name, o.Alpha = g.settings.SignedColorMap, g.settings.SignedAlpha
	}
	if r.Scale != nil {
		at := spanOf(r)
		o.Scale, o.Base = at.full, at.base
	}
	var err error
	o.Map, err = heatmap.LookupColorMap(name)
	return heatmap.Paint(photo, o).Image, err
}

// readGrid reads a map.
func readGrid(path string) (explain.Grid, error) {
	shape, values, err := npy.Read(path)
	if err != nil {
		return explain.Grid{}, err
	}
	if len(shape) != 2 {
		return explain.Grid{}, fmt.Errorf("%s has shape %v, want [height, width]", path, shape)
	}
	return explain.Grid{Height: shape[0], Width: shape[1], Values: values}, nil
}

// photograph is the picture of an image itself.
func (g *gallery) photograph(e exhibit) page.Picture {
	return page.Picture{
		Alt:  "Photograph " + e.described(),
		Load: func() (image.Image, error) { return g.photo(e.first()) },
	}
}

// described says what an image is, and what the model says of it.
func (e exhibit) described() string {
	what := "of an unknown class"
	if e.truth != "" {
		what = "of class " + e.truth
	}
	return fmt.Sprintf("%s, predicted %s with %.2f", what, e.first().Predicted, e.sure())
}

// mapped is the picture of a row's map.
func (g *gallery) mapped(e exhibit, r Row) page.Picture {
	at := ""
	if r.Layer != explain.Image {
		at = " at " + r.Layer
	}
	alt := fmt.Sprintf("Map of %s%s for class %s, on the photograph %s", r.Method, at, r.Target, e.described())
	if remark := r.Remark(); remark != "" {
		alt += "; " + remark
	}
	return page.Picture{Alt: alt, Load: func() (image.Image, error) { return g.heat(r) }}
}

// pair is an image beside its map of the first method.
func (g *gallery) pair(e exhibit) page.Plate {
	p := page.Plate{Title: fmt.Sprintf("%s %.2f", e.first().Predicted, e.sure()), Note: brief(e.first().Image)}
	switch {
	case e.truth == "":
		p.Title += ", class unknown"
	case !e.right():
		p.Title += ", but is " + e.truth
	}
	if g.locate(e.first()) != "" {
		p.Pictures = append(p.Pictures, g.photograph(e))
	}
	r, ok := e.of(g.sights[0])
	if !ok {
		r = e.first()
	}
	p.Pictures = append(p.Pictures, g.mapped(e, r))
	if remark := r.Remark(); remark != "" {
		p.Note += "; " + remark
	}
	return p
}

// wall is a shelf for each class: its image and what each method makes of it, or
// with one method some images.
func (g *gallery) wall() page.Section {
	s := page.Section{Title: "Where it looks"}
	legend := "Red is where the model looks for the class that is explained, blue where it does not."
	if g.settings.ColorMap != "jet" {
		legend = fmt.Sprintf("The colours are %s: its upper end is where the model looks.", g.settings.ColorMap)
	}
	for _, s := range g.sights {
		if g.signed[s.method] && g.settings.SignedColorMap != "" {
			legend += fmt.Sprintf(" Maps with two signs have the colours %s: its upper end speaks for the class, its lower end against it.", g.settings.SignedColorMap)
			break
		}
	}
	if g.settings.Scale == ScaleShared {
		legend += " All maps of a method have one scale."
	} else {
		legend += " Each map has a scale of its own."
	}
	if g.strange > 0 {
		legend += " An image that lies in no class's folder stands under the class that is predicted."
	}
	s.Blocks = append(s.Blocks, page.Text(legend))
	var wall page.Wall
	more := 0
	for i, class := range g.classes {
		if len(g.examples[i]) == 0 {
			continue
		}
		if len(wall) == mostShelves {
			more++
			continue
		}
		wall = append(wall, g.shelf(class, g.examples[i]))
	}
	s.Blocks = append(s.Blocks, wall)
	if more > 0 {
		s.Blocks = append(s.Blocks, page.Text(fmt.Sprintf("%d more classes are not shown.", more)))
	}
	return s
}

func (g *gallery) shelf(class string, examples []exhibit) page.Shelf {
	if len(g.sights) == 1 {
		s := page.Shelf{Title: class, Wide: true}
		for _, e := range examples {
			s.Plates = append(s.Plates, g.pair(e))
		}
		return s
	}
	e := examples[0]
	s := page.Shelf{Title: class, Note: fmt.Sprintf("%s, predicted %s %.2f", brief(e.first().Image), e.first().Predicted, e.sure())}
	if e.truth == "" {
		s.Note += ", class unknown"
	}
	if g.locate(e.first()) != "" {
		s.Plates = append(s.Plates, page.Plate{Title: "photograph", Pictures: []page.Picture{g.photograph(e)}})
	}
	for _, look := range g.sights {
		r, ok := e.of(look)
		if !ok {
			continue
		}
		p := page.Plate{Title: g.name(look), Pictures: []page.Picture{g.mapped(e, r)}}
		if remark := r.Remark(); remark != "" {
			p.Note = remark
		}
		s.Plates = append(s.Plates, p)
	}
	return s
}

// errors shows the images that the model is surest about, wrong and right.
func (g *gallery) errors() []page.Section {
	shelf := func(list []exhibit) page.Wall {
		s := page.Shelf{Wide: true}
		for _, e := range list {
			s.Plates = append(s.Plates, g.pair(e))
		}
		return page.Wall{s}
	}
	explains := map[string]string{
		TargetPredicted: "The map explains the predicted class: what made the model say so.",
		TargetTrue:      "The map explains the class that the image has.",
		TargetAll:       "The map explains the predicted class: what made the model say so.",
	}[g.settings.Class]
	if explains == "" {
		explains = "The map explains the class " + g.settings.Class + "."
	}
	var out []page.Section
	if len(g.wrong) > 0 {
		out = append(out, page.Section{Title: "Surest and wrong", Blocks: []page.Block{
			page.Text("The errors that the model makes with most confidence. " + explains), shelf(g.wrong)}})
	}
	if len(g.right) > 0 {
		out = append(out, page.Section{Title: "Surest and right", Blocks: []page.Block{shelf(g.right)}})
	}
	return out
}
