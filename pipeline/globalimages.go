package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"oscar/dataset"
	"oscar/explain"
	"oscar/global"
	"oscar/run"
)

// globalBatch is the number of images in a batch.
const globalBatch = 32

// batches reads images in batches. Unreadable images are left out with a note. If the run is strict,
// they are errors.
func (g *globalJob) batches(ctx context.Context, root string, items []dataset.Item, use func(*dataset.Batch) error) error {
	in := g.bundle.Metadata.Image
	var skipped []dataset.Problem
	skip := func(item dataset.Item, err error) { skipped = append(skipped, run.Problem(item, err)) }
	if g.part.strict {
		skip = nil
	}
	loader, err := dataset.NewLoader(dataset.LoaderOptions{
		Root: root, Framing: Framing(in),
		Limits: g.part.limits, Workers: g.Machine.Workers, Skip: skip,
	})
	if err != nil {
		return err
	}
	defer loader.Close()
	for b, err := range loader.Batches(ctx, items, nil, globalBatch) {
		if err == nil {
			err = use(b)
		}
		if err != nil {
			return err
		}
	}
	g.Listener.Note(dataset.LeftOut(skipped)...)
	g.result.Unreadable += len(skipped)
	return nil
}

// explainImages runs the model on all images, each decoded once.
func (g *globalJob) explainImages(ctx context.Context) error {
	items := g.part.items
	if !g.makes(global.MethodTree) {
		items = slices.DeleteFunc(slices.Clone(items), func(i dataset.Item) bool { return !slices.Contains(g.classes, i.Class) })
	}
	explainers, err := g.explainers()
	if err != nil {
		return err
	}
	g.Listener.Stage("explaining")
	done := 0
	err = g.batches(ctx, g.part.root, items, func(b *dataset.Batch) error {
		images := floats(b)
		if g.tcav != nil {
			d, err := g.bundle.Differentiate(ctx, images, b.Labels, g.Settings.Layer, explain.Logit)
			if err != nil {
				return err
			}
			for i, class := range b.Labels {
				g.tcav.Count(d.Gradients[i], class)
			}
		}
		if len(explainers) > 0 {
			if err := g.explainBatch(ctx, b, images, explainers); err != nil {
				return err
			}
		}
		g.result.Images += b.N
		done += b.N
		g.Listener.Count(done, len(items))
		return nil
	})
	if err == nil && g.result.Images == 0 {
		err = fmt.Errorf("none of the %d images of %s can be read", len(items), g.part.root)
	}
	return err
}

// explainers returns the explainers of the methods that make maps.
func (g *globalJob) explainers() ([]explain.Explainer, error) {
	s, methods := g.Settings, g.methods()
	names := slices.Compact(slices.DeleteFunc(methods[:], func(m string) bool { return m == "" }))
	if len(names) == 0 {
		return nil, nil
	}
	s.Method = strings.Join(names, ",")
	exact, err := openExact(g.Model, g.Machine, s)
	if err != nil {
		return nil, err
	}
	g.exact = exact
	return newExplainers(s, g.bundle, exact)
}

// explainBatch explains a batch and stores the values that the global methods need.
func (g *globalJob) explainBatch(ctx context.Context, b *dataset.Batch, images explain.Images, explainers []explain.Explainer) error {
	batch, methods := make([]global.Image, b.N), g.methods()
	for _, e := range explainers {
		attributions, err := e.Explain(ctx, images, slices.Repeat([]int{explain.Predicted}, b.N))
		if err != nil {
			return err
		}
		for i, a := range attributions {
			image := &batch[i]
			image.Item, image.Predicted = b.Items[i], a.Target
			if a.Method == methods[1] {
				image.Map = global.Pool(a.Map, g.Global.Side)
				if a.Status == explain.Faint { // its values have no meaning
					image.Map = explain.NewGrid(image.Map.Height, image.Map.Width)
				}
			}
			at := slices.Index(g.classes, image.Class)
			if a.Method != methods[0] || !image.Recognized() || at < 0 || a.Status == explain.Faint {
				continue
			}
			if err := g.means[at].Add(a.Map, pixelsOf(b, i)); err != nil {
				return err
			}
		}
	}
	if g.makes(global.MethodTree) {
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range batch {
			group.Go(func() error {
				picture := global.Picture{Height: b.Height, Width: b.Width, Pixels: pixelsOf(b, i)}
				batch[i].Features = append(global.MeasureImage(picture), global.MeasureMap(batch[i].Map)...)
				return nil
			})
		}
		group.Wait()
	}
	g.images = append(g.images, batch...)
	return nil
}

// pixelsOf returns the pixels of image i of a batch.
func pixelsOf(b *dataset.Batch, i int) []uint8 {
	size := b.Height * b.Width * 3
	return b.Images[i*size : (i+1)*size]
}

// randomConcept is the folder with images for comparison, among those of the concepts. maxConcept
// and maxRandom are the maximum numbers of images used; the seed selects them.
const (
	randomConcept = "random"
	maxConcept    = 200
	maxRandom     = 300
)

// learnConcepts trains the concept activation vectors.
func (g *globalJob) learnConcepts(ctx context.Context) (err error) {
	if g.tcav == nil {
		return nil
	}
	g.Listener.Stage("learning concepts")
	root, items := g.randomImages()
	if g.tcav.Random, err = g.activations(ctx, root, items); err != nil {
		return err
	}
	learned := 0
	for class, name := range g.concepts.Classes {
		if name == randomConcept {
			continue
		}
		examples, err := g.activations(ctx, g.concepts.Root, dataset.Draw(itemsOf(g.concepts, class), maxConcept, g.Settings.Seed))
		if err != nil {
			return err
		}
		note, err := g.tcav.Add(ctx, name, examples)
		if err != nil {
			return err
		}
		if note != "" {
			g.Listener.Note(note)
		}
		learned++
	}
	if learned == 0 {
		return errors.New("the concepts have no folder but " + randomConcept)
	}
	return nil
}

func itemsOf(f *dataset.Folder, class int) []dataset.Item {
	return slices.DeleteFunc(slices.Clone(f.Items), func(i dataset.Item) bool { return i.Class != class })
}

// randomImages returns the images of the folder random. Without it, it returns images of the data
// that are not images of concepts, equally many per class.
func (g *globalJob) randomImages() (root string, items []dataset.Item) {
	if class := slices.Index(g.concepts.Classes, randomConcept); class >= 0 {
		g.tcav.RandomFrom = "concepts"
		return g.concepts.Root, dataset.Draw(itemsOf(g.concepts, class), maxRandom, g.Settings.Seed)
	}
	g.tcav.RandomFrom = "data"
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
	return g.part.root, dataset.Draw(items, max(maxRandom/max(len(classes), 1), 1), g.Settings.Seed)
}

// activations returns a vector for each image: the layer's activations as TCAV uses them.
func (g *globalJob) activations(ctx context.Context, root string, items []dataset.Item) ([][]float32, error) {
	var out [][]float32
	err := g.batches(ctx, root, items, func(b *dataset.Batch) error {
		d, err := g.bundle.Differentiate(ctx, floats(b), slices.Repeat([]int{explain.Predicted}, b.N), g.Settings.Layer, explain.Logit)
		if err != nil {
			return err
		}
		for _, a := range d.Activations {
			out = append(out, g.tcav.Values(a))
		}
		return nil
	})
	return out, err
}
