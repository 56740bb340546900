package dataset

import "math"

// A change is the set of changes of one image. Angles are in radians.
type change struct {
	rotation, shear      float64
	shiftX, shiftY       float64 // shares of width and height
	zoomX, zoomY         float64
	side                 float64 // side of the crop, relative to the image's
	cropX, cropY         float64 // center of the crop, -0.5 to 0.5 of the free space
	flipX, flipY         bool
	brightness, contrast float64
	saturation, hue      float64
	tone                 tone
	erasure              erasure
	mode                 FillMode
	fill                 uint8
}

// apply changes an image [height, width, 3] in place. scratch has the same length.
func (c change) apply(pixels, scratch []uint8, height, width int) {
	if m := c.affine(height, width); m != (affine{1, 0, 0, 0, 1, 0}) {
		copy(scratch, pixels)
		warp{m, c.mode, c.fill, height, width}.draw(pixels, scratch)
	}
	if t := c.tint(pixels); t != (tint{scale: identityTint}) {
		t.apply(pixels)
	}
	if c.tone != (tone{sharpness: 1}) {
		c.tone.apply(pixels, scratch, height, width)
	}
	c.erasure.apply(pixels, height, width)
}

// unchanged changes nothing.
var unchanged = change{zoomX: 1, zoomY: 1, side: 1, brightness: 1, contrast: 1, saturation: 1, tone: tone{sharpness: 1}}

// An affine maps a pixel (x, y) of the result to a position in the source: a[0]*x + a[1]*y + a[2],
// a[3]*x + a[4]*y + a[5].
type affine [6]float64

// then returns the map that applies a, then b.
func (a affine) then(b affine) affine {
	return affine{
		b[0]*a[0] + b[1]*a[3], b[0]*a[1] + b[1]*a[4], b[0]*a[2] + b[1]*a[5] + b[2],
		b[3]*a[0] + b[4]*a[3], b[3]*a[1] + b[4]*a[4], b[3]*a[2] + b[4]*a[5] + b[5],
	}
}

// affine is Keras's apply_affine_transform after a crop and before the flips. The source is
// transformed by crop, rotation, shift, shear, zoom and flips. All except the shifts are about the
// image's center.
func (c change) affine(height, width int) affine {
	h, w := float64(height), float64(width)
	x, y := (w-1)/2, (h-1)/2
	flipX, flipY := 1.0, 1.0
	if c.flipX {
		flipX = -1
	}
	if c.flipY {
		flipY = -1
	}
	sinR, cosR := math.Sincos(c.rotation)
	sinS, cosS := math.Sincos(c.shear)
	return affine{1, 0, -x, 0, 1, -y}.
		then(affine{flipX, 0, 0, 0, flipY, 0}).
		then(affine{c.zoomX, 0, 0, 0, c.zoomY, 0}).
		then(affine{1, -sinS, 0, 0, cosS, 0}).
		then(affine{1, 0, c.shiftX * w, 0, 1, c.shiftY * h}).
		then(affine{cosR, -sinR, 0, sinR, cosR, 0}).
		then(affine{c.side, 0, c.cropX * (1 - c.side) * w, 0, c.side, c.cropY * (1 - c.side) * h}).
		then(affine{1, 0, x, 0, 1, y})
}

// A warp samples an image bilinearly at the positions of an affine.
type warp struct {
	affine        affine
	mode          FillMode
	fill          uint8
	height, width int
}

const (
	// weightBits is the precision of a position between two pixels: 1/2048.
	weightBits = 11
	weightOne  = 1 << weightBits
	// beyond is the tolerance for rounding errors of positions at the border.
	beyond = 1e-6
)

func (w warp) draw(dst, src []uint8) {
	a := w.affine
	stride := 3 * w.width
	right, bottom := float64(w.width-1), float64(w.height-1)
	at := 0
	for j := range w.height {
		fromX, fromY := a[1]*float64(j)+a[2], a[4]*float64(j)+a[5]
		for i := range w.width {
			x, y := a[0]*float64(i)+fromX, a[3]*float64(i)+fromY
			out := dst[at : at+3 : at+3]
			at += 3
			if !(x >= 0 && x < right && y >= 0 && y < bottom) {
				if w.mode == FillConstant && (x < -beyond || x > right+beyond || y < -beyond || y > bottom+beyond) {
					out[0], out[1], out[2] = w.fill, w.fill, w.fill
					continue
				}
				x, y = w.inside(x, w.width), w.inside(y, w.height)
			}
			// Fixed point; the last row and column have no neighbor to blend with.
			fx, fy := int(x*weightOne+0.5), int(y*weightOne+0.5)
			p := fy>>weightBits*stride + fx>>weightBits*3
			wx, wy := uint32(fx&(weightOne-1)), uint32(fy&(weightOne-1))
			nextX, nextY := 3, stride
			if wx == 0 {
				nextX = 0
			}
			if wy == 0 {
				nextY = 0
			}
			nw, ne := src[p:p+3:p+3], src[p+nextX:p+nextX+3:p+nextX+3]
			p += nextY
			sw, se := src[p:p+3:p+3], src[p+nextX:p+nextX+3:p+nextX+3]
			w11 := wx * wy
			w10, w01 := wy<<weightBits-w11, wx<<weightBits-w11
			w00 := weightOne*weightOne - w11 - w10 - w01
			const half = weightOne * weightOne / 2
			for c := range 3 {
				out[c] = uint8((w00*uint32(nw[c]) + w01*uint32(ne[c]) + w10*uint32(sw[c]) + w11*uint32(se[c]) + half) >> (2 * weightBits))
			}
		}
	}
}

// inside maps a position into 0 to n-1.
func (w warp) inside(x float64, n int) float64 {
	if w.mode == FillReflect {
		period := 2 * float64(n)
		x = math.Mod(x+0.5, period)
		if x < 0 {
			x += period
		}
		if x > float64(n) {
			x = period - x
		}
		x -= 0.5
	}
	return max(0, min(float64(n-1), x))
}
