package dataset

import (
	"encoding/binary"
	"image"
)

// jpegRGB converts the planes of a JPEG bit for bit as libjpeg-turbo does by default. Chroma with
// half the resolution horizontally, vertically or both is interpolated with the weights 3/4 and 1/4
// ("fancy upsampling", jdsample.c). Chroma of lower resolution is repeated, and so is chroma with
// half the horizontal resolution and at most two columns. The sums are in 16 bit fixed point, as in
// jdcolor.c.
//
// Go's own conversion repeats all chroma. Networks are sensitive to this, because other programs
// such as TensorFlow interpolate.
func jpegRGB(src *image.YCbCr) *image.RGBA {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	chroma := newChroma(src)
	for y := range h {
		yccRow(dst.Pix[y*dst.Stride:][:4*w], src.Y[y*src.YStride:][:w], chroma.row(y))
	}
	return dst
}

// ycc has the contributions of each value of Cb and of Cr to a pixel. A pixel is a sum of
// lanes: red from bit 0, blue from bit 16, green from bit 48 with its fraction from
// bit 32. 256 is added to each color, so a color is from 0 to 255 if its lane has bit 8
// set and bit 9 clear.
var ycc = func() (t struct{ cb, cr [256]uint64 }) {
	const half = 1 << 15
	for i := range 256 {
		x := i - 128
		t.cb[i] = uint64((116130*x+half)>>16+256)<<16 + uint64(128<<16-22554*x+half)<<32 // 1.772, 0.34414
		t.cr[i] = uint64((91881*x+half)>>16+256) + uint64(128<<16-46802*x)<<32           // 1.402, 0.71414
	}
	return t
}()

// yccRow converts a row of pixels; its chroma is packed.
func yccRow(dst, luma []uint8, chroma []uint32) {
	const each, high, inside = 1 | 1<<16 | 1<<48, 3<<8 | 3<<24 | 3<<56, 1<<8 | 1<<24 | 1<<56
	chroma = chroma[:len(luma)]
	dst = dst[:4*len(luma)]
	for x, l := range luma {
		c := chroma[x]
		sum := ycc.cb[uint8(c)] + ycc.cr[uint8(c>>16)] + uint64(l)*each
		if sum&high != inside {
			clip := func(at uint) uint64 { return uint64(min(max(int(sum>>at&0x3ff)-256, 0), 255)) << at }
			sum = clip(0) | clip(16) | clip(48)
		}
		pixel := uint32(sum&0xff00ff) | uint32(sum>>40)&0xff00 | 0xff<<24
		binary.LittleEndian.PutUint32(dst[4*x:4*x+4], pixel)
	}
}

// A chroma returns the rows of the chroma planes at the resolution of the image. A sample of both
// planes is packed into one number, with Cb below Cr in 16 bits each, so that one sum computes both.
type chroma struct {
	src           *image.YCbCr
	across, down  int // image pixels per sample
	width, height int // of the planes, without the padding to complete blocks
	rows          [2]packedRow
	sums, out     []uint32 // a row between two steps, and a row as wide as the image
}

// A packedRow is a row of packed samples and its number.
type packedRow struct {
	number  int
	samples []uint32
}

func newChroma(src *image.YCbCr) *chroma {
	c := &chroma{src: src, across: 1, down: 1}
	switch src.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		c.across = 2
	case image.YCbCrSubsampleRatio420:
		c.across, c.down = 2, 2
	case image.YCbCrSubsampleRatio440:
		c.down = 2
	case image.YCbCrSubsampleRatio411:
		c.across = 4
	case image.YCbCrSubsampleRatio410:
		c.across, c.down = 4, 2
	}
	c.width = (src.Rect.Dx() + c.across - 1) / c.across
	c.height = (src.Rect.Dy() + c.down - 1) / c.down
	for i := range c.rows {
		c.rows[i] = packedRow{-1, make([]uint32, c.width)}
	}
	c.sums, c.out = make([]uint32, c.width), make([]uint32, c.width*c.across)
	return c
}

// row returns the chroma of row y of the image; it may be longer. It is valid
// until the next call.
func (c *chroma) row(y int) []uint32 {
	near := c.load(y / c.down)
	switch {
	case c.across == 4, c.across == 2 && c.width <= 2:
		for x := range c.out {
			c.out[x] = near[x/c.across]
		}
	case c.across == 1 && c.down == 1:
		return near
	case c.down == 1:
		widen(c.out, near, 0x00010001, 0x00020002, 2)
	case c.across == 1:
		bias := uint32(1+y%2) * 0x00010001
		for x, far := range c.far(y) {
			c.out[x] = (3*near[x] + far + bias) >> 2 & 0x00ff00ff
		}
	default:
		near = near[:len(c.sums)]
		for x, far := range c.far(y) {
			c.sums[x] = 3*near[x] + far
		}
		widen(c.out, c.sums, 0x00080008, 0x00070007, 4)
	}
	return c.out
}

// far returns the row of samples on the other side of row y of the image. At the border it is the
// border's row.
func (c *chroma) far(y int) []uint32 {
	return c.load(min(max(y/c.down-1+2*(y%2), 0), c.height-1))[:len(c.sums)]
}

// load packs a row of the two planes.
func (c *chroma) load(number int) []uint32 {
	row := &c.rows[number%2]
	if row.number != number {
		cb := c.src.Cb[number*c.src.CStride:][:len(row.samples)]
		cr := c.src.Cr[number*c.src.CStride:][:len(row.samples)]
		for x := range row.samples {
			row.samples[x] = uint32(cb[x]) | uint32(cr[x])<<16
		}
		row.number = number
	}
	return row.samples
}

// widen doubles a row of three or more samples. A pixel is 3/4 of its own sample and 1/4 of the
// neighbor on its side, scaled by 2^-shift. Left and right pixels are rounded with different
// biases. At both ends a sample is its own neighbor.
func widen(dst, src []uint32, left, right uint32, shift uint) {
	last := len(src) - 1
	before, here := src[0], src[0]
	out := dst
	for _, after := range src[1:] {
		if len(out) < 2 {
			break // not reached
		}
		whole := 3 * here
		out[0] = (whole + before + left) >> shift & 0x00ff00ff
		out[1] = (whole + after + right) >> shift & 0x00ff00ff
		before, here, out = here, after, out[2:]
	}
	dst[2*last] = (3*here + before + left) >> shift & 0x00ff00ff
	dst[2*last+1] = (4*here + right) >> shift & 0x00ff00ff
}
