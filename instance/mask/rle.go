package mask

import (
	"fmt"
	"image"
	"slices"
)

// RLE is a mask of Height x Width pixels as run lengths, column by column from the top left. The
// first run is background, then object and background alternate. Only the first run may be empty.
type RLE struct {
	Height, Width int
	Counts        []uint32
}

// maxPixels is the maximum number of pixels of a mask.
const maxPixels = 1 << 28

// CheckSize returns an error if a mask cannot have that size.
func CheckSize(height, width int) error {
	if height < 1 || width < 1 || height > maxPixels/width {
		return fmt.Errorf("a mask of %d x %d pixels; want at least 1 x 1 and at most %d pixels", width, height, maxPixels)
	}
	return nil
}

// FromCounts returns the mask of another program's run lengths. It removes empty runs and merges the
// runs next to them.
func FromCounts(height, width int, counts []uint32) (RLE, error) {
	if err := CheckSize(height, width); err != nil {
		return RLE{}, err
	}
	var total uint64
	var b runs
	for i, n := range counts {
		total += uint64(n)
		b.add(n, i%2 == 1)
	}
	if total != uint64(height)*uint64(width) {
		return RLE{}, fmt.Errorf("the run lengths of a mask add up to %d, want %d x %d = %d", total, height, width, height*width)
	}
	return RLE{height, width, b.counts}, nil
}

// Encode returns the mask of the nonzero pixels, which are row-major. It panics if their number is
// not height*width.
func Encode(height, width int, pixels []uint8) RLE {
	return EncodePart(height, width, image.Rect(0, 0, width, height), pixels)
}

// EncodePart is Encode for a part of the picture. Pixels outside the part are background.
func EncodePart(height, width int, part image.Rectangle, pixels []uint8) RLE {
	if len(pixels) != part.Dx()*part.Dy() || part.Min.X < 0 || part.Min.Y < 0 || part.Max.X > width || part.Max.Y > height {
		panic(fmt.Sprintf("mask: %d pixels do not fill the part %v of %d x %d", len(pixels), part, height, width))
	}
	var b runs
	b.add(uint32(part.Min.X*height), false)
	for x := range part.Dx() {
		b.add(uint32(part.Min.Y), false)
		for y := range part.Dy() {
			b.add(1, pixels[y*part.Dx()+x] != 0)
		}
		b.add(uint32(height-part.Max.Y), false)
	}
	b.add(uint32((width-part.Max.X)*height), false)
	return RLE{height, width, b.counts}
}

// Pixels returns the mask row-major: 1 is object, 0 is background.
func (r RLE) Pixels() []uint8 {
	out := make([]uint8, r.Height*r.Width)
	for start, end := range r.spans() {
		for i := start; i < end; i++ {
			out[i%r.Height*r.Width+i/r.Height] = 1
		}
	}
	return out
}

// spans yields the object's runs: the first pixel and the one after the last, column-major.
func (r RLE) spans() func(yield func(start, end int) bool) {
	return func(yield func(start, end int) bool) {
		at := 0
		for i, n := range r.Counts {
			if i%2 == 1 && n > 0 && !yield(at, at+int(n)) {
				return
			}
			at += int(n)
		}
	}
}

// Area returns the number of object pixels.
func (r RLE) Area() int {
	n := 0
	for start, end := range r.spans() {
		n += end - start
	}
	return n
}

// Box is x, y, width and height in pixels, as COCO writes a box.
type Box [4]float64

// Box returns the smallest box around the object. It is zero if there is no object.
func (r RLE) Box() Box {
	left, top, right, bottom := r.Width, r.Height, 0, 0
	for start, end := range r.spans() {
		first, last := start/r.Height, (end-1)/r.Height
		left, right = min(left, first), max(right, last+1)
		if first < last { // the run continues in the next column
			top, bottom = 0, r.Height
			continue
		}
		top, bottom = min(top, start%r.Height), max(bottom, (end-1)%r.Height+1)
	}
	if right == 0 {
		return Box{}
	}
	return Box{float64(left), float64(top), float64(right - left), float64(bottom - top)}
}

// Union returns the pixels in a or b. It panics if the sizes differ.
func Union(a, b RLE) RLE { return merge(a, b, func(a, b bool) bool { return a || b }) }

// Minus returns the pixels in a but not in b. It panics if the sizes differ.
func Minus(a, b RLE) RLE { return merge(a, b, func(a, b bool) bool { return a && !b }) }

func merge(a, b RLE, keep func(a, b bool) bool) RLE {
	var out runs
	overlay(a, b, func(n uint32, a, b bool) { out.add(n, keep(a, b)) })
	return RLE{a.Height, a.Width, out.counts}
}

// overlay calls visit for each run of n pixels in which neither mask changes.
func overlay(a, b RLE, visit func(n uint32, a, b bool)) {
	if a.Height != b.Height || a.Width != b.Width {
		panic(fmt.Sprintf("mask: sizes %dx%d and %dx%d differ", a.Width, a.Height, b.Width, b.Height))
	}
	var i, j int
	var restA, restB uint32
	for {
		for restA == 0 && i < len(a.Counts) {
			restA, i = a.Counts[i], i+1
		}
		for restB == 0 && j < len(b.Counts) {
			restB, j = b.Counts[j], j+1
		}
		n := min(restA, restB)
		if n == 0 {
			return
		}
		visit(n, i%2 == 0, j%2 == 0)
		restA, restB = restA-n, restB-n
	}
}

// intersection returns the number of common pixels.
func intersection(a, b RLE) (n int) {
	overlay(a, b, func(length uint32, a, b bool) {
		if a && b {
			n += int(length)
		}
	})
	return n
}

// IoU returns the intersection over union of a detection and a true mask, from 0 to 1. If truth is a
// crowd, it is the intersection divided by the detection's area. Two empty masks have 0.
func IoU(detection, truth RLE, crowd bool) float64 {
	both := intersection(detection, truth)
	if both == 0 {
		return 0
	}
	if crowd {
		return float64(both) / float64(detection.Area())
	}
	return float64(both) / float64(detection.Area()+truth.Area()-both)
}

// BoxIoU is [IoU] of boxes.
func BoxIoU(detection, truth Box, crowd bool) float64 {
	width := min(detection[0]+detection[2], truth[0]+truth[2]) - max(detection[0], truth[0])
	height := min(detection[1]+detection[3], truth[1]+truth[3]) - max(detection[1], truth[1])
	if width <= 0 || height <= 0 {
		return 0
	}
	both, own := width*height, detection[2]*detection[3]
	if crowd {
		return both / own
	}
	return both / (own + float64(truth[2]*truth[3]) - both)
}

// runs collects run lengths. The first run is background.
type runs struct{ counts []uint32 }

// add appends n pixels.
func (r *runs) add(n uint32, object bool) {
	if n == 0 {
		return
	}
	if len(r.counts) == 0 {
		if object {
			r.counts = append(r.counts, 0)
		}
	} else if object == (len(r.counts)%2 == 0) {
		r.counts[len(r.counts)-1] += n
		return
	}
	r.counts = append(r.counts, n)
}

// Equal reports whether both masks have the same size and pixels.
func (r RLE) Equal(o RLE) bool {
	return r.Height == o.Height && r.Width == o.Width && slices.Equal(r.Counts, o.Counts)
}
