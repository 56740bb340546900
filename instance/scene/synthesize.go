package scene

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"oscar/dataset"
	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/internal/paths"
)

// Options are the options of [Synthesize].
type Options struct {
	Scenes        int    // at least 10: a tenth for validation and a tenth for the test
	Width, Height int    // of a picture; 0: 256
	Seed          uint64 // of all random values
}

const minScenes, maxScenes = 10, 1_000_000

// Check reports the first invalid option.
func (o Options) Check() error {
	if o.Scenes < minScenes || o.Scenes > maxScenes {
		return fmt.Errorf("%d scenes: want %d to %d", o.Scenes, minScenes, maxScenes)
	}
	return o.drawing().Check()
}

func (o Options) drawing() dataset.SyntheticOptions {
	return dataset.SyntheticOptions{PerClass: 1, Width: o.Width, Height: o.Height, Seed: o.Seed}
}

// part returns the part of scene i.
func (o Options) part(i int) string {
	switch tenth := o.Scenes / 10; {
	case i < tenth:
		return Test
	case i < 2*tenth:
		return Validation
	}
	return Train
}

// Synthesize draws a data set of scenes into dir, which must be empty or not exist. The classes are
// dataset.SyntheticClasses. An object of which less than a quarter is visible is annotated as a
// crowd: it is neither an object nor background.
func Synthesize(ctx context.Context, dir string, o Options) error {
	if err := o.Check(); err != nil {
		return err
	}
	return write(ctx, dir, coco.Categories(dataset.SyntheticClasses), o.Scenes, o.part, nil, func(i int) (image.Image, []object, error) {
		img, drawn, err := dataset.SyntheticScene(i, o.drawing())
		var objects []object
		for _, d := range drawn {
			objects = append(objects, object{Class: d.Class, Visible: encode(d.Visible), Whole: encode(d.Whole)})
		}
		return img, objects, err
	})
}

func encode(m *image.Gray) mask.RLE { return mask.Encode(m.Rect.Dy(), m.Rect.Dx(), m.Pix) }

// object is an object of a scene: the index of its category, and its masks.
type object struct {
	Class          int
	Visible, Whole mask.RLE
}

// minVisible is the visible share below which an object is a crowd.
const minVisible = 0.25

// annotation returns the object in COCO's format. ok is false if no pixel is visible.
func (o object) annotation(id, imageID int64, categories []coco.Category) (a coco.Annotation, ok bool) {
	area, whole := o.Visible.Area(), coco.Of(o.Whole)
	a = coco.Annotation{
		ID: id, ImageID: imageID, CategoryID: categories[o.Class].ID,
		Box: o.Visible.Box(), Area: float64(area), Segmentation: coco.Of(o.Visible), Whole: &whole,
	}
	a.Crowd = float64(area) < minVisible*float64(o.Whole.Area())
	return a, area > 0
}

// writable returns an error unless dir is empty or missing.
func writable(dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty; name a new folder", dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", dir, paths.TrimError(err))
	}
	return nil
}

// write makes a data set of scenes. draw returns scene i and must depend only on i.
func write(ctx context.Context, dir string, categories []coco.Category, scenes int, part func(i int) string,
	photographs *dataset.Split, draw func(i int) (image.Image, []object, error)) error {
	return create(dir, photographs, func(folder func(part string) string) (map[string]coco.File, error) {
		number := make([]int, scenes) // of each scene within its part, from 1
		count := map[string]int{}
		for i := range scenes {
			count[part(i)]++
			number[i] = count[part(i)]
		}
		sizes, objects := make([]image.Point, scenes), make([][]object, scenes)
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range scenes {
			group.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				img, found, err := draw(i)
				if err != nil {
					return err
				}
				sizes[i], objects[i] = img.Bounds().Size(), found
				return dataset.WritePNG(filepath.Join(folder(part(i)), fileName(number[i])), img)
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		files := map[string]coco.File{}
		for _, name := range Parts {
			f := coco.File{Images: []coco.Image{}, Annotations: []coco.Annotation{}, Categories: categories}
			for i, size := range sizes {
				if part(i) != name {
					continue
				}
				id := int64(number[i])
				f.Images = append(f.Images, coco.Image{ID: id, FileName: fileName(number[i]), Width: size.X, Height: size.Y})
				for _, o := range objects[i] {
					if a, ok := o.annotation(int64(len(f.Annotations)+1), id, categories); ok {
						f.Annotations = append(f.Annotations, a)
					}
				}
			}
			files[name] = f
		}
		return files, nil
	})
}

func fileName(number int) string { return fmt.Sprintf("%06d.png", number) }
