package dataset

import (
	"encoding/binary"
	"math"
)

// An erasure fills a rectangle with noise (Zhong et al. 2020, arXiv:1708.04896). The zero
// value erases nothing.
type erasure struct {
	area, ratio float64 // share of the image's area; height / width
	x, y        float64 // position within the remaining space, 0 to 1
	seed        uint64  // of the noise
}

// drawErasure draws an erasure with a probability. It always takes the same number of values from r.
func drawErasure(r *random, probability float64) erasure {
	e := erasure{
		area: r.uniform(0.02, 0.33), ratio: math.Exp(r.uniform(math.Log(0.3), math.Log(1/0.3))),
		x: r.uniform(0, 1), y: r.uniform(0, 1), seed: r.next(),
	}
	if r.uniform(0, 1) >= probability {
		return erasure{}
	}
	return e
}

// apply changes an image [height, width, 3] in place.
func (e erasure) apply(pixels []uint8, height, width int) {
	if e.area == 0 {
		return
	}
	area := e.area * float64(height*width)
	h := min(height, int(math.Round(math.Sqrt(area*e.ratio))))
	w := min(width, int(math.Round(math.Sqrt(area/e.ratio))))
	top, left := int(e.y*float64(height-h+1)), int(e.x*float64(width-w+1))
	r := newRandom(e.seed)
	var noise [8]byte
	for y := top; y < top+h; y++ {
		row := pixels[3*(y*width+left) : 3*(y*width+left+w)]
		for len(row) > 0 {
			binary.LittleEndian.PutUint64(noise[:], r.next())
			row = row[copy(row, noise[:]):]
		}
	}
}
