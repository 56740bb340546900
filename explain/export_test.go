package explain

// What the tests look into.

var (
	GaussLegendre = gaussLegendre
	LabOf         = labOf
	Pieces        = pieces
)

// Noise is SmoothGrad's noise of one sample, in units of sigma.
func Noise(seed uint64, image Images, sample int) []float64 {
	random := drawsOf(seed, image).sample(sample)
	noise := make([]float64, len(image.Pixels))
	for i := range noise {
		noise[i] = random.NormFloat64()
	}
	return noise
}

// Coins are the superpixels that LIME shows in one sample, of those after the
// first.
func Coins(seed uint64, image Images, sample, superpixels int) []bool {
	return coins(drawsOf(seed, image).sample(sample), superpixels)
}

// MaskPattern is what is random of RISE's mask of one sample.
func MaskPattern(seed uint64, image Images, sample, cells int, open float64) (cellsOpen []bool, y, x int) {
	p := newMasks(cells, image.Height, image.Width).pattern(drawsOf(seed, image).sample(sample), open)
	return p.open, p.y, p.x
}

// Mask is RISE's mask of a pattern.
func Mask(cellsOpen []bool, y, x, cells, height, width int) []float32 {
	mask := make([]float32, height*width)
	newMasks(cells, height, width).draw(mask, pattern{cellsOpen, y, x})
	return mask
}

// Ridge is LIME's fit.
func Ridge(shown [][]bool, y, weights []float64, alpha float64) (coefficients []float64, intercept, r2 float64) {
	fit := ridge(shown, y, weights, alpha)
	return fit.coefficients, fit.intercept, fit.r2
}
