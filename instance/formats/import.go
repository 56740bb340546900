package formats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"oscar/dataset"
	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/instance/scene"
	"oscar/internal/seeded"
	"oscar/internal/text"
)

// Options are the options of [Import].
type Options struct {
	Source string // a folder, or a COCO file
	Map    string // a CSV file of classes and their new classes; "": keep all
	Seed   uint64 // for drawing parts if the source has none
	Limits dataset.Limits
	// OnStage and OnCount receive progress; they may be nil.
	OnStage func(name string)
	OnCount func(done, total int)
}

// Summary counts what was imported.
type Summary struct {
	Format   string
	Pictures map[string]int            // by part
	Objects  map[string]map[string]int // by part and class
	LeftOut  map[string]int            // number of objects and pictures, by reason
	Unusable []dataset.Problem         // missing, unreadable or of another size
}

// source is a data set as its files describe it. The names of pictures are paths relative to the
// source folder, with slashes.
type source struct {
	format   string
	classes  []string
	become   []int // the new class of each class of the objects, -1: left out; nil: the same
	pictures []picture
	leftOut  map[string]int
	flaws    []error // what is wrong in the files
}

// refuse adds an error.
func (s *source) refuse(format string, args ...any) {
	s.flaws = append(s.flaws, fmt.Errorf(format, args...))
}

type picture struct {
	name    string      // also of the copy
	part    string      // "": none
	at      string      // the place of its description, for errors
	size    image.Point // as described; 0: not described
	missing error       // why the picture cannot be found
	data    []byte      // of a picture inside the description; nil: in a file
	objects []object
	// more reads the objects whose masks need the picture's size. boxes is the number of objects
	// without a mask. May be nil.
	more func(size image.Point) (objects []object, boxes int, err error)
}

const withoutMask = "an object without a mask"

type object struct {
	at     string // the place of the object in the picture's description, for errors
	class  int
	ignore bool
	mask   coco.Segmentation
}

// formats are the formats, the one with the least ambiguous files first.
var formats = []struct {
	name string
	read func(f files) (*source, error) // nil if the files are not of the format
}{
	{"YOLO", readYOLO},
	{"Pascal VOC", readVOC},
	{"COCO", readCOCO},
	{"LabelMe", readLabelMe},
}

// Import reads a data set and writes it to dir as a folder of scenes. dir must be empty or not
// exist. Pictures are copied unchanged. If the source has no parts, the seed draws a tenth of the
// pictures for validation and a tenth for the test. Objects without a mask are left out, and so are
// unusable pictures. An error names the file and the fault in it.
func Import(ctx context.Context, dir string, o Options) (*Summary, error) {
	if o.OnStage == nil {
		o.OnStage = func(string) {}
	}
	if o.OnCount == nil {
		o.OnCount = func(int, int) {}
	}
	o.OnStage("reading annotations")
	f, err := openFiles(o.Source)
	if err != nil {
		return nil, err
	}
	defer f.root.Close()
	s, err := read(f)
	if err != nil {
		return nil, err
	}
	wrong := len(s.flaws) > 0
	if err := s.divide(o.Seed); err != nil {
		s.flaws = append(s.flaws, coco.FlawsAt(o.Source, err)...)
	}
	if len(s.flaws) > 0 && !wrong {
		return nil, coco.Flaws(s.flaws)
	}
	if o.Map != "" {
		if err := s.mapClasses(o.Map); err != nil {
			return nil, coco.Flaws(append(s.flaws, coco.Each(err)...))
		}
	}
	if len(s.flaws) > 0 {
		o.OnStage("checking pictures") // for all errors at once
		_, err := s.copyAll(ctx, nil, f, o)
		return nil, err
	}
	o.OnStage("copying pictures")
	return s.write(ctx, dir, f, o)
}

// read detects the format of the files and reads them.
func read(f files) (*source, error) {
	for _, format := range formats {
		s, err := format.read(f)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		s.format = format.name
		if len(s.flaws) == 0 && (len(s.pictures) == 0 || len(s.classes) == 0) {
			return nil, fmt.Errorf("%s: the files of %s have %s and %s; want one or more of each%s", f.path, s.format, text.Count(len(s.pictures), "picture"), text.Count(len(s.classes), "class"), s.reasons())
		}
		return s, nil
	}
	return nil, fmt.Errorf("%s: no format that is known: want COCO's .json, LabelMe's .json beside pictures, a data.yaml of YOLO, or Annotations/ and JPEGImages/ of Pascal VOC", f.path)
}

