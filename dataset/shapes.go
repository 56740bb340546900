package dataset

import "math"

// A shape is a kind of object. Add a new one at the end of the table, so that the pictures of the
// others do not change.
type shape struct {
	name string
	turn float64 // largest rotation in either direction, in radians
	// draw draws the random properties, covers the outline and fills it.
	draw func(*canvas, *random)
}

var shapes = []shape{
	{"bottle", 0.6, bottle},
	{"box", 0.5, box},
	{"can", 0.6, can},
	{"paper", math.Pi, paper},
	{"roll", math.Pi, roll},
	{"tray", math.Pi, tray},
}

func shapeNames() []string {
	var names []string
	for _, s := range shapes {
		names = append(names, s.name)
	}
	return names
}

// anyColor returns a random color, of any hue.
func anyColor(r *random) rgb {
	return hsv(r.uniform(0, 1), r.uniform(0.35, 0.85), r.uniform(0.40, 0.85))
}

// cylinder returns the brightness at x of a cylinder about the y axis with the given half width. It
// is lit from the side and has a highlight.
func (c *canvas) cylinder(x, halfWidth, gloss float64) float64 {
	t := max(-1, min(1, x/halfWidth))
	at := 0.55 * c.light.x // the brightest place
	d := (t - at) / 0.16
	return 0.45 + 0.62*math.Sqrt(max(0, 1-0.75*(t-at)*(t-at)/(1+math.Abs(at)))) - 0.25*t*t + gloss*math.Exp(-d*d)
}

// bottle draws a body with shoulders, a narrow neck with a cap, and a label with
// lines of text.
func bottle(c *canvas, r *random) {
	glass, lid, paper := anyColor(r), anyColor(r), hsv(r.uniform(0, 1), r.uniform(0, 0.2), 0.95)
	ink := anyColor(r).times(0.6)
	half, neck := r.uniform(0.15, 0.19), r.uniform(0.050, 0.065)
	shoulder, top := r.uniform(-0.20, -0.12), r.uniform(-0.02, 0.02)
	body := curve{
		line(-neck, -0.44), line(neck, -0.44), line(neck, shoulder-0.12),
		bend(neck, shoulder-0.03, half*0.8, shoulder-0.01), bend(half, shoulder+0.01, half, shoulder+0.08),
		line(half, 0.55), bend(half, 0.59, half-0.04, 0.59),
		line(-half+0.04, 0.59), bend(-half, 0.59, -half, 0.55),
		line(-half, shoulder+0.08), bend(-half, shoulder+0.01, -half*0.8, shoulder-0.01), bend(-neck, shoulder-0.03, -neck, shoulder-0.12),
	}
	stopper := rectangle(-neck-0.018, -0.56, neck+0.018, -0.45)
	collar := rectangle(-neck, -0.46, neck, -0.44)
	c.cover(body)
	c.cover(stopper)
	c.cover(collar)
	c.fill(func(p point) rgb {
		width := half
		if p.y < shoulder {
			width = neck + (half-neck)*max(0, min(1, (p.y-shoulder+0.12)/0.12))
		}
		// Glass is darker at its rim.
		rim := 1 - 0.25*c.edge(math.Abs(p.x)-width+0.022)
		return glass.times(c.cylinder(p.x, width, 0.45) * rim)
	}, body, collar)
	c.fill(func(p point) rgb {
		ridges := 1 + 0.18*math.Sin(p.x*2*math.Pi/0.022)
		return lid.times(c.cylinder(p.x, neck+0.018, 0.2) * ridges)
	}, stopper)
	c.fill(func(p point) rgb {
		row := math.Mod((p.y-top)/0.052, 1)
		text := c.edge(0.012-math.Abs(row-0.5)*0.052) * c.edge(half*0.72-math.Abs(p.x))
		return blend(paper, ink, text).times(c.cylinder(p.x, half, 0.15))
	}, rectangle(-half, top, half, top+0.30))
}

