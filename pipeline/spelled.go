package pipeline

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"oscar/heatmap"
)

// spelledClass returns the name of a class for pictures. If the built-in font lacks a character, it
// is "class 3", numbered by the sorted names.
func spelledClass(name string, classes []string) string {
	if heatmap.Drawable(name) {
		return name
	}
	if i := slices.Index(slices.Sorted(slices.Values(classes)), name); i >= 0 {
		return fmt.Sprintf("class %d", i+1)
	}
	return "class ?"
}

// spelled returns a row with names that the built-in font can draw. If it cannot draw the name of a
// file, the name is the start of its SHA-256.
func spelled(r Row) Row {
	classes := slices.Collect(maps.Keys(r.Probabilities))
	name := filepath.Base(r.Image)
	if !heatmap.Drawable(name) {
		name = "image " + r.SHA256[:min(8, len(r.SHA256))]
	}
	r.Image = name
	if r.Truth != "" {
		r.Truth = spelledClass(r.Truth, classes)
	}
	probabilities := make(map[string]float32, len(classes))
	for class, p := range r.Probabilities {
		probabilities[spelledClass(class, classes)] = p
	}
	r.Predicted, r.Target, r.Probabilities = spelledClass(r.Predicted, classes), spelledClass(r.Target, classes), probabilities
	return r
}

// spelling collects the names that are replaced in pictures.
type spelling struct {
	classes map[string]string // class names, and the names in pictures
	files   int
	last    string
}

// consider adds a row of the manifest. The rows of an image must be consecutive.
func (s *spelling) consider(r Row) {
	if r.Image != s.last && r.Explained() && !heatmap.Drawable(filepath.Base(r.Image)) {
		s.files++
	}
	s.last = r.Image
	for _, name := range []string{r.Truth, r.Predicted, r.Target} {
		s.class(name, slices.Collect(maps.Keys(r.Probabilities)))
	}
}

// class adds the name of a class; "" is ignored.
func (s *spelling) class(name string, classes []string) {
	if _, known := s.classes[name]; known || name == "" || heatmap.Drawable(name) {
		return
	}
	if s.classes == nil {
		s.classes = map[string]string{}
	}
	s.classes[name] = spelledClass(name, classes)
}

// notes returns at most two notes: about classes and about files.
func (s *spelling) notes() (notes []string) {
	if len(s.classes) > 0 {
		var list []string
		for _, name := range slices.Sorted(maps.Keys(s.classes)) {
			list = append(list, fmt.Sprintf("%s is %q", name, s.classes[name]))
		}
		notes = append(notes, "the font of the pictures lacks letters of classes: "+strings.Join(list, ", "))
	}
	if s.files > 0 {
		notes = append(notes, fmt.Sprintf("the font of the pictures lacks letters of %d file names: they are drawn as the beginning of their SHA-256", s.files))
	}
	return notes
}
