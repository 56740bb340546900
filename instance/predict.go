package instance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"oscar/dataset"
	"oscar/instance/coco"
	"oscar/instance/maskrcnn"
	"oscar/instance/scene"
	"oscar/internal/atomicfile"
	"oscar/run"
)

// PredictOptions are the options of [Predict].
type PredictOptions struct {
	Run      string
	Paths    []string // pictures, folders of them, or one folder of scenes with Part
	Part     string   // "": the test part
	Out      string   // a file
	Machine  run.Machine
	Listener run.Listener
}

// predictions is the file that Predict writes: a COCO data set whose annotations have scores.
type predictions struct {
	Info        info            `json:"info"`
	Images      []coco.Image    `json:"images"`
	Annotations []scored        `json:"annotations"`
	Categories  []coco.Category `json:"categories"`
}

// info describes a data set in COCO's format.
type info struct {
	Description string `json:"description"`
}

// The descriptions of the files that Predict writes start with predictionsBegin. It tells detections
// from annotations by people.
const (
	detected         = "objects detected by oscar"
	predictionsBegin = "{\n  \"info\": {\n    \"description\": \"" + detected + "\""
)

type scored struct {
	ID int64 `json:"id"`
	coco.Result
	Area  float64 `json:"area"`
	Crowd int     `json:"iscrowd"`
}

// PredictSummary summarizes a [Predict].
type PredictSummary struct {
	Images, Objects int
	Unreadable      []dataset.Problem
}

// Predict writes the detected objects in COCO's format. Unreadable pictures are skipped. A file with
// other detections is not replaced.
func Predict(ctx context.Context, o PredictOptions) (*PredictSummary, error) {
	replaceable := func() error { return atomicfile.CheckOurs(o.Out, "detections", predictionsBegin) }
	if err := replaceable(); err != nil {
		return nil, err
	}
	r, d, _, err := open(ctx, o.Run, o.Machine)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	list, categories, err := r.pictures(ctx, o.Paths, o.Part)
	if err != nil {
		return nil, err
	}
	out := predictions{Info: info{detected}, Images: []coco.Image{}, Annotations: []scored{}, Categories: categories}
	s := &PredictSummary{}
	o.Listener.Stage("detecting")
	err = list.each(ctx, d, o.Machine, o.Listener, func(e entry, p picture, found []maskrcnn.Detection) error {
		m := e.image
		out.Images = append(out.Images, m)
		for i, one := range resultsOf(found, p) {
			one.ImageID, one.CategoryID = m.ID, categories[found[i].Class].ID
			area := one.Segmentation.Runs.Area()
			out.Annotations = append(out.Annotations, scored{ID: int64(len(out.Annotations) + 1), Result: one, Area: float64(area)})
		}
		return nil
	}, func(path string, err error) {
		s.Unreadable = append(s.Unreadable, dataset.Problem{Path: path, Reason: err.Error()})
	})
	if err != nil {
		return nil, err
	}
	s.Images, s.Objects = len(out.Images), len(out.Annotations)
	text, err := json.MarshalIndent(out, "", "  ")
	if err == nil {
		err = replaceable() // the file may have appeared in the meantime
	}
	if err != nil {
		return nil, err
	}
	return s, atomicfile.Output(o.Out, func(f *os.File) error {
		return atomicfile.Extending(o.Out, "detections", f, func(to io.Writer) error {
			_, err := to.Write(append(text, '\n'))
			return err
		})
	})
}

// pictures are files and the ids of their pictures.
type pictures []entry

type entry struct {
	image coco.Image
	path  string
	truth []scene.Truth // of a scene
}

// pictures lists the pictures in paths. Scenes keep their ids and category ids. Other pictures are
// numbered from 1.
func (r *Run) pictures(ctx context.Context, paths []string, part string) (pictures, []coco.Category, error) {
	classes := r.Experiment.Data.Classes
	categories := coco.Categories(classes)
	if part == "" {
		part = scene.Test
	}
	var out pictures
	if len(paths) == 1 && scene.Is(paths[0]) {
		set, err := scene.Open(ctx, paths[0], part)
		if err != nil {
			return nil, nil, err
		}
		if err := checkClasses(&scene.Set{Part: "train of the run", Classes: classes}, set); err != nil {
			return nil, nil, err
		}
		for i := range classes {
			categories[i].ID = set.Category(i)
		}
		for _, s := range set.Scenes {
			out = append(out, entry{s.Image, s.Path, s.Objects})
		}
		return out, categories, nil
	}
	files, err := dataset.ListImages(ctx, paths)
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("there are no pictures in %v", paths)
	}
	for i, file := range files {
		out = append(out, entry{image: coco.Image{ID: int64(i + 1), FileName: filepath.ToSlash(file)}, path: file})
	}
	return out, categories, nil
}

// each detects the objects of all pictures, in batches. It calls unreadable for each picture that
// cannot be read.
func (list pictures) each(ctx context.Context, d *maskrcnn.Detector, m run.Machine, l run.Listener,
	found func(e entry, p picture, objects []maskrcnn.Detection) error, unreadable func(path string, err error)) error {
	next := func(i int) decoded {
		img, err := dataset.DecodeFile(list[i].path, m.Limits)
		if err != nil {
			return decoded{err: err}
		}
		return decoded{picture: fit(img, d.Architecture.Input)}
	}
	for first, batch := range ahead(len(list), detectBatch, m.Workers, next) {
		if ctx.Err() != nil {
			return run.ErrInterrupted
		}
		var pictures []picture
		var read []entry
		for i, b := range batch {
			e := list[first+i]
			if b.err != nil {
				unreadable(e.path, b.err)
				continue
			}
			e.image.Width, e.image.Height = b.picture.Image.Rect.Dx(), b.picture.Image.Rect.Dy()
			pictures, read = append(pictures, b.picture), append(read, e)
		}
		if len(pictures) > 0 {
			objects, err := detectAll(ctx, d, pictures)
			if err != nil {
				return err
			}
			for i := range pictures {
				if err := found(read[i], pictures[i], objects[i]); err != nil {
					return err
				}
			}
		}
		l.Count(first+len(batch), len(list))
	}
	return nil
}
