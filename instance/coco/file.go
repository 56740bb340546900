package coco

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"oscar/instance/mask"
	"oscar/internal/jsonerror"
	"oscar/internal/paths"
)

// File is a data set: pictures, classes and objects.
type File struct {
	Images      []Image      `json:"images"`
	Annotations []Annotation `json:"annotations"`
	Categories  []Category   `json:"categories"`
}

// Image is a picture.
type Image struct {
	ID       int64  `json:"id"`
	FileName string `json:"file_name"` // path below the folder of pictures, with slashes
	Width    int    `json:"width"`
	Height   int    `json:"height"`
}

// Category is a class.
type Category struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// Categories returns a category of each class, numbered from 1.
func Categories(classes []string) []Category {
	list := make([]Category, len(classes))
	for i, name := range classes {
		list[i] = Category{ID: int64(i + 1), Name: name}
	}
	return list
}

// Annotation is an object.
type Annotation struct {
	ID           int64        `json:"id"`
	ImageID      int64        `json:"image_id"`
	CategoryID   int64        `json:"category_id"`
	Box          mask.Box     `json:"bbox"`
	Area         float64      `json:"area"`
	Crowd        flag         `json:"iscrowd"`
	Segmentation Segmentation `json:"segmentation"`
	// Whole is the mask with the hidden parts. COCO does not have this key.
	Whole *Segmentation `json:"whole_segmentation,omitempty"`
}

// flag is a bool that JSON stores as 0 or 1.
type flag bool

func (f flag) MarshalJSON() ([]byte, error) {
	if f {
		return []byte("1"), nil
	}
	return []byte("0"), nil
}

func (f *flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "0", "false", "null":
		*f = false
	case "1", "true":
		*f = true
	default:
		return fmt.Errorf("iscrowd is %.20s, want 0 or 1", b)
	}
	return nil
}

// Segmentation is a mask in a file: polygons or run lengths. The zero value is no mask.
type Segmentation struct {
	Polygons [][]float64
	Runs     *mask.RLE
}

// Of returns a mask as a segmentation with run lengths.
func Of(m mask.RLE) Segmentation { return Segmentation{Runs: &m} }

// Mask returns the mask for a picture of that size.
func (s Segmentation) Mask(height, width int) (mask.RLE, error) {
	if s.Runs != nil {
		if s.Runs.Height != height || s.Runs.Width != width {
			return mask.RLE{}, fmt.Errorf("a mask of %d x %d for a picture of %d x %d (height x width)", s.Runs.Height, s.Runs.Width, height, width)
		}
		return *s.Runs, nil
	}
	if err := mask.CheckSize(height, width); err != nil {
		return mask.RLE{}, err
	}
	left := int64(maxSteps)
	if s.steps() > left {
		return mask.RLE{}, errTooLong
	}
	return s.fill(height, width, &left)
}

// maxSteps limits the steps for filling the polygons of a file, to a few seconds. COCO's own files,
// with 860,000 objects, need half of it.
const maxSteps = 1 << 32

var errTooLong = fmt.Errorf("the polygons are too long: filling them takes more than %d steps", int64(maxSteps))

// steps returns the number of steps for filling the polygons.
func (s Segmentation) steps() (n int64) {
	for _, p := range s.Polygons {
		n += mask.Steps(p)
	}
	return n
}

// fill fills the polygons. It subtracts its steps, and the steps for joining masks, from left, and
// returns an error if left becomes negative.
func (s Segmentation) fill(height, width int, left *int64) (mask.RLE, error) {
	out, err := mask.FromCounts(height, width, []uint32{uint32(height * width)})
	for _, p := range s.Polygons {
		if *left -= mask.Steps(p) + int64(len(out.Counts)); *left < 0 {
			return mask.RLE{}, errTooLong
		}
		var one mask.RLE
		if one, err = mask.Fill(height, width, p); err != nil {
			return mask.RLE{}, err
		}
		out = mask.Union(out, one)
	}
	return out, err
}

