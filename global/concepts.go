package global

import (
	"context"
	"fmt"

	"oscar/explain"
	"oscar/internal/text"
)

// Concepts is TCAV's answer.
type Concepts struct {
	Layer       string    `json:"layer"`
	Activations string    `json:"activations"` // flat: at each position; mean: over the positions
	Random      int       `json:"random"`      // images that concepts are told from
	RandomFrom  string    `json:"random_from"` // concepts: the folder random there; data
	Comparisons int       `json:"comparisons"` // that share the level of significance
	Concepts    []Concept `json:"concepts"`
}

// Concept is what a concept does to each class.
type Concept struct {
	Concept string             `json:"concept"`
	Images  int                `json:"images"`
	Classes []ClassSensitivity `json:"classes"`
}

// ClassSensitivity is what a concept does to one class.
type ClassSensitivity struct {
	Class string `json:"class"`
	Sensitivity
}

// Threshold says which p is significant, for as many comparisons.
func (c *Concepts) Threshold() string { return Threshold(c.Comparisons) }

// TCAV learns concepts at a layer, and counts how many images of each class they
// move.
type TCAV struct {
	Layer      string
	Pooled     bool        // learn from means over the positions
	Train      CAVs        // how vectors are trained
	Random     [][]float32 // what concepts are told from, by [TCAV.Values]
	RandomFrom string

	concepts []*conceptVectors
	images   map[int]int // by class
}

// conceptVectors are the CAVs of one concept; none if there are too few images.
type conceptVectors struct {
	name               string
	images             int
	cavs, random       Vectors
	moved, randomMoved map[int][]int // by class, an entry a CAV
}

// Values returns what a CAV sees of activations or gradients.
func (t *TCAV) Values(v explain.Volume) []float32 {
	if t.Pooled {
		return OverPositions(v)
	}
	return v.Values
}

// Add learns a concept from the values of its images. If there are too few
// images to learn it, the note says so.
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

// Count counts for each CAV whether it moves an image of a class towards the
// class. The gradient is that of the class's score at the layer.
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

// Compare compares each concept with random directions, in each of the classes.
// The names are those of all classes of the model.
func (t *TCAV) Compare(names []string, classes []int) *Concepts {
	out := &Concepts{
		Layer: t.Layer, Activations: "flat", Random: len(t.Random), RandomFrom: t.RandomFrom,
		Comparisons: len(t.concepts) * len(classes), Concepts: []Concept{},
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
