package scene

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"oscar/dataset"
	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/internal/paths"
)

// The parts of a data set.
const (
	Train      = "train"
	Validation = "val"
	Test       = "test"
)

// Parts are all parts.
var Parts = []string{Train, Validation, Test}

const imagesDir, annotationsDir, splitFile = "images", "annotations", "split.json"

func annotationFile(dir, part string) string {
	return filepath.Join(dir, annotationsDir, "instances_"+part+".json")
}

// Photographs returns the parts of the photographs that the scenes in dir are composed of. It
// returns nil if they are not recorded.
func Photographs(dir string) (*dataset.Split, error) {
	path := filepath.Join(dir, splitFile)
	if !paths.Exists(path) {
		return nil, nil
	}
	return dataset.ReadSplit(path)
}

// maxObjects is the maximum number of objects per picture. A detector needs as many bytes for each
// as its input has pixels.
const maxObjects = 1000

// Is reports whether dir is a data set of scenes.
func Is(dir string) bool { return paths.Exists(annotationFile(dir, Train)) }

// Set is one part of a data set.
type Set struct {
	Part    string
	Classes []string // in the order of the categories' ids
	Scenes  []Scene  // in the order of the images' ids
	Truth   *coco.File
	SHA256  string // of the annotations
}

// Scene is a picture with its objects.
type Scene struct {
	Image   coco.Image
	Path    string
	Objects []Truth
}

// Truth is a true object of a scene.
type Truth struct {
	Class  int // an index into the set's classes
	Box    mask.Box
	Mask   mask.RLE
	Ignore bool // a crowd: neither an object nor background
}

// Open reads a part of the data set in dir, without the pictures.
func Open(ctx context.Context, dir, part string) (*Set, error) {
	path := annotationFile(dir, part)
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("cannot read the folder of scenes %q: %w", dir, paths.TrimError(err))
	} else if !info.IsDir() || !paths.Exists(path) {
		return nil, fmt.Errorf("%s is not a folder of scenes with a part %s: it has no %s", dir, part, filepath.Join("annotations", filepath.Base(path)))
	}
	f, err := coco.Read(path)
	if err != nil {
		return nil, err
	}
	text, err := paths.ReadFile(path, 1<<30)
	if err != nil {
		return nil, err
	}
	s := &Set{Part: part, Truth: f, SHA256: fmt.Sprintf("%x", sha256.Sum256(text))}
	categories := slices.SortedFunc(slices.Values(f.Categories), func(a, b coco.Category) int { return cmp.Compare(a.ID, b.ID) })
	class, place := map[int64]int{}, map[int64]int{}
	for i, c := range categories {
		class[c.ID] = i
		s.Classes = append(s.Classes, c.Name)
	}
	for i, m := range slices.SortedFunc(slices.Values(f.Images), func(a, b coco.Image) int { return cmp.Compare(a.ID, b.ID) }) {
		place[m.ID] = i
		file, err := paths.Local(filepath.Join(dir, imagesDir, part), m.FileName)
		if err != nil {
			return nil, fmt.Errorf("%s: image %d: %w", path, m.ID, err)
		}
		s.Scenes = append(s.Scenes, Scene{Image: m, Path: file})
	}
	masks, err := f.Masks(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i, a := range f.Annotations {
		scene, m := &s.Scenes[place[a.ImageID]], masks[i]
		if m.Area() == 0 {
			continue
		}
		if len(scene.Objects) == maxObjects {
			return nil, fmt.Errorf("%s: image %d has more than %d objects", path, a.ImageID, maxObjects)
		}
		scene.Objects = append(scene.Objects, Truth{Class: class[a.CategoryID], Box: m.Box(), Mask: m, Ignore: bool(a.Crowd)})
	}
	return s, nil
}

// Category returns the id of a class in the set's file.
func (s *Set) Category(class int) int64 {
	for _, c := range s.Truth.Categories {
		if c.Name == s.Classes[class] {
			return c.ID
		}
	}
	return 0
}

// Missing returns an error that names the first missing picture, or nil.
func (s *Set) Missing() error {
	for _, scene := range s.Scenes {
		if _, err := os.Stat(scene.Path); err != nil {
			return fmt.Errorf("%s of part %s: %w", scene.Image.FileName, s.Part, paths.TrimError(err))
		}
	}
	return nil
}
