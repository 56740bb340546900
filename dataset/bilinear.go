package dataset

import (
	"encoding/binary"
	"image"
	"math"
	"slices"
	"sync"
)

// bilinear scales an opaque image with the filter of nfnt/resize, but faster: one multiplication
// weights all three colors of a pixel. nfnt/resize rounds down in both passes. bilinear rounds to
// the nearest, so that images are as bright as in other programs. It returns nil for transparent
// pixels, and if a side shrinks to less than 1/500.
func bilinear(img *image.RGBA, height, width int) *image.RGBA {
	size := img.Rect.Size()
	across, down := newTriangle(size.X, width), newTriangle(size.Y, height)
	if across.heavy || down.heavy {
		return nil
	}
	d, ok := drafts.Get().(*draft)
	if !ok {
		d = new(draft)
	}
	defer drafts.Put(d)
	d.row = slices.Grow(d.row[:0], size.X+2*across.margin)[:size.X+2*across.margin]
	d.narrow = slices.Grow(d.narrow[:0], size.Y*width)[:size.Y*width]
	d.sums = slices.Grow(d.sums[:0], width)[:width]
	for y := range size.Y {
		if !unpack(d.row, img.Pix[y*img.Stride:][:4*size.X], across.margin) {
			return nil
		}
		across.filter(d.narrow[y*width:][:width], d.row)
	}
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		down.column(d, y, size.Y)
		half, inverse := down.half[y], down.inverse[y]
		line := out.Pix[y*out.Stride:][:4*width]
		for x, p := range d.sums {
			p = (p + half).over(inverse)
			binary.LittleEndian.PutUint32(line[4*x:4*x+4], uint32(p&0xff|p>>(lane-8)&0xff00|p>>(2*lane-16)&0xff0000)|0xff<<24)
		}
	}
	return out
}

// packed has the three colors of a pixel, or weighted sums of them, in lanes.
type packed uint64

const (
	lane     = 21 // bits
	laneMask = 1<<lane - 1
)

// unpack reads a row of RGBA pixels, and repeats its edges over the margins. It
// reports whether the pixels are opaque.
func unpack(row []packed, pixels []uint8, margin int) bool {
	inner := row[margin : len(row)-margin]
	alpha := packed(255) << 24
	for x := range inner {
		p := packed(binary.LittleEndian.Uint32(pixels[4*x:]))
		alpha &= p
		inner[x] = p&0xff | p&0xff00<<(lane-8) | p&0xff0000<<(2*lane-16)
	}
	for i := range margin {
		row[i], row[len(row)-1-i] = inner[0], inner[len(inner)-1]
	}
	return alpha>>24 == 255
}

// inverse returns the argument of [packed.over] for a divisor of at most laneMask/255.
func inverse(divisor packed) packed { return 1<<36/divisor + 1 }

// over divides every lane, and rounds down. It is exact: for v < 2^21 and a
// divisor d < 2^14, v (2^36/d + 1) / 2^36 is above v/d by less than 1/d.
func (p packed) over(inverse packed) packed {
	r := p & laneMask * inverse >> 36
	g := p >> lane & laneMask * inverse >> 36
	b := p >> (2 * lane) * inverse >> 36
	return r | g<<lane | b<<(2*lane)
}

// triangle is the filter along one side of an image. Its weights are nfnt/resize's: 8 bits, rounded
// down. For a scale above 30 they have fewer bits, so that their sum fits a lane.
type triangle struct {
	margin  int      // pixels before and after the side that a weight may refer to
	first   []int    // the first weighted pixel of an output pixel, counted from the margin's start
	weights []packed // 2*margin for each output pixel
	inverse []packed // of the sum of the weights
	half    []packed // half the sum, in every lane, for rounding to the nearest
	heavy   bool     // the sum may not fit a lane
}

func newTriangle(in, out int) triangle {
	scale := float64(in) / float64(out)
	t := triangle{margin: int(max(math.Ceil(scale), 1)), first: make([]int, out), inverse: make([]packed, out), half: make([]packed, out)}
	narrow := min(1/scale, 1)
	unit := min(math.Floor((laneMask>>8)/(scale+1)), 256) // weight of the middle pixel
	if t.heavy = unit < 16; t.heavy {
		return t
	}
	t.weights = make([]packed, out*2*t.margin)
	for i := range out {
		center := scale*(float64(i)+0.5) - 0.5
		t.first[i] = int(center) + 1
		center -= float64(t.first[i] - t.margin)
		sum := packed(0)
		for k := range t.of(i) {
			w := packed(unit * max(1-math.Abs((center-float64(k))*narrow), 0))
			t.of(i)[k] = w
			sum += w
		}
		t.inverse[i] = inverse(sum)
		t.half[i] = sum / 2 * (1 | 1<<lane | 1<<(2*lane))
		t.heavy = t.heavy || sum > laneMask/256
	}
	return t
}

// of returns the weights for output pixel i.
func (t triangle) of(i int) []packed { return t.weights[2*t.margin*i:][:2*t.margin] }

// filter computes a row of output pixels from a row with margins. Scales of up to three need four or
// six weights.
func (t triangle) filter(out, row []packed) {
	switch t.margin {
	case 2:
		for i := range out {
			w, p := (*[4]packed)(t.weights[4*i:]), (*[4]packed)(row[t.first[i]:])
			out[i] = (w[0]*p[0] + w[1]*p[1] + w[2]*p[2] + w[3]*p[3] + t.half[i]).over(t.inverse[i])
		}
	case 3:
		for i := range out {
			w, p := (*[6]packed)(t.weights[6*i:]), (*[6]packed)(row[t.first[i]:])
			out[i] = (w[0]*p[0] + w[1]*p[1] + w[2]*p[2] + w[3]*p[3] + w[4]*p[4] + w[5]*p[5] + t.half[i]).over(t.inverse[i])
		}
	default:
		for i := range out {
			weights := t.of(i)
			window := row[t.first[i]:][:len(weights)]
			sum := packed(0)
			for k, w := range weights {
				sum += window[k] * w
			}
			out[i] = (sum + t.half[i]).over(t.inverse[i])
		}
	}
}

// column writes the weighted sums of output row y to d.sums. d.narrow has height rows.
func (t triangle) column(d *draft, y, height int) {
	width := len(d.sums)
	row := func(k int) []packed {
		from := min(max(t.first[y]-t.margin+k, 0), height-1)
		return d.narrow[from*width:][:width]
	}
	w := t.of(y)
	if len(w) == 4 {
		r0, r1, r2, r3 := row(0), row(1), row(2), row(3)
		for x := range d.sums {
			d.sums[x] = w[0]*r0[x] + w[1]*r1[x] + w[2]*r2[x] + w[3]*r3[x]
		}
		return
	}
	clear(d.sums)
	for k, weight := range w {
		for x, p := range row(k) {
			d.sums[x] += p * weight
		}
	}
}

// A draft has the buffers of bilinear, which are reused.
type draft struct {
	row    []packed // of the image, with margins
	narrow []packed // the image at the output's width
	sums   []packed // of an output row
}

var drafts sync.Pool // of *draft
