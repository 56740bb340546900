package dataset

import (
	"fmt"
	"math"
)

// A Mixing mixes the images of a batch in pairs: the first with the last, the second with the last
// but one, and so on. Each image's own share is drawn from Beta(alpha, alpha). Labels are mixed by
// the same shares. The zero value mixes nothing. If both fields are set, each image is mixed in one
// of the two ways.
type Mixing struct {
	// Mixup is the alpha for the weighted mean of both images' pixels (Zhang et al. 2018,
	// arXiv:1710.09412).
	Mixup float64 `json:"mixup,omitempty"`
	// CutMix is the alpha for the share outside of a rectangle that has the other image's pixels (Yun
	// et al. 2019, arXiv:1905.04899).
	CutMix float64 `json:"cutmix,omitempty"`
}

// Check reports the first invalid setting.
func (m Mixing) Check() error {
	for name, alpha := range map[string]float64{"mixup": m.Mixup, "cutmix": m.CutMix} {
		if alpha != 0 && !(alpha >= 0.05 && alpha <= 100) {
			return fmt.Errorf("%s is %g, want 0.05 to 100, or 0 for none", name, alpha)
		}
	}
	return nil
}

// mixKey makes the random numbers of mixtures independent of others.
const mixKey = 0x6d697865

// A mixture is what an image takes from its partner: the pixels in a box, or else a share of all
// pixels.
type mixture struct {
	own            float64 // the image's own share
	cut            bool
	x0, y0, x1, y1 int
}

// draw draws the mixture of an image.
func (m Mixing) draw(r *random, height, width int) mixture {
	cut := m.CutMix > 0 && (m.Mixup == 0 || r.intn(2) == 1)
	if !cut {
		// Rounded to a share that fixed-point weights represent exactly.
		return mixture{own: math.Round(r.beta(m.Mixup)*mixOne) / mixOne}
	}
	side := math.Sqrt(1 - r.beta(m.CutMix)) // Yun et al., equation 2
	w, h := int(float64(width)*side), int(float64(height)*side)
	x, y := r.intn(width)-w/2, r.intn(height)-h/2
	c := mixture{cut: true, x0: max(0, x), y0: max(0, y), x1: min(width, x+w), y1: min(height, y+h)}
	c.own = 1 - float64((c.x1-c.x0)*(c.y1-c.y0))/float64(height*width)
	return c
}

// mixOne is the fixed-point weight 1.
const mixOne = 1 << 16

// apply mixes an image [height, width, 3] with its partner's pixels.
func (c mixture) apply(pixels, partner []uint8, width int) {
	if c.cut {
		for y := c.y0; y < c.y1; y++ {
			from, to := 3*(y*width+c.x0), 3*(y*width+c.x1)
			copy(pixels[from:to], partner[from:to])
		}
		return
	}
	own := uint32(c.own * mixOne)
	for i, p := range partner {
		pixels[i] = uint8((own*uint32(pixels[i]) + (mixOne-own)*uint32(p) + mixOne/2) >> 16)
	}
}

// mix mixes the images of a batch. places has the index of each image in the epoch.
func (e Epoch) mix(b *Batch, places []int) {
	b.Partners, b.Shares = nil, nil
	m := e.Augmentation.phase(e.Number).Mixing
	if m == (Mixing{}) {
		return
	}
	length := 3 * b.Height * b.Width
	image := func(i int) []uint8 { return b.Images[i*length : (i+1)*length] }
	b.Partners, b.Shares = make([]int, b.N), make([]float32, b.N)
	before := make([]uint8, length)
	for i := range b.N {
		partner := b.N - 1 - i
		b.Partners[i] = partner
		if i == partner {
			b.Shares[i] = 1
		}
		if i >= partner {
			continue
		}
		copy(before, image(i))
		for k, with := range [][]uint8{image(partner), before} {
			at := []int{i, partner}[k]
			c := m.draw(newRandom(mixKey, e.Seed, uint64(e.Number), uint64(places[at])), b.Height, b.Width)
			c.apply(image(at), with, b.Width)
			b.Shares[at] = float32(c.own)
		}
	}
}

// beta draws from Beta(alpha, alpha): x / (x + y) of two gamma variates.
func (r *random) beta(alpha float64) float64 {
	x, y := r.gamma(alpha), r.gamma(alpha)
	return x / (x + y)
}

// gamma draws from the gamma distribution (Marsaglia and Tsang 2000).
func (r *random) gamma(shape float64) float64 {
	if shape < 1 {
		u := 1 - r.uniform(0, 1)
		return r.gamma(shape+1) * math.Pow(u, 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.normal()
		v := math.Pow(1+c*x, 3)
		if u := 1 - r.uniform(0, 1); v > 0 && math.Log(u) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// normal draws from the standard normal distribution (Box and Muller 1958).
func (r *random) normal() float64 {
	u := 1 - r.uniform(0, 1)
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*r.uniform(0, 1))
}
