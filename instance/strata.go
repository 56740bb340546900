package instance

import (
	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/result"
)

// The strata, by how an object lies among the others of its picture. Objects overlap if the
// boxes of their visible pixels do.
const (
	apart      = "apart"
	otherClass = "overlapping other classes"
	sameClass  = "overlapping its own class"
)

// strata evaluates masks by stratum: objects that overlap no other object, that overlap only objects
// of other classes, and that overlap an object of their own class. Semantic segmentation cannot
// separate the last kind.
func strata(truth *coco.File, results []coco.Result) ([]result.Stratum, error) {
	lies := stratumOf(truth)
	var out []result.Stratum
	for _, name := range []string{apart, otherClass, sameClass} {
		count := func(a coco.Annotation) bool { return lies[a.ID] == name }
		s, err := coco.EvaluateSome(truth, results, coco.Masks, count)
		if err != nil {
			return nil, err
		}
		row := result.Stratum{Name: name, AP: s.AP, AP50: s.AP50}
		for _, a := range truth.Annotations {
			if count(a) && !bool(a.Crowd) {
				row.Objects++
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// stratumOf returns the stratum of each annotation by its id.
func stratumOf(truth *coco.File) map[int64]string {
	byImage := map[int64][]coco.Annotation{}
	for _, a := range truth.Annotations {
		byImage[a.ImageID] = append(byImage[a.ImageID], a)
	}
	out := map[int64]string{}
	for _, list := range byImage {
		for _, a := range list {
			out[a.ID] = apart
			for _, b := range list {
				if a.ID == b.ID || mask.BoxIoU(a.Box, b.Box, false) == 0 {
					continue
				}
				if a.CategoryID == b.CategoryID {
					out[a.ID] = sameClass
					break
				}
				out[a.ID] = otherClass
			}
		}
	}
	return out
}
