package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/internal/checksum"
	"oscar/report/page"
	"oscar/result"
)

// gallery makes the pictures of explanations: photographs with and without maps.
type gallery struct {
	*explanations
	data  string // another folder to look for images in; "": none
	shown result.Shown
	rows  map[string][]result.Row // of the images shown
	found map[string]string       // the image's path now, by recorded path; "" if it is missing

	readable func(path string) bool // see [Within]

	last struct { // the previous photograph, because its maps come next
		image string
		photo *image.RGBA
		err   error
	}
}

// choose chooses the images to show, and reads their rows.
func (g *gallery) choose(ctx context.Context) error {
	g.rows = map[string][]result.Row{}
	if g.classes == nil {
		return nil
	}
	perClass := result.ShownPerClass
	if len(g.methods) > 1 {
		perClass = 1
	}
	chooser := g.all.chooser
	if t := g.explanations.shown(); t.labeled > 0 {
		chooser = t.chooser
	}
	g.shown = chooser.Shown(perClass)
	byHash := map[string]string{} // a run's images can have another path in the manifest
	for _, list := range slices.Concat(g.shown.Examples, [][]result.Classification{g.shown.Wrong, g.shown.Right}) {
		for _, a := range list {
			byHash[a.SHA256] = a.Image
		}
	}
	return result.EachImage(ctx, g.dir, func(rows []result.Row) error {
		if image, ok := byHash[rows[0].SHA256]; ok && rows[0].Explained() {
			if rows[0].Image == image || g.chosenOfWhole {
				g.rows[image] = rows
			}
		}
		return nil
	})
}

// gallerySide is the longer side of a picture, in pixels.
const gallerySide = 560

// photo returns an image, reduced. Its content must be the explained one.
func (g *gallery) photo(r result.Row) (*image.RGBA, error) {
	if g.last.image == r.Image {
		return g.last.photo, g.last.err
	}
	g.last.image, g.last.photo, g.last.err = r.Image, nil, errors.New("the photograph was moved or removed")
	if path := g.locate(r); path != "" {
		img, err := dataset.DecodeFile(path, g.limits())
		if g.last.err = err; err == nil {
			g.last.photo = dataset.Fit(img, gallerySide)
		}
	}
	return g.last.photo, g.last.err
}

func (g *gallery) limits() dataset.Limits {
	return dataset.Limits{MaxPixels: g.settings.MaxPixels, MaxBytes: g.settings.MaxBytes}
}

