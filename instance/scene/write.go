package scene

import (
	"os"
	"path/filepath"

	"oscar/instance/coco"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
)

// Write makes a data set in dir, which must not exist or be empty, of pictures that fill
// puts into the folders of their parts. fill returns the scenes of each part. Of a scene,
// Write uses the picture's name and size, and the class and mask of its objects; ids are
// given in order. Nothing is left behind if fill fails.
func Write(dir string, classes []string, fill func(folder func(part string) string) (map[string][]Scene, error)) error {
	if err := writable(dir); err != nil {
		return err
	}
	return atomicfile.Dir(dir, func(tmp string) error {
		folder := func(part string) string { return filepath.Join(tmp, imagesDir, part) }
		for _, part := range Parts {
			if err := os.MkdirAll(folder(part), 0o777); err != nil {
				return err
			}
		}
		scenes, err := fill(folder)
		if err != nil {
			return err
		}
		if err := os.Mkdir(filepath.Join(tmp, annotationsDir), 0o777); err != nil {
			return err
		}
		for _, part := range Parts {
			if len(scenes[part]) == 0 {
				continue
			}
			f := coco.File{Annotations: []coco.Annotation{}}
			for i, name := range classes {
				f.Categories = append(f.Categories, coco.Category{ID: int64(i + 1), Name: name})
			}
			for i, s := range scenes[part] {
				s.Image.ID = int64(i + 1)
				f.Images = append(f.Images, s.Image)
				for _, o := range s.Objects {
					a := coco.Annotation{
						ID: int64(len(f.Annotations) + 1), ImageID: s.Image.ID, CategoryID: int64(o.Class + 1),
						Box: o.Mask.Box(), Area: float64(o.Mask.Area()), Segmentation: coco.Of(o.Mask),
					}
					if o.Ignore {
						a.Crowd = true
					}
					f.Annotations = append(f.Annotations, a)
				}
			}
			if err := atomicfile.WriteJSON(annotationFile(tmp, part), f); err != nil {
				return err
			}
		}
		return checksum.Seal(tmp)
	})
}
