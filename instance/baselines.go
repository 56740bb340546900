package instance

import (
	"cmp"
	"slices"

	"oscar/instance/coco"
	"oscar/instance/mask"
	"oscar/result"
)

// Way has the scores of one way to find objects: the AP of its masks, with the bootstrap's 95 %
// interval over images, and the strata.
type Way = result.Way

// The ways to find objects.
const (
	detector       = "detector"
	wholePicture   = "the whole picture, most frequent class"
	ownComponents  = "detector's masks merged by class, cut into pieces"
	trueComponents = "true masks merged by class, cut into pieces"
)

// minMergeScore is the minimum score of detections whose masks are merged.
const minMergeScore = 0.5

// bootstrapDraws is the number of bootstrap samples.
const bootstrapDraws = 500

// waysOf compares the detections with ways that need no object detector: one box and mask for each
// picture, and the connected components of a class map. The class map is made of the detector's
// masks, or of the true masks. scores are those of the detector's masks.
func waysOf(truth *coco.File, results []coco.Result, scores coco.Scores) (out []Way, err error) {
	for _, way := range []struct {
		name    string
		results []coco.Result
	}{
		{detector, results}, {wholePicture, wholePictures(truth)},
		{ownComponents, components(truth, merged(results))}, {trueComponents, components(truth, trueMasks(truth))},
	} {
		row := Way{Name: way.name}
		s := scores
		if way.name != detector {
			if s, err = coco.Evaluate(truth, way.results, coco.Masks); err != nil {
				return nil, err
			}
		}
		row.AP, row.AP50 = s.AP, s.AP50
		if row.Interval[0], row.Interval[1], err = coco.Interval(truth, way.results, coco.Masks, bootstrapDraws, 1); err != nil {
			return nil, err
		}
		if row.Strata, err = strata(truth, way.results); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

// wholePictures returns one detection for each picture: the whole picture, as the most frequent class.
func wholePictures(truth *coco.File) (out []coco.Result) {
	count := map[int64]int{}
	for _, a := range truth.Annotations {
		count[a.CategoryID]++
	}
	best := slices.MaxFunc(truth.Categories, func(a, b coco.Category) int {
		return cmp.Or(cmp.Compare(count[a.ID], count[b.ID]), cmp.Compare(b.ID, a.ID))
	})
	for _, m := range truth.Images {
		pixels := make([]uint8, m.Height*m.Width)
		for i := range pixels {
			pixels[i] = 1
		}
		out = append(out, coco.Result{
			ImageID: m.ID, CategoryID: best.ID, Box: mask.Box{0, 0, float64(m.Width), float64(m.Height)}, Score: 1,
			Segmentation: coco.Of(mask.Encode(m.Height, m.Width, pixels)),
		})
	}
	return out
}

// merged returns the detections with a score of at least minMergeScore, the highest first.
func merged(results []coco.Result) (out []coco.Result) {
	for _, r := range results {
		if r.Score >= minMergeScore {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b coco.Result) int { return cmp.Compare(b.Score, a.Score) })
	return out
}

// trueMasks returns the true objects as detections.
func trueMasks(truth *coco.File) (out []coco.Result) {
	for _, a := range truth.Annotations {
		if !a.Crowd {
			out = append(out, coco.Result{ImageID: a.ImageID, CategoryID: a.CategoryID, Score: 1, Segmentation: a.Segmentation})
		}
	}
	return out
}

// components merges the detections of each picture into a class map, and returns a detection for each
// connected component (4 neighbors). If detections overlap, a pixel has the class of the first one.
// The score of a component is the highest score of its pixels.
func components(truth *coco.File, results []coco.Result) (out []coco.Result) {
	byImage := map[int64][]coco.Result{}
	for _, r := range results {
		byImage[r.ImageID] = append(byImage[r.ImageID], r)
	}
	for _, m := range truth.Images {
		class, score := make([]int64, m.Height*m.Width), make([]float64, m.Height*m.Width)
		for _, r := range byImage[m.ID] {
			one, err := r.Segmentation.Mask(m.Height, m.Width)
			if err != nil {
				continue // the evaluation of the detections reports it
			}
			for i, v := range one.Pixels() {
				if v > 0 && class[i] == 0 {
					class[i], score[i] = r.CategoryID, r.Score
				}
			}
		}
		for first := range class {
			if class[first] == 0 {
				continue
			}
			piece := coco.Result{ImageID: m.ID, CategoryID: class[first]}
			pixels := make([]uint8, len(class))
			for _, i := range mask.Flood(m.Height, m.Width, first, func(i int) bool {
				if class[i] != piece.CategoryID {
					return false
				}
				class[i] = 0
				return true
			}) {
				pixels[i], piece.Score = 1, max(piece.Score, score[i])
			}
			one := mask.Encode(m.Height, m.Width, pixels)
			piece.Box, piece.Segmentation = one.Box(), coco.Of(one)
			out = append(out, piece)
		}
	}
	return out
}

// single evaluates the best detection of each picture, by score. It returns nil unless each picture
// has exactly one object.
func single(truth *coco.File, results []coco.Result) (*result.Single, error) {
	best := map[int64]coco.Result{}
	for _, r := range results {
		if old, ok := best[r.ImageID]; !ok || r.Score > old.Score {
			best[r.ImageID] = r
		}
	}
	objects := map[int64]coco.Annotation{}
	for _, a := range truth.Annotations {
		if _, twice := objects[a.ImageID]; twice || bool(a.Crowd) {
			return nil, nil
		}
		objects[a.ImageID] = a
	}
	s := &result.Single{Images: len(truth.Images)}
	var overlaps []float64
	for _, m := range truth.Images {
		a, ok := objects[m.ID]
		if !ok {
			return nil, nil
		}
		r, found := best[m.ID]
		if !found {
			overlaps = append(overlaps, 0)
			continue
		}
		s.Found++
		if r.CategoryID == a.CategoryID {
			s.Class++
		}
		want, err := a.Segmentation.Mask(m.Height, m.Width)
		if err != nil {
			return nil, err
		}
		got, err := r.Segmentation.Mask(m.Height, m.Width)
		if err != nil {
			return nil, err
		}
		overlaps = append(overlaps, mask.IoU(got, want, false))
	}
	slices.Sort(overlaps)
	s.Class /= float64(s.Images)
	s.MedianIoU = (overlaps[(len(overlaps)-1)/2] + overlaps[len(overlaps)/2]) / 2
	return s, nil
}
