package score

// Weights of a pixel's neighbours in noisy linear imputation: of the four
// beside it and of the four at its corners (Rong, Leemann et al. 2022, as in
// the authors' code).
const (
	beside = 1.0 / 6
	corner = 1.0 / 12
)

// imputer fills holes of images of one size: every missing pixel becomes the
// weighted mean of its eight neighbours, missing ones included, which is a
// linear system. At the image's border the weights of the neighbours that
// exist are divided by their sum.
//
// The system is A x = b with A = D - W: D the diagonal of weight sums, W the
// weights between missing pixels, b what the known neighbours bring. It is
// symmetric, and positive definite once a pixel is known (conjugate.go solves
// it). Values lie on a grid with a rim of one pixel, so that
// a neighbour is an addition away, and are zero wherever no pixel is missing.
type imputer struct {
	height, width, stride int
	tolerance             float64

	missing   []int // positions on the rimmed grid, in the order of memory
	isMissing []bool
	known     []float64 // the known pixels of a channel
	diagonal  []float64 // D
	share     []float64 // the sum of a row of W right of the diagonal, times inverse
	inverse   []float64 // 1 / the diagonal of the preconditioner

	x, r, p, q, z []float64 // the names of the algorithm
}

func newImputer(height, width int, tolerance float64) *imputer {
	m := &imputer{height: height, width: width, stride: width + 2, tolerance: tolerance}
	size := (height + 2) * m.stride
	m.isMissing = make([]bool, size)
	for _, grid := range []*[]float64{&m.known, &m.diagonal, &m.share, &m.inverse, &m.x, &m.r, &m.p, &m.q, &m.z} {
		*grid = make([]float64, size)
	}
	return m
}

// at is where position i of the image lies on the rimmed grid.
func (m *imputer) at(i int) int { return (i/m.width+1)*m.stride + i%m.width + 1 }

// fill replaces the pixels at the removed positions, in all channels. At least
// one position must be left.
func (m *imputer) fill(image []float32, removed []int) {
	for _, grid := range [][]float64{m.share, m.inverse, m.x, m.r, m.p, m.q, m.z} {
		clear(grid)
	}
	m.remove(removed)
	m.precondition()
	channels := len(image) / (m.height * m.width)
	for c := range channels {
		m.load(image, channels, c)
		m.solve()
		for _, i := range removed {
			image[i*channels+c] = float32(m.x[m.at(i)])
		}
	}
}

// remove says which positions are missing.
func (m *imputer) remove(removed []int) {
	clear(m.isMissing)
	m.missing = m.missing[:0]
	for _, i := range removed {
		m.isMissing[m.at(i)] = true
	}
	for i := range m.height * m.width {
		at := m.at(i)
		if !m.isMissing[at] {
			continue
		}
		m.missing = append(m.missing, at)
		rows, columns := neighbours(i/m.width, m.height), neighbours(i%m.width, m.width)
		m.diagonal[at] = beside*(rows+columns) + corner*rows*columns
	}
}

// neighbours is how many of the two neighbours of i are in 0..n-1.
func neighbours(i, n int) float64 {
	count := 0.0
	if i > 0 {
		count++
	}
	if i < n-1 {
		count++
	}
	return count
}

// load puts a channel's known pixels in place, and a first guess into x: their
// mean.
func (m *imputer) load(image []float32, channels, c int) {
	sum, n := 0.0, 0
	for i := range m.height * m.width {
		at := m.at(i)
		m.known[at] = 0
		if !m.isMissing[at] {
			m.known[at] = float64(image[i*channels+c])
			sum += m.known[at]
			n++
		}
	}
	for _, at := range m.missing {
		m.x[at] = sum / float64(n)
	}
}
