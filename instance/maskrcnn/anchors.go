package maskrcnn

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Box is x1, y1, x2, y2 in pixels of the input.
type Box [4]float32

func (b Box) area() float32 { return (b[2] - b[0]) * (b[3] - b[1]) }

func (b Box) iou(o Box) float32 {
	width, height := min(b[2], o[2])-max(b[0], o[0]), min(b[3], o[3])-max(b[1], o[1])
	if width <= 0 || height <= 0 {
		return 0
	}
	both := width * height
	return both / (b.area() + o.area() - both)
}

// anchors returns the anchors of each level, row by row. As in torchvision, the anchors of a
// position have half sides rounded to whole pixels and are centered on the corner of its cell.
func (p parts) anchors() [][]Box {
	all := make([][]Box, len(p.levels))
	for i, l := range p.levels {
		var base []Box
		for _, ratio := range p.Anchors.Ratios {
			high := math.Sqrt(ratio) * p.Anchors.Sizes[i]
			wide := 1 / math.Sqrt(ratio) * p.Anchors.Sizes[i]
			right, bottom := float32(math.RoundToEven(wide/2)), float32(math.RoundToEven(high/2))
			base = append(base, Box{-right, -bottom, right, bottom})
		}
		for y := range l.height {
			for x := range l.width {
				dx, dy := float32(float64(x)*l.stride), float32(float64(y)*l.stride)
				for _, b := range base {
					all[i] = append(all[i], Box{b[0] + dx, b[1] + dy, b[2] + dx, b[3] + dy})
				}
			}
		}
	}
	return all
}

// anchorObject is the minimum IoU with a true box for an anchor to be an object. Below
// anchorBackground it is background.
const anchorObject, anchorBackground = 0.7, 0.3

// A matching is the index of an anchor's true box, or one of these.
const (
	background = -1
	neither    = -2
)

// match matches each anchor with a true box. The anchors with the highest IoU of a true box are
// matched even if this IoU is small. Background anchors that overlap an ignored box become neither.
func match(anchors, boxes, ignored []Box) []int {
	out := make([]int, len(anchors))
	most := make([]float32, len(boxes)) // the highest IoU of each true box
	overlap := make([]float32, len(anchors)*len(boxes))
	best := make([]int, len(anchors))
	for a, anchor := range anchors {
		out[a] = background
		row := overlap[a*len(boxes) : (a+1)*len(boxes)]
		for b, box := range boxes {
			row[b] = anchor.iou(box)
			most[b] = max(most[b], row[b])
			if row[b] > row[best[a]] {
				best[a] = b
			}
		}
		if len(boxes) == 0 {
			continue
		}
		switch highest := row[best[a]]; {
		case highest >= anchorObject:
			out[a] = best[a]
		case highest >= anchorBackground:
			out[a] = neither
		}
	}
	for a := range anchors {
		for b := range boxes {
			if overlap[a*len(boxes)+b] == most[b] {
				out[a] = best[a]
			}
		}
		if out[a] == background && slices.ContainsFunc(ignored, func(b Box) bool { return anchors[a].iou(b) >= anchorBackground }) {
			out[a] = neither
		}
	}
	return out
}

// anchorTargets are the sampled anchors of one image.
type anchorTargets struct {
	indices []int32   // of all levels' anchors
	labels  []float32 // 1: an object
	weights []float32 // 0: not used
	shifts  []float32 // four per anchor
}

// sample draws n anchors, at most half of them positive, as torchvision does.
func sample(anchors, boxes []Box, matched []int, n int, r *rand.Rand) anchorTargets {
	var positive, negative []int32
	for a, m := range matched {
		if m >= 0 {
			positive = append(positive, int32(a))
		} else if m == background {
			negative = append(negative, int32(a))
		}
	}
	draw := func(from []int32, n int) []int32 {
		r.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
		from = from[:min(n, len(from))]
		slices.SortFunc(from, cmp.Compare)
		return from
	}
	positive = draw(positive, n/2)
	negative = draw(negative, n-len(positive))
	t := anchorTargets{make([]int32, n), make([]float32, n), make([]float32, n), make([]float32, 4*n)}
	for i, a := range append(slices.Clone(positive), negative...) {
		t.indices[i], t.weights[i] = a, 1
		if i < len(positive) {
			t.labels[i] = 1
			shift := encode(anchors[a], boxes[matched[a]])
			copy(t.shifts[4*i:], shift[:])
		}
	}
	return t
}

// encode returns the regression targets from one box to another: the shift of the center relative to
// the sides, and the logarithms of the ratios of the sides.
func encode(from, to Box) [4]float32 {
	wide, high := from[2]-from[0], from[3]-from[1]
	toWide, toHigh := to[2]-to[0], to[3]-to[1]
	return [4]float32{
		((to[0] + 0.5*toWide) - (from[0] + 0.5*wide)) / wide,
		((to[1] + 0.5*toHigh) - (from[1] + 0.5*high)) / high,
		float32(math.Log(float64(toWide / wide))),
		float32(math.Log(float64(toHigh / high))),
	}
}
