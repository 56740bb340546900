package scene

import (
	"os"
	"path/filepath"

	"oscar/dataset"
	"oscar/instance/coco"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
)

// Write makes a data set in dir, which must be empty or not exist. fill writes the pictures into the
// folders of their parts and returns the scenes of each part. Write uses these fields of a scene:
// the picture's name and size, and the class and mask of its objects. It numbers the ids. If fill
// fails, dir is left unchanged.
func Write(dir string, classes []string, fill func(folder func(part string) string) (map[string][]Scene, error)) error {
	return writeParts(dir, nil, classes, fill)
}

func writeParts(dir string, photographs *dataset.Split, classes []string, fill func(folder func(part string) string) (map[string][]Scene, error)) error {
	return create(dir, photographs, func(folder func(part string) string) (map[string]coco.File, error) {
		scenes, err := fill(folder)
		if err != nil {
			return nil, err
		}
		files := map[string]coco.File{}
		for part, list := range scenes {
			f := coco.File{Annotations: []coco.Annotation{}, Categories: coco.Categories(classes)}
			for i, s := range list {
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
			if len(list) > 0 {
				files[part] = f
			}
		}
		return files, nil
	})
}

// create makes a data set in dir, which must be empty or not exist. fill writes the pictures into
// the folders of their parts and returns the annotations of each part. photographs, if not nil, are
// the source of the pictures. If fill fails, dir is left unchanged.
func create(dir string, photographs *dataset.Split, fill func(folder func(part string) string) (map[string]coco.File, error)) error {
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
		files, err := fill(folder)
		if err != nil {
			return err
		}
		if err := os.Mkdir(filepath.Join(tmp, annotationsDir), 0o777); err != nil {
			return err
		}
		for part, f := range files {
			if err := atomicfile.WriteJSON(annotationFile(tmp, part), f); err != nil {
				return err
			}
		}
		if photographs != nil {
			if err := photographs.Write(filepath.Join(tmp, splitFile)); err != nil {
				return err
			}
		}
		return checksum.Seal(tmp)
	})
}
