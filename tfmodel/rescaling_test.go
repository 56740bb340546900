package tfmodel

import (
	"testing"
)

// surround puts zeros around an image.
func surround(g grid, size int) grid {
	out := newGrid(g.h+2*size, g.w+2*size, g.c)
	for y := range g.h {
		for x := range g.w {
			for c := range g.c {
				*out.at(y+size, x+size, c) = *g.at(y, x, c)
			}
		}
	}
	return out
}

func rescale(g grid, l *Rescaling) grid {
	out := newGrid(g.h, g.w, g.c)
	for i, v := range g.v {
		out.v[i] = l.Scale*v + l.Offset
	}
	return out
}

func plus(a, b grid) grid {
	out := newGrid(a.h, a.w, a.c)
	for i := range out.v {
		out.v[i] = a.v[i] + b.v[i]
	}
	return out
}

func TestPaddingAndRescalingTwins(t *testing.T) {
	in := Shape{3, 4, 2}
	for _, test := range []struct {
		layer Layer
		twin  func(grid) grid
	}{
		{&ZeroPadding2D{Size: 1}, func(g grid) grid { return surround(g, 1) }},
		{&ZeroPadding2D{Size: 3}, func(g grid) grid { return surround(g, 3) }},
		{&Rescaling{Scale: 1 / 127.5, Offset: -1}, func(g grid) grid { return rescale(g, &Rescaling{1 / 127.5, -1}) }},
		{&Rescaling{Scale: -2}, func(g grid) grid { return rescale(g, &Rescaling{-2, 0}) }},
	} {
		r := newRig(t, test.layer, in, false)
		at := r.point(2)
		twin(t, test.layer, "output", r.apply(at), each(images(at.x, in), test.twin))
	}
}
