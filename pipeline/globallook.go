package pipeline

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"oscar/dataset"
	"oscar/explain"
	"oscar/global"
)

// globalImage is one image that the model was shown.
type globalImage struct {
	item      dataset.Item
	predicted int
	heat      explain.Grid // pooled, for the predicted class; not for the averages
	features  []float64    // of the tree; nil if there is none
}

// recognised says whether the model gives the image its own class.
func (s globalImage) recognised() bool { return s.predicted == s.item.Class }

// globalImages are all of them, and what is added up over a class.
type globalImages struct {
	images []globalImage
	sums   map[int]*classSum
}

// classSum adds up the recognised images of a class.
type classSum struct {
	maps  explain.Averager
	photo []uint32 // sums of pixels, at the model's size
}

// glance is how many images the model is shown at a time.
const glance = 32

// look shows the model all images, each decoded once.
func (g *globally) look(ctx context.Context, vectors *conceptVectors) (*globalImages, error) {
	items := g.part.items
	if !g.makes(GlobalTree) {
		items = slices.DeleteFunc(slices.Clone(items), func(i dataset.Item) bool { return !slices.Contains(g.classes, i.Class) })
	}
	explainers, err := g.explainers()
	if err != nil {
		return nil, err
	}
	seen := &globalImages{sums: map[int]*classSum{}}
	for _, c := range g.classes {
		seen.sums[c] = &classSum{}
	}
	g.Listener.stage("explaining")
	done := 0
	err = g.batches(ctx, g.part.root, items, func(b *dataset.Batch) error {
		images := floats(b)
		if err := vectors.count(ctx, g.bundle, images, b.Labels); err != nil {
			return err
		}
		if len(explainers) > 0 {
			if err := g.see(ctx, b, images, explainers, seen); err != nil {
				return err
			}
		}
		g.result.Images += b.N
		done += b.N
		g.Listener.count(done, len(items))
		return nil
	})
	if err == nil && g.result.Images == 0 {
		err = fmt.Errorf("none of the %d images of %s can be read", len(items), g.part.root)
	}
	return seen, err
}

// explainers are the methods that the parts want maps of.
func (g *globally) explainers() ([]explain.Explainer, error) {
	s := g.Settings
	methods := g.methods()
	names := slices.Compact(slices.DeleteFunc(methods[:], func(m string) bool { return m == "" }))
	if len(names) == 0 {
		return nil, nil
	}
	s.Method = strings.Join(names, ",")
	return newExplainers(s, g.bundle)
}

// batches reads images and leaves out, with a note, those that cannot be read,
// unless the run is strict.
func (g *globally) batches(ctx context.Context, root string, items []dataset.Item, each func(*dataset.Batch) error) error {
	in := g.bundle.Metadata.Image
	var skipped []dataset.Problem
	skip := func(item dataset.Item, err error) { skipped = append(skipped, problem(item, err)) }
	if g.part.strict {
		skip = nil
	}
	loader, err := dataset.NewLoader(dataset.LoaderOptions{
		Root: root, Height: in.Height, Width: in.Width, Interpolation: dataset.Interpolation(in.Interpolation),
		Limits: g.part.limits, Workers: g.Machine.Workers, Skip: skip,
	})
	if err != nil {
		return err
	}
	defer loader.Close()
	for b, err := range loader.Batches(ctx, items, nil, glance) {
		if err != nil {
			return err
		}
		if err := each(b); err != nil {
			return err
		}
	}
	g.Listener.notes(LeftOut(skipped))
	g.result.Unreadable += len(skipped)
	return nil
}

// see explains a batch and takes what the parts need of it.
func (g *globally) see(ctx context.Context, b *dataset.Batch, images explain.Images, explainers []explain.Explainer, seen *globalImages) error {
	batch := make([]globalImage, b.N)
	methods := g.methods()
	for _, e := range explainers {
		attributions, err := e.Explain(ctx, images, slices.Repeat([]int{explain.Predicted}, b.N))
		if err != nil {
			return err
		}
		for i, a := range attributions {
			s := &batch[i]
			s.item, s.predicted = b.Items[i], a.Target
			if a.Method == methods[1] {
				s.heat = global.Pool(a.Map, g.Global.Side)
				if a.Status == explain.Faint { // its shape is of nothing
					s.heat = explain.NewGrid(s.heat.Height, s.heat.Width)
				}
			}
			sum := seen.sums[s.item.Class]
			if a.Method != methods[0] || !s.recognised() || sum == nil || a.Status == explain.Faint {
				continue
			}
			if err := sum.add(a.Map, pixelsOf(b, i)); err != nil {
				return err
			}
		}
	}
	if g.makes(GlobalTree) {
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range batch {
			group.Go(func() error {
				picture := global.Picture{Height: b.Height, Width: b.Width, Pixels: pixelsOf(b, i)}
				batch[i].features = append(global.MeasureImage(picture), global.MeasureMap(batch[i].heat)...)
				return nil
			})
		}
		group.Wait()
	}
	seen.images = append(seen.images, batch...)
	return nil
}

// pixelsOf are those of image i.
func pixelsOf(b *dataset.Batch, i int) []uint8 {
	size := b.Height * b.Width * 3
	return b.Images[i*size : (i+1)*size]
}

func (s *classSum) add(g explain.Grid, pixels []uint8) error {
	if s.photo == nil {
		s.photo = make([]uint32, len(pixels))
	}
	before := s.maps.N
	if err := s.maps.Add(g); err != nil || s.maps.N == before {
		return err
	}
	for i, v := range pixels {
		s.photo[i] += uint32(v)
	}
	return nil
}

// ClassAverage is the mean map of a class's recognised images, each divided by
// its L1 mass.
type ClassAverage struct {
	Class      string  `json:"class"`
	Images     int     `json:"images"`              // of the class
	Recognised int     `json:"recognised"`          // of these, by the model
	N          int     `json:"n"`                   // of these, with a map that can be averaged
	Dispersion Measure `json:"dispersion"`          // see explain.Averager.Dispersion
	Center     Measure `json:"centre"`              // see explain.Averager.Center
	Map        string  `json:"map,omitempty"`       // .npy, relative to the folder; none if n is 0
	Deviation  string  `json:"deviation,omitempty"` // .npy, the standard deviation at each position
	Photo      string  `json:"photo,omitempty"`     // .jpg, the mean of the photographs
}

// count says how many images there are of a class, and how many of these the
// model recognises.
func (s *globalImages) count(class int) (images, recognised int) {
	for _, i := range s.images {
		if i.item.Class == class {
			images++
			if i.recognised() {
				recognised++
			}
		}
	}
	return images, recognised
}

// averaged describes the averages.
func (g *globally) averaged(seen *globalImages) []ClassAverage {
	var out []ClassAverage
	for _, c := range g.classes {
		maps := &seen.sums[c].maps
		a := ClassAverage{Class: g.result.Classes[c], N: maps.N, Dispersion: Measure(maps.Dispersion()), Center: Measure(maps.Center())}
		a.Images, a.Recognised = seen.count(c)
		if a.N > 0 {
			a.Map, a.Deviation, a.Photo = averageFile(a.Class, ".npy"), averageFile(a.Class, ".deviation.npy"), averageFile(a.Class, ".jpg")
		}
		out = append(out, a)
	}
	return out
}