// Masks returns the masks of all objects, in the order of the annotations. It returns an error if
// the masks would take minutes or gigabytes.
func (f *File) Masks(ctx context.Context) ([]mask.RLE, error) {
	size := map[int64]Image{}
	for _, m := range f.Images {
		size[m.ID] = m
	}
	out := make([]mask.RLE, len(f.Annotations))
	steps, runs := int64(maxSteps), maxRuns
	for _, a := range f.Annotations {
		if steps -= a.Segmentation.steps(); steps < 0 {
			return nil, fmt.Errorf("annotation %d: %w", a.ID, errTooLong)
		}
	}
	steps = maxSteps
	for i, a := range f.Annotations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := size[a.ImageID], error(nil)
		if a.Segmentation.Runs == nil {
			out[i], err = a.Segmentation.fill(m.Height, m.Width, &steps)
		} else {
			out[i], err = a.Segmentation.Mask(m.Height, m.Width)
		}
		if runs -= len(out[i].Counts); err == nil && runs < 0 {
			err = fmt.Errorf("the masks up to here have more than %d runs of pixels", maxRuns)
		}
		if err != nil {
			return nil, fmt.Errorf("annotation %d: %w", a.ID, err)
		}
	}
	return out, nil
}

// maxRuns is the largest number of runs in all masks of a file.
const maxRuns = 1 << 27

// runs is the file format of run lengths: counts is a list or COCO's compact text.
type runs struct {
	Size   [2]int          `json:"size"` // height, width
	Counts json.RawMessage `json:"counts"`
}

// MarshalJSON writes polygons, or run lengths in the compact form.
func (s Segmentation) MarshalJSON() ([]byte, error) {
	if s.Runs == nil {
		if s.Polygons == nil {
			return []byte("[]"), nil
		}
		return json.Marshal(s.Polygons)
	}
	text, err := json.Marshal(s.Runs.Text())
	if err != nil {
		return nil, err
	}
	return json.Marshal(runs{[2]int{s.Runs.Height, s.Runs.Width}, text})
}

// UnmarshalJSON reads polygons and both forms of run lengths.
func (s *Segmentation) UnmarshalJSON(b []byte) error {
	*s = Segmentation{}
	if b[0] != '{' {
		if json.Unmarshal(b, &s.Polygons) != nil {
			return fmt.Errorf("segmentation is %.40s, %w", b, errForm)
		}
		return nil
	}
	var r runs
	if json.Unmarshal(b, &r) != nil {
		return fmt.Errorf("segmentation is %.40s, %w", b, errForm)
	}
	var (
		text   string
		counts []uint32
		m      mask.RLE
		err    error
	)
	if json.Unmarshal(r.Counts, &text) == nil {
		m, err = mask.Parse(r.Size[0], r.Size[1], text)
	} else if json.Unmarshal(r.Counts, &counts) == nil {
		m, err = mask.FromCounts(r.Size[0], r.Size[1], counts)
	} else {
		err = fmt.Errorf("segmentation is %.40s, %w", b, errForm)
	}
	s.Runs = &m
	return err
}

var errForm = errors.New("want polygons as [[x, y, ...]], or {size: [height, width], counts: text or numbers}")

// limit is the maximum size of a file, in bytes.
const limit = 1 << 30

