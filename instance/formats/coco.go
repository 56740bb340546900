package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"path"
	"slices"
	"strings"

	"oscar/instance/coco"
	"oscar/instance/scene"
	"oscar/internal/paths"
)

// cocoFile is a JSON file with COCO's keys.
type cocoFile struct {
	name string
	data *coco.File
}

// cocoFiles reads the JSON files that have COCO's keys, and returns the errors in them.
func cocoFiles(f files) (list []cocoFile, flaws []error) {
	for _, name := range f.with(".json") {
		var head struct {
			Images      []json.RawMessage `json:"images"`
			Annotations []json.RawMessage `json:"annotations"`
			Categories  []json.RawMessage `json:"categories"`
		}
		b, err := f.read(name, paths.Record)
		if err != nil || json.Unmarshal(b, &head) != nil || len(head.Images) == 0 || len(head.Categories) == 0 {
			continue
		}
		data, err := coco.Parse(b)
		if err != nil {
			flaws = append(flaws, coco.FlawsAt(f.at(name), err)...)
		}
		if data == nil {
			data = &coco.File{}
		}
		list = append(list, cocoFile{name, data})
	}
	return list, flaws
}

// readCOCO reads all COCO files of the source. A word in the name of a file, or of its folder, is
// its part; a single file has no part. Pictures are next to the file, or in a folder named images,
// data or like the part. This folder is next to the file or to its folder.
func readCOCO(f files) (*source, error) {
	list, flaws := cocoFiles(f)
	if len(list) == 0 {
		return nil, nil
	}
	s := &source{leftOut: map[string]int{}, flaws: flaws}
	class := map[string]int{}
	for _, one := range list {
		name, data := one.name, one.data
		categories := map[int64]int{}
		for _, c := range data.Categories {
			if _, known := class[c.Name]; !known {
				class[c.Name] = len(s.classes)
				s.classes = append(s.classes, c.Name)
			}
			categories[c.ID] = class[c.Name]
		}
		part := ""
		if len(list) > 1 {
			if part = partOf(name); part == "" {
				s.refuse("%s: with %d files of COCO, each needs train, val or test in its name or its folder's; or give one file", f.at(name), len(list))
			}
		}
		at := map[int64]int{}
		for _, m := range data.Images {
			p := picture{part: part, at: fmt.Sprintf("%s: picture %s", f.at(name), m.FileName), size: image.Pt(m.Width, m.Height)}
			var err error
			p.name, err = f.find(name, part, m.FileName)
			if err != nil && !errors.Is(err, errNoPicture) {
				s.refuse("%s: image %d: %w", f.at(name), m.ID, err)
			}
			p.missing = err
			at[m.ID] = len(s.pictures)
			s.pictures = append(s.pictures, p)
		}
		for _, a := range data.Annotations {
			if a.Segmentation.Runs == nil && len(a.Segmentation.Polygons) == 0 {
				s.leftOut[withoutMask]++
				continue
			}
			p := &s.pictures[at[a.ImageID]]
			p.objects = append(p.objects, object{at: fmt.Sprintf("annotation %d", a.ID), class: categories[a.CategoryID], ignore: bool(a.Crowd), mask: a.Segmentation})
		}
	}
	return s, nil
}

var errNoPicture = errors.New("there is no such picture")

// find returns the path of a picture that an annotation file names. If it does not exist, the error
// is errNoPicture and the path is the first candidate.
func (f files) find(annotations, part, name string) (string, error) {
	dir := path.Dir(annotations)
	first, err := within(dir, name)
	if err != nil {
		return "", err
	}
	if f.has(first) {
		return first, nil
	}
	for _, base := range []string{dir, path.Dir(dir)} {
		for _, folder := range []string{"images", "data", part, "images/" + part, part + "2017", part + "/images"} {
			if file, err := within(base, folder, name); err == nil && f.has(file) {
				return file, nil
			}
		}
	}
	return first, fmt.Errorf("%w beside the annotations, nor in images/ or data/", errNoPicture)
}

// partOf returns the last part that a path names, or "" for none.
func partOf(name string) string {
	words := strings.FieldsFunc(strings.ToLower(strings.TrimSuffix(name, path.Ext(name))), func(r rune) bool {
		return (r < 'a' || r > 'z')
	})
	for _, w := range slices.Backward(words) {
		switch w {
		case "train", "training":
			return scene.Train
		case "val", "valid", "validation":
			return scene.Validation
		case "test", "testing":
			return scene.Test
		}
	}
	return ""
}
