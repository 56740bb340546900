package coco

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"oscar/instance/mask"
)

// Kind selects boxes or masks.
type Kind string

// The kinds, by pycocotools' names.
const (
	Boxes Kind = "bbox"
	Masks Kind = "segm"
)

// Scores are COCO's average precision and recall, from 0 to 1. A mean without values, such as the
// precision of large objects if there are none, is -1.
type Scores struct {
	AP       float64 `json:"AP"` // the mean over IoU 0.50, 0.55, ..., 0.95
	AP50     float64 `json:"AP50"`
	AP75     float64 `json:"AP75"`
	APSmall  float64 `json:"APsmall"`  // objects of less than 32 x 32 pixels
	APMedium float64 `json:"APmedium"` // 32 x 32 to 96 x 96
	APLarge  float64 `json:"APlarge"`
	AR1      float64 `json:"AR1"` // with at most one detection per image
	AR10     float64 `json:"AR10"`
	AR100    float64 `json:"AR100"`
	ARSmall  float64 `json:"ARsmall"`
	ARMedium float64 `json:"ARmedium"`
	ARLarge  float64 `json:"ARlarge"`
	// ByClass has AP and AP50 of each class, in the order of the classes' ids; -1 without objects.
	ByClass []ClassScores `json:"by_class,omitempty"`
}

// ClassScores are the scores of one class.
type ClassScores struct {
	Class string  `json:"class"`
	AP    float64 `json:"AP"`
	AP50  float64 `json:"AP50"`
}

// thresholds are the minimum IoU of a match, with the values of numpy.linspace.
var thresholds = func() (t [10]float64) {
	low, high := 0.5, 0.95
	step := (high - low) / 9
	for i := range t {
		t[i] = float64(float64(i)*step) + low
	}
	t[9] = high
	return t
}()

// recalls are the recalls at which precision is evaluated.
var recalls = func() (r [101]float64) {
	step := 1.0 / 100
	for i := range r {
		r[i] = float64(i) * step
	}
	r[100] = 1
	return r
}()

// ranges are the minimum and maximum area of counted objects in square pixels: all, small, medium,
// large.
var ranges = [4][2]float64{{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}}

// maxDetections are the maximum numbers of detections per class and image.
var maxDetections = [3]int{1, 10, 100}

const (
	all          = 0
	unmeasured   = -1
	almostOne    = 1 - 1e-10
	floatSpacing = 0x1p-52
)

// Evaluate compares detections with the objects of a data set. Crowds, and objects outside
// the range of areas, are ignored: they do not count, and detections of them are not wrong.
func Evaluate(truth *File, results []Result, kind Kind) (Scores, error) {
	return EvaluateSome(truth, results, kind, every)
}

// every counts each object.
func every(Annotation) bool { return true }

// EvaluateSome is [Evaluate] for the objects for which count is true. Detections of the other
// objects are ignored.
func EvaluateSome(truth *File, results []Result, kind Kind, count func(Annotation) bool) (Scores, error) {
	p, err := pairs(truth, results, kind, count)
	if err != nil {
		return Scores{}, err
	}
	classes := slices.SortedFunc(slices.Values(truth.Categories), byID)
	var precision, recall [4][3][]float64 // by area range and number of detections: one row for each class and threshold
	s := Scores{}
	for _, c := range classes {
		for area := range ranges {
			judged := make([]judged, len(p[c.ID]))
			for i, pair := range p[c.ID] {
				judged[i] = pair.judge(ranges[area])
			}
			for m := range maxDetections {
				own := ClassScores{c.Name, unmeasured, unmeasured}
				if precisions, reached, ok := accumulate(judged, maxDetections[m]); ok {
					precision[area][m] = append(precision[area][m], precisions...)
					recall[area][m] = append(recall[area][m], reached...)
					own.AP, own.AP50 = mean(precisions), mean(precisions[:len(recalls)])
				}
				if area == all && m == 2 {
					s.ByClass = append(s.ByClass, own)
				}
			}
		}
	}
	at := func(all []float64, threshold, width int) float64 {
		var some []float64
		for i, v := range all {
			if i/width%len(thresholds) == threshold {
				some = append(some, v)
			}
		}
		return mean(some)
	}
	s.AP, s.AP50, s.AP75 = mean(precision[all][2]), at(precision[all][2], 0, len(recalls)), at(precision[all][2], 5, len(recalls))
	s.APSmall, s.APMedium, s.APLarge = mean(precision[1][2]), mean(precision[2][2]), mean(precision[3][2])
	s.AR1, s.AR10, s.AR100 = mean(recall[all][0]), mean(recall[all][1]), mean(recall[all][2])
	s.ARSmall, s.ARMedium, s.ARLarge = mean(recall[1][2]), mean(recall[2][2]), mean(recall[3][2])
	return s, nil
}

// pair has the objects and detections of one class in one image.
type pair struct {
	truth   []object
	results []detection // by descending score
	iou     [][]float64 // IoU of each detection with each object
}

type object struct {
	area    float64
	crowd   bool
	ignored bool
}

type detection struct{ area, score float64 }