// Read reads a data set. It returns an error if names, numbers and sizes are inconsistent.
func Read(path string) (*File, error) {
	b, err := paths.ReadFile(path, limit)
	if err != nil {
		return nil, err
	}
	f := &File{}
	if err = decode(b, f); err == nil {
		err = cmp.Or(Flaws(f.sift()), f.checkIDs())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Parse is [Read] for a text that another program wrote. Two annotations may have the same id, as
// some of TACO's do. If parts are inconsistent, Parse returns an error and also a file with the
// other parts; nil if these have no image or no category.
func Parse(b []byte) (*File, error) {
	f := &File{}
	var wrong []error
	if err := decode(b, f); err != nil {
		*f = File{}
		if wrong = f.decodeEach(b); len(wrong) == 0 {
			return nil, err
		}
	}
	wrong = append(wrong, f.sift()...)
	if len(f.Images) == 0 || len(f.Categories) == 0 {
		f = nil
	}
	return f, Flaws(wrong)
}

func read(path string, v any) error {
	b, err := paths.ReadFile(path, limit)
	if err != nil {
		return err
	}
	if err := decode(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func decode(b []byte, v any) error {
	if needs := memory(b); needs > maxMemory {
		return fmt.Errorf("it has more objects and numbers than oscar reads: they would take %d MiB, want at most %d", needs>>20, maxMemory>>20)
	}
	if err := jsonerror.Plain(json.Unmarshal(b, v)); err != nil {
		return cmp.Or(Flaws(new(File).decodeEach(b)), fmt.Errorf("it is not a COCO file: %w", err))
	}
	return nil
}

// decodeEach decodes the annotations one by one and returns the errors, with their ids. It returns
// nil if all can be decoded, or anything else cannot.
func (f *File) decodeEach(b []byte) (wrong []error) {
	var raw struct {
		Images      []Image           `json:"images"`
		Categories  []Category        `json:"categories"`
		Annotations []json.RawMessage `json:"annotations"`
	}
	if json.Unmarshal(b, &raw) != nil {
		return nil
	}
	f.Images, f.Categories = raw.Images, raw.Categories
	for i, text := range raw.Annotations {
		var one Annotation
		err := jsonerror.Plain(json.Unmarshal(text, &one))
		if err == nil {
			f.Annotations = append(f.Annotations, one)
			continue
		}
		var a struct {
			ID *int64 `json:"id"`
		}
		if json.Unmarshal(text, &a) != nil || a.ID == nil {
			wrong = append(wrong, fmt.Errorf("the annotation in place %d: %w", i+1, err))
			continue
		}
		wrong = append(wrong, fmt.Errorf("annotation %d: %w", *a.ID, err))
	}
	return wrong
}

// maxMemory is the maximum memory of a file's objects, in bytes. COCO's own files need half of it.
const maxMemory = 3 << 30

// memory estimates the memory of a JSON text's values, in bytes. A few bytes of text can be a large
// object.
func memory(b []byte) int64 {
	count := func(text string) int64 { return int64(bytes.Count(b, []byte(text))) }
	return 512*count("{") + 48*count("[") + 16*count(",")
}

// sift removes inconsistent parts and returns an error for each.
func (f *File) sift() (wrong []error) {
	if len(f.Images) == 0 || len(f.Categories) == 0 {
		return []error{fmt.Errorf("%d images and %d categories; want one or more of each", len(f.Images), len(f.Categories))}
	}
	refuse := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	images, categories := map[int64]bool{}, map[int64]bool{} // whether it is consistent
	names := map[string]bool{}
	f.Categories = slices.DeleteFunc(f.Categories, func(c Category) bool {
		_, twice := categories[c.ID]
		bad := twice || names[c.Name] || c.Name == ""
		if bad {
			refuse("category %d, %q: its id or its name is there twice, or the name is empty", c.ID, c.Name)
		}
		categories[c.ID], names[c.Name] = categories[c.ID] || !bad, true
		return bad
	})
	f.Images = slices.DeleteFunc(f.Images, func(m Image) bool {
		_, twice := images[m.ID]
		err := errors.Join(mask.CheckSize(m.Height, m.Width), paths.CheckLocal(m.FileName))
		switch {
		case err != nil:
			refuse("image %d: %w", m.ID, err)
		case twice:
			refuse("two images have the id %d", m.ID)
		}
		bad := err != nil || twice
		images[m.ID] = images[m.ID] || !bad
		return bad
	})
	f.Annotations = slices.DeleteFunc(f.Annotations, func(a Annotation) bool {
		if _, known := images[a.ImageID]; !known {
			refuse("annotation %d is of image %d, which is not there", a.ID, a.ImageID)
		}
		if _, known := categories[a.CategoryID]; !known {
			refuse("annotation %d has category %d, which is not there", a.ID, a.CategoryID)
		}
		return !images[a.ImageID] || !categories[a.CategoryID]
	})
	return wrong
}

// checkIDs returns an error if two annotations have the same id.
func (f *File) checkIDs() error {
	ids := map[int64]bool{}
	for _, a := range f.Annotations {
		if ids[a.ID] {
			return fmt.Errorf("two annotations have the id %d", a.ID)
		}
		ids[a.ID] = true
	}
	return nil
}

// Result is a detection.
type Result struct {
	ImageID      int64        `json:"image_id"`
	CategoryID   int64        `json:"category_id"`
	Box          mask.Box     `json:"bbox"`
	Score        float64      `json:"score"`
	Segmentation Segmentation `json:"segmentation"`
}

// ReadResults reads a list of detections.
func ReadResults(path string) ([]Result, error) {
	var out []Result
	err := read(path, &out)
	return out, err
}