// locate returns the path of an image with the explained content: its recorded path, or one in the
// run's data. It returns "" if there is none.
func (g *gallery) locate(r result.Row) string {
	if path, known := g.found[r.Image]; known {
		return path
	}
	g.found[r.Image] = ""
	paths := []string{r.Image}
	if g.data != "" {
		paths = append(paths, filepath.Join(g.data, filepath.FromSlash(brief(r.Image))))
	}
	for _, path := range paths {
		if !g.readable(path) {
			continue
		}
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

// heat returns a map on its photograph. If one of them is missing, or the map is not ok, it returns
// the overlay in the folder.
func (g *gallery) heat(r result.Row) (image.Image, error) {
	photo, err := g.photo(r)
	if err == nil && r.Status == string(explain.OK) {
		grid, err := readGrid(g.dir, r.Map)
		if err == nil {
			return g.paint(photo, grid, r)
		} else if checksum.Is(err) {
			return nil, lacking(err, "the map is missing")
		}
	}
	overlay, err := picture(g.dir, r.Overlay)
	if err != nil {
		return nil, lacking(err, "the map is missing")
	}
	return dataset.Fit(overlay, gallerySide), nil
}

// photograph returns the picture of an image without a map.
func (g *gallery) photograph(a result.Classification, r result.Row) page.Picture {
	return page.Picture{
		Alt:  "Photograph " + described(a),
		Load: func() (image.Image, error) { return g.photo(r) },
	}
}

// described returns the class of an image and the model's prediction.
func described(a result.Classification) string {
	class := "of unknown class"
	if a.Truth != "" {
		class = "of class " + a.Truth
	}
	return fmt.Sprintf("%s, predicted %s with %.2f", class, a.Predicted, a.Confidence())
}

// mapped returns the picture of a row's map.
func (g *gallery) mapped(a result.Classification, r result.Row) page.Picture {
	at := ""
	if r.Layer != explain.Image {
		at = " at " + r.Layer
	}
	alt := fmt.Sprintf("Map of %s%s for class %s, on the photograph %s", r.Method, at, r.Target, described(a))
	if remark := r.Remark(); remark != "" {
		alt += "; " + remark
	}
	return page.Picture{Alt: alt, Note: g.numbers(r), Load: func() (image.Image, error) { return g.heat(r) }}
}

// verdict returns whether the prediction is correct, in words.
func verdict(a result.Classification) string {
	switch a.Truth {
	case "":
		return "class unknown"
	case a.Predicted:
		return "correct"
	}
	return "wrong: it is " + a.Truth
}

// rowOf returns the row of a method with the map of the predicted class, else the method's first
// row.
func rowOf(rows []result.Row, m methodAt) (row result.Row, ok bool) {
	for _, r := range rows {
		if (methodAt{r.Method, r.Layer}) != m {
			continue
		}
		if r.Target == r.Predicted {
			return r, true
		}
		if !ok {
			row, ok = r, true
		}
	}
	return row, ok
}

// pair returns an image next to its map of the first method.
func (g *gallery) pair(a result.Classification) (p page.Plate, ok bool) {
	rows := g.rows[a.Image]
	if len(rows) == 0 {
		return p, false
	}
	p = page.Plate{Title: fmt.Sprintf("%s %.2f", a.Predicted, a.Confidence()), Note: verdict(a) + "; " + brief(a.Image)}
	if g.locate(rows[0]) != "" {
		p.Pictures = append(p.Pictures, g.photograph(a, rows[0]))
	}
	r, found := rowOf(rows, g.methods[0])
	if !found {
		r = rows[0]
	}
	p.Pictures = append(p.Pictures, g.mapped(a, r))
	if remark := r.Remark(); remark != "" {
		p.Note += "; " + remark
	}
	return p, true
}

// wall returns a shelf for each class. It has an image with the maps of all methods, or several
// images if there is one method.
func (g *gallery) wall() page.Section {
	s := page.Section{Title: "Where it looks", Blocks: []page.Block{page.Text(g.rule())}}
	for _, bar := range g.bars() {
		s.Blocks = append(s.Blocks, bar)
	}
	var wall page.Wall
	for i, class := range g.shown.Classes {
		if shelf := g.shelf(class, g.shown.Examples[i]); len(shelf.Plates) > 0 {
			wall = append(wall, shelf)
		}
	}
	s.Blocks = append(s.Blocks, wall)
	if g.shown.Left > 0 {
		s.Blocks = append(s.Blocks, notShown(g.shown.Left))
	}
	return s
}

// rule returns a sentence about how the images were chosen.
func (g *gallery) rule() string {
	n, wrong := 0, 0
	for _, list := range g.shown.Examples {
		for _, a := range list {
			n++
			if a.Truth != "" && a.Truth != a.Predicted {
				wrong++
			}
		}
	}
	t := g.explanations.shown()
	of := "of all the images"
	switch {
	case g.chosenOfWhole:
		of = "of the test set"
	case t == g.unseen && t.labeled < g.all.labeled:
		of = "of the images that the model was not trained on"
	}
	text := fmt.Sprintf("The images are drawn at random, by their content, from each class %s.", of)
	switch {
	case g.settings.Selection != "" && !g.chosenOfWhole:
		text = "The images were chosen for the report of a run: some of each class, and the most confident errors and correct predictions. Their share of errors has no meaning."
	case t.labeled > 0:
		text += fmt.Sprintf(" Each class has the share of errors of all its images, rounded to whole images. Errors are %d of %s shown, and %d of %s in all.",
			wrong, page.Count(n, "image"), g.shown.Errors, page.Count(g.shown.Images, "image"))
	}
	if g.strange > 0 && !g.chosenOfWhole && t == g.all {
		text += " An image of unknown class stands under its predicted class."
	}
	if g.settings.Scale == result.ScaleShared {
		text += " All maps of a method share one color scale."
	} else {
		text += " Each map has its own color scale."
	}
	if g.settings.Framing.Aspect == dataset.Crop {
		text += " The model did not see the dark parts."
	}
	if signed, unsigned := g.signs(); signed && unsigned {
		text += " Methods without evidence against the class have the colors for it alone."
	}
	return text + " Point at a map to see its numbers."
}

func (g *gallery) shelf(class string, examples []result.Classification) page.Shelf {
	s := page.Shelf{Title: class, Wide: len(g.methods) == 1}
	for _, a := range examples {
		if len(g.methods) == 1 {
			if p, ok := g.pair(a); ok {
				s.Plates = append(s.Plates, p)
			}
			continue
		}
		rows := g.rows[a.Image]
		if len(rows) == 0 {
			continue
		}
		s.Note = fmt.Sprintf("%s, predicted %s %.2f, %s", brief(a.Image), a.Predicted, a.Confidence(), verdict(a))
		if g.locate(rows[0]) != "" {
			s.Plates = append(s.Plates, page.Plate{Title: "photograph", Pictures: []page.Picture{g.photograph(a, rows[0])}})
		}
		for _, m := range g.methods {
			if r, ok := rowOf(rows, m); ok {
				s.Plates = append(s.Plates, page.Plate{Title: g.name(m), Note: r.Remark(), Pictures: []page.Picture{g.mapped(a, r)}})
			}
		}
	}
	return s
}

// confident shows the predictions with the highest probability, wrong and correct ones.
func (g *gallery) confident() []page.Section {
	target := "The map explains the class " + g.settings.Class + "."
	switch g.settings.Class {
	case "predicted", "all":
		target = "The map explains the predicted class."
	case "true":
		target = "The map explains the true class."
	}
	var out []page.Section
	for _, s := range []struct {
		title, text string
		images      []result.Classification
	}{
		{"The most confident errors", "The errors with the highest probability. " + target, g.shown.Wrong},
		{"The most confident correct predictions", target, g.shown.Right},
	} {
		shelf := page.Shelf{Wide: true}
		for _, a := range s.images {
			if p, ok := g.pair(a); ok {
				shelf.Plates = append(shelf.Plates, p)
			}
		}
		if len(shelf.Plates) > 0 {
			out = append(out, page.Section{Title: s.title, Blocks: []page.Block{page.Text(s.text), page.Wall{shelf}}})
		}
	}
	return out
}