// box draws three faces of a cube, tape over the lid, a mark on the side.
func box(c *canvas, r *random) {
	card := hsv(r.uniform(0, 1), r.uniform(0.20, 0.60), r.uniform(0.55, 0.85))
	tape := blend(card, hsv(r.uniform(0, 1), 0.15, 0.95), 0.65)
	half := r.uniform(0.40, 0.46)                              // half the width
	nearX := r.uniform(-0.12, 0.12)                            // position of the near edge
	high, tilt := r.uniform(0.40, 0.48), r.uniform(0.14, 0.19) // height and foreshortening
	// The lid is a parallelogram: left, far, right, near corner.
	left, right, near := point{-half, -0.20}, point{half, -0.20}, point{nearX, -0.20 + tilt}
	far := point{-nearX, -0.20 - tilt}
	down := func(p point) point { return point{p.x, p.y + high} }
	middle := func(a, b point, t float64) point { return point{a.x + t*(b.x-a.x), a.y + t*(b.y-a.y)} }
	lid := polygon(left, far, right, near)
	sideL := polygon(left, near, down(near), down(left))
	sideR := polygon(near, right, down(right), down(near))
	c.cover(polygon(left, far, right, down(right), down(near), down(left)))
	lightL, lightR := 0.68-0.16*c.light.x, 0.68+0.16*c.light.x
	plain := func(brightness float64) func(point) rgb {
		return func(p point) rgb { return card.times(brightness * (1 - 0.12*(p.y+0.2))) }
	}
	c.fill(plain(0.8), polygon(left, far, right, down(right), down(near), down(left)))
	// Corrugated card shows fine vertical lines.
	c.fill(func(p point) rgb {
		return plain(lightL)(p).times(1 + 0.05*math.Sin(p.x*2*math.Pi/0.03))
	}, sideL)
	c.fill(func(p point) rgb {
		return plain(lightR)(p).times(1 + 0.05*math.Sin(p.x*2*math.Pi/0.03))
	}, sideR)
	c.fill(plain(1.12), lid)
	// Tape along the middle of the lid, and down the left side.
	a, b := middle(left, near, 0.40), middle(left, near, 0.60)
	d, e := middle(far, right, 0.60), middle(far, right, 0.40)
	c.fill(func(point) rgb { return tape.times(1.05) }, polygon(a, b, d, e))
	c.fill(func(point) rgb { return tape.times(lightL) }, polygon(a, b, point{b.x, b.y + 0.11}, point{a.x, a.y + 0.11}))
	// A dark mark on the right side: two arrows up.
	for _, t := range []float64{0.30, 0.62} {
		base := middle(near, right, t)
		slope := (right.y - near.y) / (right.x - near.x)
		at := func(x, y float64) point { return point{base.x + x, base.y + slope*x + y} }
		y := high * 0.30
		c.fill(func(point) rgb { return card.times(0.28) },
			polygon(at(0.035, y), at(0.075, y+0.065), at(0.048, y+0.065), at(0.048, y+0.16), at(0.022, y+0.16), at(0.022, y+0.065), at(-0.005, y+0.065)))
	}
}

// can draws a cylinder seen from above, slanted stripes, a metal lid with a tab.
func can(c *canvas, r *random) {
	paint, stripe := anyColor(r), hsv(r.uniform(0, 1), r.uniform(0, 0.35), r.uniform(0.85, 1))
	metal := hsv(r.uniform(0, 1), 0.04, r.uniform(0.72, 0.85))
	half, flat := r.uniform(0.24, 0.29), r.uniform(0.075, 0.105)
	slant, pitch := r.uniform(0.5, 0.9), r.uniform(0.13, 0.17)
	const top, bottom = -0.40, 0.40
	barrel := rectangle(-half, top, half, bottom)
	foot, lid := ellipse(0, bottom, half, flat), ellipse(0, top, half, flat)
	for _, part := range []curve{barrel, foot, lid} {
		c.cover(part)
	}
	side := func(p point) rgb {
		// The distance down the side, which bulges with the lid.
		v := p.y - flat*math.Sqrt(max(0, 1-p.x*p.x/half/half))
		around := math.Asin(max(-1, min(1, p.x/half))) * half
		wave := math.Mod((v+slant*around)/pitch+100, 1)
		color := blend(paint, stripe, c.edge((0.25-math.Abs(wave-0.5))*pitch))
		ends := max(c.edge(top+0.045-v), c.edge(v-bottom+0.045))
		return blend(color, metal, ends).times(c.cylinder(p.x, half, 0.4))
	}
	c.fill(side, barrel)
	c.fill(side, foot)
	c.fill(func(p point) rgb { return metal.times(1.08 + 0.30*p.x*c.light.x) }, lid)
	c.fill(func(p point) rgb { return metal.times(0.80 + 0.35*p.x*c.light.x) }, ellipse(0, top, half*0.86, flat*0.82))
	c.fill(func(point) rgb { return metal.times(0.35) }, ellipse(0, top+flat*0.35, half*0.22, flat*0.28))
	c.fill(func(point) rgb { return metal.times(1.15) }, ellipse(0, top-flat*0.10, half*0.20, flat*0.34), ellipse(0, top-flat*0.18, half*0.10, -flat*0.14))
}

