package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"oscar/dataset"
	"oscar/explain"
	"oscar/global"
	"oscar/internal/text"
	"oscar/savedmodel"
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
	global.Sensitivity
}

const (
	randomFolder = "random" // among the concepts
	mostConcept  = 200      // images of a concept, by the seed
	mostRandom   = 300
)

// conceptVectors are the CAVs of all concepts, and how many images of each class
// they move. Nil, there are none.
type conceptVectors struct {
	settings Settings
	pooled   bool
	random   int
	from     string
	concepts []*conceptVector
	images   map[int]int // by class
}

type conceptVector struct {
	name               string
	images             int
	cavs, random       global.Vectors
	moved, randomMoved map[int][]int // by class, an entry a CAV
}

// trainVectors makes the CAVs. A concept of too few images has none.
func (g *globally) trainVectors(ctx context.Context) (*conceptVectors, error) {
	if !g.makes(GlobalTCAV) {
		return nil, nil
	}
	g.Listener.stage("learning concepts")
	v := &conceptVectors{settings: g.Settings, pooled: g.Global.Pooled, images: map[int]int{}}
	random, err := g.randomImages(ctx, v)
	if err != nil {
		return nil, err
	}
	train := global.CAVs{Experiments: g.Global.Experiments, Seed: g.Settings.Seed}
	for class, name := range g.concepts.Classes {
		if name == randomFolder {
			continue
		}
		var items []dataset.Item
		for _, item := range g.concepts.Items {
			if item.Class == class {
				items = append(items, item)
			}
		}
		examples, err := g.activations(ctx, v, g.concepts.Root, choose(items, mostConcept, g.Settings.Seed))
		if err != nil {
			return nil, err
		}
		c := &conceptVector{name: name, images: len(examples), moved: map[int][]int{}, randomMoved: map[int][]int{}}
		v.concepts = append(v.concepts, c)
		if len(examples) < global.FewestExamples || len(random) < 2*global.FewestExamples {
			g.Listener.note(fmt.Sprintf("concept %s: %s and %d random ones, want at least %d and %d",
				name, text.Count(len(examples), "image"), len(random), global.FewestExamples, 2*global.FewestExamples))
			continue
		}
		if c.cavs, err = train.Concept(ctx, name, examples, random); err != nil {
			return nil, fmt.Errorf("concept %s: %w", name, err)
		}
		if c.random, err = train.Random(ctx, name, len(examples), random); err != nil {
			return nil, fmt.Errorf("concept %s: %w", name, err)
		}
	}
	if len(v.concepts) == 0 {
		return nil, errors.New("the concepts have no folder but " + randomFolder)
	}
	return v, nil
}

// randomImages are those in the folder of that name, or else drawn from the
// data, the same number of each class, without the concepts' own.
func (g *globally) randomImages(ctx context.Context, v *conceptVectors) ([][]float32, error) {
	root, items := g.concepts.Root, []dataset.Item(nil)
	if class := slices.Index(g.concepts.Classes, randomFolder); class >= 0 {
		v.from = "concepts"
		for _, item := range g.concepts.Items {
			if item.Class == class {
				items = append(items, item)
			}
		}
		items = choose(items, mostRandom, g.Settings.Seed)
	} else {
		v.from, root = "data", g.part.root
		own := map[string]bool{}
		for _, item := range g.concepts.Items {
			own[item.SHA256] = true
		}
		classes := map[int]bool{}
		for _, item := range g.part.items {
			if !own[item.SHA256] {
				items = append(items, item)
				classes[item.Class] = true
			}
		}
		items = choose(items, max(mostRandom/max(len(classes), 1), 1), g.Settings.Seed)
	}
	examples, err := g.activations(ctx, v, root, items)
	v.random = len(examples)
	return examples, err
}

// activations are the layer's, of each image.
func (g *globally) activations(ctx context.Context, v *conceptVectors, root string, items []dataset.Item) ([][]float32, error) {
	var out [][]float32
	err := g.batches(ctx, root, items, func(b *dataset.Batch) error {
		d, err := g.bundle.Differentiate(ctx, floats(b), slices.Repeat([]int{explain.Predicted}, b.N), v.settings.Layer, explain.Logit)
		if err != nil {
			return err
		}
		for _, a := range d.Activations {
			out = append(out, v.values(a))
		}
		return nil
	})
	return out, err
}

// values are what a classifier of concepts sees of activations or gradients.
func (v *conceptVectors) values(a explain.Volume) []float32 {
	if v.pooled {
		return global.OverPositions(a)
	}
	return a.Values
}

// count counts, for each CAV, which of the images it moves towards their class.
func (v *conceptVectors) count(ctx context.Context, bundle *savedmodel.Bundle, images explain.Images, classes []int) error {
	if v == nil {
		return nil
	}
	d, err := bundle.Differentiate(ctx, images, classes, v.settings.Layer, explain.Logit)
	if err != nil {
		return err
	}
	for i, class := range classes {
		v.images[class]++
		gradient := v.values(d.Gradients[i])
		for _, c := range v.concepts {
			tally(c.moved, class, c.cavs.CAVs, gradient)
			tally(c.randomMoved, class, c.random.CAVs, gradient)
		}
	}
	return nil
}

func tally(moved map[int][]int, class int, cavs []global.CAV, gradient []float32) {
	if moved[class] == nil {
		moved[class] = make([]int, len(cavs))
	}
	for k, cav := range cavs {
		if cav.Moves(gradient) {
			moved[class][k]++
		}
	}
}

// Threshold says which p is significant, for as many comparisons.
func (c *Concepts) Threshold() string { return global.Threshold(c.Comparisons) }

// compare makes the answer.
func (v *conceptVectors) compare(names []string, classes []int) *Concepts {
	out := &Concepts{
		Layer: v.settings.Layer, Activations: "flat", Random: v.random, RandomFrom: v.from,
		Comparisons: len(v.concepts) * len(classes), Concepts: []Concept{},
	}
	if v.pooled {
		out.Activations = "mean"
	}
	for _, c := range v.concepts {
		concept := Concept{Concept: c.name, Images: c.images}
		for _, class := range classes {
			concept.Classes = append(concept.Classes, ClassSensitivity{
				names[class], global.Compare(c.cavs, c.moved[class], c.randomMoved[class], v.images[class], out.Comparisons),
			})
		}
		out.Concepts = append(out.Concepts, concept)
	}
	return out
}
