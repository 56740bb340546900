package score

import "math"

// precondition computes the modified incomplete factorization of Gustafsson (BIT 18, 1978): (E + L)
// E^-1 (E + U), with the triangles L and U of A. The diagonal E makes the row sums equal to those of
// A. For a hole of 200 pixels it reduces the iterations from hundreds to tens. It also makes the
// error about as small as the residual, whereas the plain residual says little about the middle of a
// hole.
func (m *imputer) precondition() {
	weight := func(at int, w float64) float64 {
		if m.isMissing[at] {
			return w
		}
		return 0
	}
	s, share := m.stride, m.share
	for _, at := range m.missing {
		e := m.diagonal[at] - adjacent*(share[at-1]+share[at-s]) - corner*(share[at-s-1]+share[at-s+1])
		e = max(e, 1e-6*m.diagonal[at]) // rounding can give zero
		m.inverse[at] = 1 / e
		share[at] = (weight(at+1, adjacent) + weight(at+s, adjacent) + weight(at+s-1, corner) + weight(at+s+1, corner)) / e
	}
}

// apply solves (E + L) E^-1 (E + U) z = r: forward, then backward.
func (m *imputer) apply() {
	s, z := m.stride, m.z
	for _, at := range m.missing {
		above := z[at-s-1:][:3]
		z[at] = (m.r[at] + adjacent*(z[at-1]+above[1]) + corner*(above[0]+above[2])) * m.inverse[at]
	}
	for i := len(m.missing) - 1; i >= 0; i-- {
		at := m.missing[i]
		below := z[at+s-1:][:3]
		z[at] += (adjacent*(z[at+1]+below[1]) + corner*(below[0]+below[2])) * m.inverse[at]
	}
}

// around returns the weighted sum of a position's eight neighbors.
func around(v []float64, at, stride int) float64 {
	above, row, below := v[at-stride-1:][:3], v[at-1:][:3], v[at+stride-1:][:3]
	return adjacent*(above[1]+row[0]+row[2]+below[1]) + corner*(above[0]+above[2]+below[0]+below[2])
}

// solve computes x by conjugate gradients, until the residual's norm is below tolerance times the
// norm of b.
func (m *imputer) solve() {
	bb, rr := 0.0, 0.0
	for _, at := range m.missing {
		b := around(m.known, at, m.stride)
		r := b - m.diagonal[at]*m.x[at] + around(m.x, at, m.stride)
		m.r[at] = r
		bb += b * b
		rr += r * r
	}
	enough := m.tolerance * m.tolerance * bb
	clear(m.p)
	before := math.Inf(1)
	for range len(m.missing) + 10 { // exact after this many iterations, except for rounding
		if !(rr > enough) {
			return
		}
		clear(m.z)
		m.apply()
		rz := 0.0
		for _, at := range m.missing {
			rz += m.r[at] * m.z[at]
		}
		for _, at := range m.missing {
			m.p[at] = m.z[at] + rz/before*m.p[at]
		}
		pq := 0.0
		for _, at := range m.missing {
			m.q[at] = m.diagonal[at]*m.p[at] - around(m.p, at, m.stride)
			pq += m.p[at] * m.q[at]
		}
		rr = 0
		for _, at := range m.missing {
			m.x[at] += rz / pq * m.p[at]
			m.r[at] -= rz / pq * m.q[at]
			rr += m.r[at] * m.r[at]
		}
		before = rz
	}
}
