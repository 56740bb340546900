package global

import (
	"context"
	"fmt"

	"oscar/explain"
	"oscar/internal/text"
)

// Concepts is the result of TCAV.
type Concepts struct {
	Layer       string    `json:"layer"`
	Activations string    `json:"activations"` // flat: all positions; mean: means over the positions
	Random      int       `json:"random"`      // number of random images for comparison
	RandomFrom  string    `json:"random_from"` // concepts: the folder random; data: the data set
	Comparisons int       `json:"comparisons"` // number of tests that share the significance level
	Concepts    []Concept `json:"concepts"`
}

// Concept is the effect of a concept on each class.
type Concept struct {
	Concept string             `json:"concept"`
	Images  int                `json:"images"`
	Classes []ClassSensitivity `json:"classes"`
}

// ClassSensitivity is the effect of a concept on one class.
type ClassSensitivity struct {
	Class string `json:"class"`
	Sensitivity
}

// Threshold returns a text about which p-values are significant.
func (c *Concepts) Threshold() string { return Threshold(c.Comparisons) }

// TCAV learns concepts at a layer. For each class it counts the images whose score a concept raises.
type TCAV struct {
	Layer      string
	Pooled     bool        // use means over the positions
	Train      CAVs        // training of vectors
	Random     [][]float32 // values of the random images, see [TCAV.Values]
	RandomFrom string

	concepts []*conceptVectors
	images   map[int]int // by class
}

// conceptVectors has the CAVs of one concept, or none if there are too few images.
type conceptVectors struct {
	name               string
	images             int
	cavs, random       Vectors
	moved, randomMoved map[int][]int // by class, an entry per CAV
}

// Values returns the values of activations or gradients that CAVs use.
func (t *TCAV) Values(v explain.Volume) []float32 {
	if t.Pooled {
		return OverPositions(v)
	}
	return v.Values
}

// Add learns a concept from the values of its images. If there are too few images, it returns a
// note.
func (t *TCAV) Add(ctx context.Context, name string, examples [][]float32) (note string, err error) {
	c := &conceptVectors{name: name, images: len(examples), moved: map[int][]int{}, randomMoved: map[int][]int{}}
	t.concepts = append(t.concepts, c)
	if len(examples) < FewestExamples || len(t.Random) < 2*FewestExamples {
		return fmt.Sprintf("concept %s: %s and %d random ones, want at least %d and %d",
			name, text.Count(len(examples), "image"), len(t.Random), FewestExamples, 2*FewestExamples), nil
	}
	if c.cavs, err = t.Train.Concept(ctx, name, examples, t.Random); err == nil {
		c.random, err = t.Train.Random(ctx, name, len(examples), t.Random)
	}
	if err != nil {
		return "", fmt.Errorf("concept %s: %w", name, err)
	}
	return "", nil
}

// Count counts, for each CAV, whether it raises the score of an image of a class. gradient is the
// gradient of the class's score at the layer.
func (t *TCAV) Count(gradient explain.Volume, class int) {
	if t.images == nil {
		t.images = map[int]int{}
	}
	t.images[class]++
	values := t.Values(gradient)
	for _, c := range t.concepts {
		tally(c.moved, class, c.cavs.CAVs, values)
		tally(c.randomMoved, class, c.random.CAVs, values)
	}
}

func tally(moved map[int][]int, class int, cavs []CAV, gradient []float32) {
	if moved[class] == nil {
		moved[class] = make([]int, len(cavs))
	}
	for k, cav := range cavs {
		if cav.Moves(gradient) {
			moved[class][k]++
		}
	}
}

// Compare compares each concept with random directions, for each class. names are the model's
// classes.
func (t *TCAV) Compare(names []string, classes []int) *Concepts {
	out := &Concepts{
		Layer: t.Layer, Activations: "flat", Random: len(t.Random), RandomFrom: t.RandomFrom,
		Concepts: []Concept{},
	}
	for _, c := range t.concepts {
		for _, class := range classes {
			if tooFew(c.cavs, t.images[class]) == "" {
				out.Comparisons++
			}
		}
	}
	if t.Pooled {
		out.Activations = "mean"
	}
	for _, c := range t.concepts {
		concept := Concept{Concept: c.name, Images: c.images}
		for _, class := range classes {
			concept.Classes = append(concept.Classes, ClassSensitivity{
				names[class], Compare(c.cavs, c.moved[class], c.randomMoved[class], t.images[class], out.Comparisons),
			})
		}
		out.Concepts = append(out.Concepts, concept)
	}
	return out
}
