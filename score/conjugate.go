package score

import "math"

// The preconditioner is the modified incomplete factorisation of Gustafsson
// (BIT 18, 1978): (E + L) E^-1 (E + U) with A's own triangles L and U, and a
// diagonal E such that its row sums are A's. It brings a hole of 200 pixels
// from hundreds of iterations down to tens, and a residual of 1e-5 down to an
// error of that size; a plain residual says little of the error in the middle
// of a hole.
func (m *imputer) precondition() {
	weight := func(at int, w float64) float64 {
		if m.isMissing[at] {
			return w
		}
		return 0
	}
	s, share := m.stride, m.share
	for _, at := range m.missing {
		e := m.diagonal[at] - beside*(share[at-1]+share[at-s]) - corner*(share[at-s-1]+share[at-s+1])
		e = max(e, 1e-6*m.diagonal[at]) // above zero, but for rounding
		m.inverse[at] = 1 / e
		share[at] = (weight(at+1, beside) + weight(at+s, beside) + weight(at+s-1, corner) + weight(at+s+1, corner)) / e
	}
}

// apply solves (E + L) E^-1 (E + U) z = r: forth, then back.
func (m *imputer) apply() {
	s, z := m.stride, m.z
	for _, at := range m.missing {
		above := z[at-s-1:][:3]
		z[at] = (m.r[at] + beside*(z[at-1]+above[1]) + corner*(above[0]+above[2])) * m.inverse[at]
	}
	for i := len(m.missing) - 1; i >= 0; i-- {
		at := m.missing[i]
		below := z[at+s-1:][:3]
		z[at] += (beside*(z[at+1]+below[1]) + corner*(below[0]+below[2])) * m.inverse[at]
	}
}

// around is the weighted sum of a position's eight neighbours.
func around(v []float64, at, stride int) float64 {
	above, row, below := v[at-stride-1:][:3], v[at-1:][:3], v[at+stride-1:][:3]
	return beside*(above[1]+row[0]+row[2]+below[1]) + corner*(above[0]+above[2]+below[0]+below[2])
}

// solve finds x by conjugate gradients, until the residual is below tolerance
// times b, in length.
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
	for range len(m.missing) + 10 { // more would be exact, but for rounding
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
