package score

// Weights of the four adjacent and the four diagonal neighbors of a pixel in noisy linear
// imputation (Rong, Leemann et al. 2022, as in the authors' code).
const (
	adjacent = 1.0 / 6
	corner   = 1.0 / 12
)

// imputer fills holes in images of one size. Every missing pixel becomes the weighted mean of its
// eight neighbors, including missing ones, which is a linear system. At the image's border the
// weights of the existing neighbors are divided by their sum.
//
// The system is A x = b with A = D - W. D is the diagonal of weight sums, W has the weights between
// missing pixels, and b is the weighted sum of the known neighbors. A is symmetric, and positive
// definite if a pixel is known (conjugate.go solves the system). Values lie on a grid with a border
// of one pixel, so that neighbors have fixed offsets. They are zero where no pixel is missing.
type imputer struct {
	height, width, stride int
	tolerance             float64

	missing   []int // positions on the bordered grid, in memory order
	isMissing []bool
	known     []float64 // the known pixels of a channel
	diagonal  []float64 // D
	share     []float64 // sum of a row of W right of the diagonal, times inverse
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

// at returns the index on the bordered grid of the image's position i.
func (m *imputer) at(i int) int { return (i/m.width+1)*m.stride + i%m.width + 1 }

// fill replaces the pixels at the removed positions, in all channels. At least
// one position must remain.
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

// remove marks the missing positions.
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
		rows, columns := neighbors(i/m.width, m.height), neighbors(i%m.width, m.width)
		m.diagonal[at] = adjacent*(rows+columns) + corner*rows*columns
	}
}

// neighbors returns how many of i-1 and i+1 are in 0..n-1.
func neighbors(i, n int) float64 {
	count := 0.0
	if i > 0 {
		count++
	}
	if i < n-1 {
		count++
	}
	return count
}

// load copies a channel's known pixels, and sets x to their mean as a first guess.
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
