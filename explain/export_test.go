package explain

// What the tests look into.

var (
	GaussLegendre = gaussLegendre
	LabOf         = labOf
	Pieces        = pieces
)

// Noise is SmoothGrad's noise of one sample, in units of sigma.
func Noise(seed uint64, image Images, sample int) []float64 {
	random := streamsOf(seed, image).sample(sample)
	noise := make([]float64, len(image.Pixels))
	for i := range noise {
		noise[i] = random.NormFloat64()
	}
	return noise
}

// Coins are the superpixels that LIME shows in one sample, of those after the
// first.
func Coins(seed uint64, image Images, sample, superpixels int) []bool {
	return coins(streamsOf(seed, image).sample(sample), superpixels)
}

// MaskPattern is what is random of RISE's mask of one sample.
func MaskPattern(seed uint64, image Images, sample, cells int, open float64) (cellsOpen []bool, y, x int) {
	p := newMasks(cells, image.Height, image.Width).pattern(streamsOf(seed, image).sample(sample), open)
	for _, v := range p.open.Values {
		cellsOpen = append(cellsOpen, v == 1)
	}
	return cellsOpen, p.y, p.x
}

// Mask is RISE's mask of a pattern.
func Mask(cellsOpen []bool, y, x, cells, height, width int) []float32 {
	mask := make([]float32, height*width)
	grid := NewGrid(cells, cells)
	for i, open := range cellsOpen {
		if open {
			grid.Values[i] = 1
		}
	}
	rows := newMasks(cells, height, width).rows(pattern{grid, y, x})
	for i := range height {
		rows.Row(mask[i*width:(i+1)*width], i)
	}
	return mask
}

// Ridge is LIME's fit.
func Ridge(shown [][]bool, y, weights []float64, alpha float64) (coefficients []float64, intercept, r2 float64) {
	fit := ridge(shown, y, weights, alpha)
	return fit.coefficients, fit.intercept, fit.r2
}
