package instance

import (
	"cmp"
	"slices"

	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/result"
)

// minOutcomeScore is the minimum score of detections in [result.Outcomes]. It equals the minimum of
// explained detections.
const minOutcomeScore = 0.5

// matchIoU is the minimum IoU of masks at which an object counts as found.
const matchIoU = 0.5

// failuresOfKind is the maximum number of examples of each kind.
const failuresOfKind = 6

// outcomes matches objects and detections of each picture, and keeps the worst failures.
func outcomes(truth *coco.File, results []coco.Result) (*result.Outcomes, error) {
	name := map[int64]string{}
	for _, c := range truth.Categories {
		name[c.ID] = c.Name
	}
	objects, found := map[int64][]coco.Annotation{}, map[int64][]coco.Result{}
	for _, a := range truth.Annotations {
		objects[a.ImageID] = append(objects[a.ImageID], a)
	}
	for _, r := range results {
		if r.Score >= minOutcomeScore {
			found[r.ImageID] = append(found[r.ImageID], r)
		}
	}
	o := &result.Outcomes{Least: minOutcomeScore, Failures: []result.Failure{}}
	byKind := map[string][]ranked{}
	for _, m := range truth.Images {
		list, err := matches(m, objects[m.ID], found[m.ID])
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			f := result.Failure{Image: m.FileName, ImageID: m.ID, IoU: p.iou}
			if p.object != nil {
				f.Truth, f.Object = name[p.object.CategoryID], &p.object.Segmentation
			}
			rank := 0.0
			if p.found != nil {
				f.Class, f.Found, f.Score = name[p.found.CategoryID], &p.found.Segmentation, p.found.Score
				rank = p.found.Score
			}
			switch {
			case p.object != nil && p.found != nil && f.Truth == f.Class:
				o.Right++
				continue
			case p.object != nil && p.found != nil:
				f.Kind = result.WrongClass
				o.WrongClass++
			case p.object != nil:
				f.Kind, rank = result.Missed, p.object.Area
				o.Missed++
			default:
				f.Kind = result.NoObject
				o.NoObject++
			}
			byKind[f.Kind] = append(byKind[f.Kind], ranked{rank, f})
		}
	}
	for _, kind := range []string{result.WrongClass, result.NoObject, result.Missed} {
		list := byKind[kind]
		slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(b.rank, a.rank) })
		for _, f := range list[:min(len(list), failuresOfKind)] {
			o.Failures = append(o.Failures, f.Failure)
		}
	}
	return o, nil
}

// ranked is a failure and the value by which it is ranked.
type ranked struct {
	rank float64
	result.Failure
}

// match is an object and its detection. One of them may be nil; iou is then the largest IoU with
// another detection or object of the picture.
type match struct {
	object *coco.Annotation
	found  *coco.Result
	iou    float64
}

// matches matches the objects and detections of a picture. Crowds, and detections that lie
// mostly in one, are left out.
func matches(m coco.Image, objects []coco.Annotation, found []coco.Result) ([]match, error) {
	slices.SortStableFunc(found, func(a, b coco.Result) int { return cmp.Compare(b.Score, a.Score) })
	masks := make([]mask.RLE, len(objects))
	for i, a := range objects {
		var err error
		if masks[i], err = a.Segmentation.Mask(m.Height, m.Width); err != nil {
			return nil, err
		}
	}
	taken, largest := make([]bool, len(objects)), make([]float64, len(objects))
	var out []match
	for k := range found {
		own, err := found[k].Segmentation.Mask(m.Height, m.Width)
		if err != nil {
			return nil, err
		}
		best, at, any, ignored := matchIoU, -1, 0.0, false
		for i, a := range objects {
			iou := mask.IoU(own, masks[i], bool(a.Crowd))
			if a.Crowd {
				ignored = ignored || iou >= matchIoU
				continue
			}
			any, largest[i] = max(any, iou), max(largest[i], iou)
			if !taken[i] && iou >= best {
				best, at = iou, i
			}
		}
		switch {
		case at >= 0:
			taken[at] = true
			out = append(out, match{&objects[at], &found[k], best})
		case !ignored:
			out = append(out, match{nil, &found[k], any})
		}
	}
	for i := range objects {
		if !taken[i] && !bool(objects[i].Crowd) {
			out = append(out, match{&objects[i], nil, largest[i]})
		}
	}
	return out, nil
}