// paper draws a crumpled sheet: a jagged outline full of facets and creases.
func paper(c *canvas, r *random) {
	sheet := hsv(r.uniform(0, 1), r.uniform(0.02, 0.45), r.uniform(0.80, 0.98))
	corners := 11 + r.intn(5)
	ring := func(low, high, twist float64) []point {
		points := make([]point, corners)
		for i := range points {
			turn := 2 * math.Pi * (float64(i) + twist + r.uniform(-0.28, 0.28)) / float64(corners)
			sin, cos := math.Sincos(turn)
			radius := r.uniform(low, high)
			points[i] = point{radius * cos, radius * sin}
		}
		return points
	}
	outer, middle, inner := ring(0.38, 0.52, 0), ring(0.24, 0.34, 0.5), ring(0.09, 0.17, 0)
	center := point{r.uniform(-0.04, 0.04), r.uniform(-0.04, 0.04)}
	var facets [][3]point
	for i := range corners {
		j := (i + 1) % corners
		facets = append(facets,
			[3]point{outer[i], outer[j], middle[i]}, [3]point{middle[i], middle[j], outer[j]},
			[3]point{middle[i], inner[j], inner[i]}, [3]point{middle[i], middle[j], inner[j]},
			[3]point{inner[i], inner[j], center})
	}
	tones := make([]float64, len(facets))
	for i := range tones {
		// Facets towards the light are brighter, each by its own tilt.
		f := facets[i]
		m := point{(f[0].x + f[1].x + f[2].x) / 3, (f[0].y + f[1].y + f[2].y) / 3}
		tones[i] = 0.80 + 0.25*(m.x*c.light.x+m.y*c.light.y) + r.uniform(-0.24, 0.20)
	}
	outline := polygon(outer...)
	c.cover(outline)
	c.fill(func(point) rgb { return sheet.times(0.8) }, outline)
	for i, f := range facets {
		c.fill(func(p point) rgb { return sheet.times(tones[i] + 0.35*((p.x-f[0].x)*c.light.y-(p.y-f[0].y)*c.light.x)) }, polygon(f[:]...))
	}
	for _, f := range facets {
		c.crease(f[0], f[2], sheet)
	}
}

// crease draws a thin dark line next to a bright one.
func (c *canvas) crease(a, b point, sheet rgb) {
	d := point{b.x - a.x, b.y - a.y}
	n := point{-d.y / d.length() * 0.004, d.x / d.length() * 0.004}
	strip := func(from, to float64) curve {
		return polygon(point{a.x + n.x*from, a.y + n.y*from}, point{b.x + n.x*from, b.y + n.y*from},
			point{b.x + n.x*to, b.y + n.y*to}, point{a.x + n.x*to, a.y + n.y*to})
	}
	c.fill(func(point) rgb { return sheet.times(0.55) }, strip(-1, 0))
	c.fill(func(point) rgb { return sheet.times(1.15) }, strip(0, 1))
}

// roll draws a ring of tape in many turns around a core; the hole shows the
// background.
func roll(c *canvas, r *random) {
	tape, core := anyColor(r), hsv(r.uniform(0.05, 0.12), r.uniform(0.2, 0.5), r.uniform(0.65, 0.85))
	outerR, holeR := r.uniform(0.42, 0.48), r.uniform(0.17, 0.24)
	coreR := holeR + r.uniform(0.035, 0.05)
	turns := r.uniform(0.026, 0.034) // distance between two turns
	whole := []curve{ellipse(0, 0, outerR, outerR), ellipse(0, 0, holeR, -holeR)}
	c.cover(whole...)
	c.fill(func(p point) rgb {
		radius := p.length()
		towards := (p.x*c.light.x + p.y*c.light.y) / max(radius, 1e-9)
		// A flat side polished by winding is bright in two sectors.
		shine := 0.80 + 0.12*towards + 0.22*math.Pow(math.Abs(towards), 6)
		if radius < coreR {
			return core.times(0.95 - 0.3*towards)
		}
		wound := 1 - 0.22*(0.5+0.5*math.Cos(2*math.Pi*(radius-coreR)/turns))
		rim := 1 - 0.30*c.edge(radius-outerR+0.016) - 0.35*c.edge(coreR+0.012-radius)
		return tape.times(shine * wound * rim)
	}, whole...)
}

// tray draws an egg tray of two by three round cups.
func tray(c *canvas, r *random) {
	pulp := hsv(r.uniform(0, 1), r.uniform(0.10, 0.60), r.uniform(0.50, 0.82))
	const pitch = 0.29
	halfW, halfH := 1.5*pitch+0.035, pitch+0.035
	cup := r.uniform(0.105, 0.125)
	outline := rounded(halfW, halfH, r.uniform(0.07, 0.12))
	c.cover(outline)
	c.fill(func(p point) rgb {
		// A raised rim, lit on the side of the light.
		rim := max(c.edge(math.Abs(p.x)-halfW+0.022), c.edge(math.Abs(p.y)-halfH+0.022))
		return pulp.times(1 + 0.10*(p.x*c.light.x+p.y*c.light.y) - 0.16*rim)
	}, outline)
	for row := range 2 {
		for column := range 3 {
			x, y := (float64(column)-1)*pitch, (float64(row)-0.5)*pitch
			c.fill(func(point) rgb { return pulp.times(1.22) }, ellipse(x, y, cup+0.012, cup+0.012))
			// A hollow is dark on the side of the light.
			c.fill(func(p point) rgb {
				u, v := (p.x-x)/cup, (p.y-y)/cup
				return pulp.times(0.58 - 0.30*(u*c.light.x+v*c.light.y) - 0.12*(1-u*u-v*v))
			}, ellipse(x, y, cup, cup))
		}
	}
}
