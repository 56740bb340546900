package result

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// The numbers of images that a page shows: per class with one method, and of the most confident
// errors and correct predictions. Also the number of classes.
const (
	ShownPerClass = 3
	ShownWrong    = 12
	ShownRight    = 6
	ShownClasses  = 24
)

// Chooser selects the images that a page shows from any number of classifications.
type Chooser struct {
	classes      []string
	samples      []sample         // of each class
	wrong, right []Classification // the most confident first
}

// sample has the images of a class with the smallest hashes.
type sample struct {
	right, wrong   []Classification
	rights, wrongs int // of all images
}

// NewChooser returns a chooser for sorted or unsorted names of classes.
func NewChooser(classes []string) *Chooser {
	return &Chooser{classes: classes, samples: make([]sample, len(classes))}
}

// Add adds an image. An image of unknown class counts as a correct image of the predicted class.
func (c *Chooser) Add(a Classification) {
	class := slices.Index(c.classes, cmp.Or(a.Truth, a.Predicted))
	if class < 0 {
		return
	}
	byHash := func(a, b Classification) int {
		return cmp.Or(strings.Compare(a.SHA256, b.SHA256), strings.Compare(a.Image, b.Image))
	}
	byConfidence := func(a, b Classification) int {
		return cmp.Or(cmp.Compare(b.Confidence(), a.Confidence()), byHash(a, b))
	}
	s := &c.samples[class]
	if a.Truth != "" && a.Truth != a.Predicted {
		s.wrongs++
		s.wrong = insert(s.wrong, a, ShownPerClass, byHash)
		c.wrong = insert(c.wrong, a, ShownWrong, byConfidence)
		return
	}
	s.rights++
	s.right = insert(s.right, a, ShownPerClass, byHash)
	if a.Truth != "" {
		c.right = insert(c.right, a, ShownRight, byConfidence)
	}
}

// insert inserts an image into a sorted list of at most n.
func insert(list []Classification, a Classification, n int, order func(a, b Classification) int) []Classification {
	at, _ := slices.BinarySearchFunc(list, a, order)
	list = slices.Insert(list, at, a)
	return list[:min(len(list), n)]
}

// Shown are the images that a page shows.
type Shown struct {
	Classes      []string           // the first [ShownClasses] that have images
	Examples     [][]Classification // of each of these classes, the correct ones first
	Left         int                // number of classes that are left out
	Wrong, Right []Classification   // the most confident errors and correct predictions
	// Errors and Images count all images of the shown classes.
	Errors, Images int
}

// Shown returns perClass images of each class, at most [ShownPerClass]. The share of errors in a
// class is that of all its images, rounded to whole images by the largest remainder method. Over all
// classes the share can differ: classes of different sizes show equally many images. The images of a class are selected by the hash of their
// content.
func (c *Chooser) Shown(perClass int) Shown {
	out := Shown{Wrong: c.wrong, Right: c.right}
	type quota struct {
		sample
		slots, wrong int
		remainder    float64
	}
	var quotas []quota
	ideal := 0.0
	for i, s := range c.samples {
		all := s.rights + s.wrongs
		switch {
		case all == 0:
			continue
		case len(quotas) == ShownClasses:
			out.Left++
			continue
		}
		q := quota{sample: s, slots: min(perClass, all)}
		share := float64(q.slots) * float64(s.wrongs) / float64(all)
		q.wrong = int(share)
		q.remainder = share - float64(q.wrong)
		ideal += share
		out.Classes = append(out.Classes, c.classes[i])
		out.Errors, out.Images = out.Errors+s.wrongs, out.Images+all
		quotas = append(quotas, q)
	}
	left := int(math.Round(ideal))
	order := make([]int, len(quotas))
	for i, q := range quotas {
		left -= q.wrong
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(quotas[b].remainder, quotas[a].remainder) })
	for _, i := range order[:max(0, min(left, len(order)))] {
		quotas[i].wrong++
	}
	for _, q := range quotas {
		out.Examples = append(out.Examples, slices.Concat(q.right[:q.slots-q.wrong], q.sample.wrong[:q.wrong]))
	}
	return out
}

// All returns all images without duplicates, sorted by path.
func (s Shown) All() []string {
	var images []string
	for _, list := range slices.Concat(s.Examples, [][]Classification{s.Wrong, s.Right}) {
		for _, a := range list {
			images = append(images, a.Image)
		}
	}
	slices.Sort(images)
	return slices.Compact(images)
}