// boxesAlone ends the error of a source without masks.
const boxesAlone = "a box alone, and a Mask R-CNN learns outlines: give each object a polygon or a mask (COCO, LabelMe, YOLO with polygons, Pascal VOC with SegmentationObject/)"

// reasons lists what was left out and the first unusable picture, for an error.
func (s *source) reasons() (list string) {
	if i := slices.IndexFunc(s.pictures, func(p picture) bool { return p.missing != nil }); i >= 0 {
		list = fmt.Sprintf("; %q cannot be used: %v", s.pictures[i].name, s.pictures[i].missing)
	}
	for _, reason := range slices.Sorted(maps.Keys(s.leftOut)) {
		list += fmt.Sprintf("; left out %s: %s", text.Count(s.leftOut[reason], "time"), reason)
	}
	return list
}

// twice is the error of two pictures with one name.
func twice(a, b picture) error {
	switch {
	case a.part != b.part:
		return fmt.Errorf("picture %q is in two parts, %s and %s", a.name, cmp.Or(a.part, "none"), cmp.Or(b.part, "none"))
	case a.at == b.at:
		return fmt.Errorf("picture %q is named twice for %s", a.name, cmp.Or(a.part, "no part"))
	}
	return fmt.Errorf("picture %q is there twice: %s and %s", a.name, a.at, b.at)
}

// divide draws a part for each picture that is there, if no picture has a part.
func (s *source) divide(seed uint64) error {
	slices.SortFunc(s.pictures, func(a, b picture) int { return strings.Compare(a.name, b.name) })
	trained := false
	var wrong []error
	for i, p := range s.pictures {
		if i > 0 && s.pictures[i-1].name == p.name && p.name != "" {
			wrong = append(wrong, twice(s.pictures[i-1], p))
		}
		trained = trained || p.part == scene.Train
	}
	if len(wrong)+len(s.flaws) > 0 { // the parts may be wrong for the same reason
		return coco.Flaws(wrong)
	}
	if trained {
		s.pictures = slices.DeleteFunc(s.pictures, func(p picture) bool {
			if p.part == "" {
				s.leftOut["a picture of no part"]++
			}
			return p.part == ""
		})
		return nil
	}
	if slices.ContainsFunc(s.pictures, func(p picture) bool { return p.part != "" }) {
		return errors.New("there are pictures for validation or test, and none to train on")
	}
	var usable []int
	for i := range s.pictures {
		if s.pictures[i].part = scene.Train; s.pictures[i].missing == nil {
			usable = append(usable, i)
		}
	}
	order := seeded.WithKey(seeded.Digest(nil, seed, 0x1a9047)).Perm(len(usable))
	tenth := len(order) / 10
	if len(order) > 2 {
		tenth = max(tenth, 1)
	}
	for k, i := range order {
		part := scene.Train
		switch {
		case k < tenth:
			part = scene.Test
		case k < 2*tenth:
			part = scene.Validation
		}
		s.pictures[usable[i]].part = part
	}
	return nil
}

// finished is a copied picture.
type finished struct {
	size     image.Point
	objects  []scene.Truth
	leftOut  []string
	unusable error // why the picture is left out
	flaws    []error
}

// write copies the pictures and writes the annotations.
func (s *source) write(ctx context.Context, dir string, f files, o Options) (*Summary, error) {
	sum := &Summary{Format: s.format, Pictures: map[string]int{}, Objects: map[string]map[string]int{}, LeftOut: s.leftOut}
	for _, part := range scene.Parts {
		sum.Objects[part] = map[string]int{}
	}
	err := scene.Write(dir, s.classes, func(folder func(part string) string) (map[string][]scene.Scene, error) {
		done, err := s.copyAll(ctx, folder, f, o)
		if err != nil {
			return nil, err
		}
		out := map[string][]scene.Scene{}
		for i, p := range s.pictures {
			if err := done[i].unusable; err != nil {
				sum.Unusable = append(sum.Unusable, dataset.Problem{Path: p.name, Reason: err.Error()})
				continue
			}
			out[p.part] = append(out[p.part], scene.Scene{
				Image:   coco.Image{FileName: p.name, Width: done[i].size.X, Height: done[i].size.Y},
				Objects: done[i].objects,
			})
			sum.Pictures[p.part]++
			for _, o := range done[i].objects {
				sum.Objects[p.part][s.classes[o.Class]]++
			}
			for _, reason := range done[i].leftOut {
				sum.LeftOut[reason]++
			}
		}
		if n := len(sum.Unusable); n == len(s.pictures) {
			return nil, fmt.Errorf("%s: none of %s can be used; the first is %q: %s", f.path, text.Count(n, "picture"), sum.Unusable[0].Path, sum.Unusable[0].Reason)
		}
		if len(sum.Objects[scene.Train]) == 0 {
			if sum.LeftOut[withoutMask] > 0 {
				return nil, fmt.Errorf("%s: no object to train on has a mask: the objects have %s", f.path, boxesAlone)
			}
			return nil, fmt.Errorf("%s: no object to train on has a mask%s", f.path, s.reasons())
		}
		return out, nil
	})
	if err != nil {
		return nil, err
	}
	return sum, nil
}