// pairs returns the pairs of each class, in the order of the images' ids.
func pairs(truth *File, results []Result, kind Kind, count func(Annotation) bool) (map[int64][]pair, error) {
	if kind != Boxes && kind != Masks {
		return nil, fmt.Errorf("no kind of evaluation %q; have %s, %s", kind, Boxes, Masks)
	}
	type key struct{ image, class int64 }
	objects, found := map[key][]Annotation{}, map[key][]Result{}
	size := map[int64]Image{}
	for _, m := range truth.Images {
		size[m.ID] = m
	}
	for _, a := range truth.Annotations {
		k := key{a.ImageID, a.CategoryID}
		objects[k] = append(objects[k], a)
	}
	for i, r := range results {
		if _, ok := size[r.ImageID]; !ok {
			return nil, fmt.Errorf("detection %d is of image %d, which the data set does not have", i+1, r.ImageID)
		}
		k := key{r.ImageID, r.CategoryID}
		found[k] = append(found[k], r)
	}
	images := slices.SortedFunc(slices.Values(truth.Images), func(a, b Image) int { return cmp.Compare(a.ID, b.ID) })
	out := map[int64][]pair{}
	for _, c := range truth.Categories {
		for _, m := range images {
			k := key{m.ID, c.ID}
			p, err := newPair(objects[k], found[k], m, kind, count)
			if err != nil {
				return nil, fmt.Errorf("image %d, class %s: %w", m.ID, c.Name, err)
			}
			out[c.ID] = append(out[c.ID], p)
		}
	}
	return out, nil
}

func newPair(objects []Annotation, found []Result, m Image, kind Kind, count func(Annotation) bool) (pair, error) {
	slices.SortStableFunc(found, func(a, b Result) int { return cmp.Compare(b.Score, a.Score) })
	found = found[:min(len(found), maxDetections[2])]
	masks, detected := make([]mask.RLE, len(objects)), make([]mask.RLE, len(found))
	var p pair
	var errs []error
	for i, a := range objects {
		p.truth = append(p.truth, object{a.Area, bool(a.Crowd), !count(a)})
		if kind == Masks {
			var err error
			masks[i], err = a.Segmentation.Mask(m.Height, m.Width)
			errs = append(errs, err)
		}
	}
	for i, r := range found {
		d := detection{r.Box[2] * r.Box[3], r.Score}
		if kind == Masks {
			var err error
			detected[i], err = r.Segmentation.Mask(m.Height, m.Width)
			errs = append(errs, err)
			d.area = float64(detected[i].Area())
		}
		p.results = append(p.results, d)
	}
	if err := errors.Join(errs...); err != nil {
		return p, err
	}
	for i, r := range found {
		row := make([]float64, len(objects))
		for j, a := range objects {
			if kind == Masks {
				row[j] = mask.IoU(detected[i], masks[j], bool(a.Crowd))
			} else {
				row[j] = mask.BoxIoU(r.Box, a.Box, bool(a.Crowd))
			}
		}
		p.iou = append(p.iou, row)
	}
	return p, nil
}

// judged is a matched pair, at each threshold.
type judged struct {
	objects  int // number of objects that count
	scores   []float64
	verdicts [len(thresholds)][]verdict
}

type verdict uint8

const (
	wrong verdict = iota
	right
	ignored
)

// judge matches detections with objects, the highest score first. A detection gets the unmatched
// object of the highest IoU. It gets an ignored object only if no other object fits. A crowd can be
// matched any number of times.
func (p pair) judge(area [2]float64) judged {
	outside := func(a float64) bool { return a < area[0] || a > area[1] }
	ignore := make([]bool, len(p.truth))
	var order []int
	j := judged{}
	for i, o := range p.truth {
		ignore[i] = o.crowd || o.ignored || outside(o.area)
		if !ignore[i] {
			order = append(order, i)
			j.objects++
		}
	}
	for i := range p.truth {
		if ignore[i] {
			order = append(order, i)
		}
	}
	for _, d := range p.results {
		j.scores = append(j.scores, d.score)
	}
	for t, threshold := range thresholds {
		taken := make([]bool, len(p.truth))
		for d, found := range p.results {
			best, match := min(threshold, almostOne), -1
			for _, g := range order {
				if taken[g] && !p.truth[g].crowd {
					continue
				}
				if match >= 0 && !ignore[match] && ignore[g] {
					break
				}
				if p.iou[d][g] >= best {
					best, match = p.iou[d][g], g
				}
			}
			v := wrong
			switch {
			case match >= 0:
				taken[match] = true
				if v = right; ignore[match] {
					v = ignored
				}
			case outside(found.area):
				v = ignored
			}
			j.verdicts[t] = append(j.verdicts[t], v)
		}
	}
	return j
}

// accumulate returns the precision at each threshold and recall, and the highest recall at each
// threshold, with at most the given number of detections per image. ok is false if there are no
// objects.
func accumulate(images []judged, detections int) (precision, recall []float64, ok bool) {
	objects := 0
	type place struct{ image, detection int }
	var order []place
	for i, j := range images {
		objects += j.objects
		for d := range min(len(j.scores), detections) {
			order = append(order, place{i, d})
		}
	}
	if objects == 0 {
		return nil, nil, false
	}
	slices.SortStableFunc(order, func(a, b place) int {
		return cmp.Compare(images[b.image].scores[b.detection], images[a.image].scores[a.detection])
	})
	for t := range thresholds {
		var reached, precise []float64
		good, bad := 0.0, 0.0
		for _, at := range order {
			switch images[at.image].verdicts[t][at.detection] {
			case right:
				good++
			case wrong:
				bad++
			}
			reached = append(reached, good/float64(objects))
			precise = append(precise, good/(bad+good+floatSpacing))
		}
		last := 0.0
		if len(reached) > 0 {
			last = reached[len(reached)-1]
		}
		recall = append(recall, last)
		for i := len(precise) - 2; i >= 0; i-- { // make precision non-increasing in recall
			precise[i] = max(precise[i], precise[i+1])
		}
		for _, r := range recalls {
			i, _ := slices.BinarySearch(reached, r)
			if i < len(precise) {
				precision = append(precision, precise[i])
			} else {
				precision = append(precision, 0)
			}
		}
	}
	return precision, recall, true
}

// mean returns the mean, or unmeasured if there are no values.
func mean(values []float64) float64 {
	if len(values) == 0 {
		return unmeasured
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