// copyAll copies the pictures, or without folder only checks them. The error has all flaws.
func (s *source) copyAll(ctx context.Context, folder func(part string) string, f files, o Options) ([]finished, error) {
	done := make([]finished, len(s.pictures))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	var count atomic.Int64
	for i, p := range s.pictures {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			dir := ""
			if folder != nil {
				dir = folder(p.part)
			}
			done[i], err = s.copy(p, f, dir, o.Limits)
			o.OnCount(int(count.Add(1)), len(s.pictures))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	flaws := s.flaws
	for _, d := range done {
		flaws = append(flaws, d.flaws...)
	}
	return done, coco.Flaws(flaws)
}

// decode reads and decodes a picture.
func (p picture) decode(f files, limits dataset.Limits) (data []byte, size image.Point, err error) {
	if p.missing != nil {
		return nil, size, p.missing
	}
	if data = p.data; data == nil {
		if data, err = f.read(p.name, cmp.Or(limits.MaxBytes, dataset.DefaultLimits.MaxBytes)); err != nil {
			return nil, size, err
		}
	}
	img, err := dataset.Decode(data, limits)
	if err != nil {
		return nil, size, err
	}
	size = img.Rect.Size()
	if p.size == (image.Point{}) || p.size == size {
		return data, size, nil
	}
	err = fmt.Errorf("it has %d x %d pixels, it is described with %d x %d", size.X, size.Y, p.size.X, p.size.Y)
	if h, e := dataset.ReadHeader(data, limits); e == nil && h.Orientation > 1 && p.size == image.Pt(h.Width, h.Height) {
		err = fmt.Errorf("%w, as before it is turned by its EXIF orientation, %d", err, h.Orientation)
	}
	return nil, size, err
}

// copy decodes a picture, makes the masks of its objects, and writes the file to dir unless that is "".
func (s *source) copy(p picture, f files, dir string, limits dataset.Limits) (out finished, err error) {
	var data []byte
	if data, out.size, out.unusable = p.decode(f, limits); out.unusable != nil {
		return out, nil
	}
	if err := mask.CheckSize(out.size.Y, out.size.X); err != nil {
		out.flaws = append(out.flaws, fmt.Errorf("%s: %w", p.at, err))
		return out, nil
	}
	objects := p.objects
	if p.more != nil {
		var boxes int
		if objects, boxes, err = p.more(out.size); err != nil {
			out.flaws = coco.FlawsAt(p.at, err)
			return out, nil
		}
		for range boxes {
			out.leftOut = append(out.leftOut, withoutMask)
		}
	}
	for _, o := range objects {
		class := o.class
		if s.become != nil {
			class = s.become[class]
		}
		if class < 0 {
			out.leftOut = append(out.leftOut, "an object of a class that the map leaves out")
			continue
		}
		m, err := o.mask.Mask(out.size.Y, out.size.X)
		if err != nil {
			out.flaws = append(out.flaws, fmt.Errorf("%s: %s: %w", p.at, o.at, err))
			continue
		}
		if m.Area() == 0 {
			out.leftOut = append(out.leftOut, "an object without a pixel in the picture")
			continue
		}
		out.objects = append(out.objects, scene.Truth{Class: class, Mask: m, Ignore: o.ignore})
	}
	if len(out.flaws) > 0 || dir == "" {
		return out, nil
	}
	to := filepath.Join(dir, filepath.FromSlash(p.name))
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return out, err
	}
	return out, os.WriteFile(to, data, 0o666)
}
