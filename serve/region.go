package serve

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// region is a polygon on a scatter plot, with coordinates in percent.
type region [][2]float64

// maxCorners is the maximum number of corners of a region.
const maxCorners = 400

// regionOf reads "X,Y;X,Y;..." in percent of the scatter plot. Two points are opposite corners of a
// rectangle.
func regionOf(text string) (region, error) {
	if text == "" {
		return nil, nil
	}
	var r region
	for corner := range strings.SplitSeq(strings.Trim(text, "; "), ";") {
		x, y, _ := strings.Cut(corner, ",")
		var at [2]float64
		for i, part := range []string{x, y} {
			v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
			if err != nil || math.IsNaN(v) || math.Abs(v) > 1000 {
				return nil, fmt.Errorf("corner %q of the region; want X,Y in percent, as 10,10;40,30", corner)
			}
			at[i] = v
		}
		if r = append(r, at); len(r) > maxCorners {
			return nil, fmt.Errorf("the region has more than %d corners", maxCorners)
		}
	}
	switch len(r) {
	case 1:
		return nil, fmt.Errorf("the region has one corner; want two for a rectangle, or more")
	case 2:
		a, b := r[0], r[1]
		r = region{a, {b[0], a[1]}, b, {a[0], b[1]}}
	}
	return r, nil
}

// holds reports whether a point is inside the region: a ray from it crosses the border an odd number
// of times.
func (r region) holds(x, y float64) bool {
	within := false
	for i := range r {
		a, b := r[i], r[(i+1)%len(r)]
		if (a[1] > y) != (b[1] > y) && x < a[0]+(y-a[1])/(b[1]-a[1])*(b[0]-a[0]) {
			within = !within
		}
	}
	return within
}

// points returns the region as the attribute points of an SVG polygon.
func (r region) points() string {
	var b strings.Builder
	for _, at := range r {
		fmt.Fprintf(&b, "%g,%g ", at[0], at[1])
	}
	return strings.TrimSpace(b.String())
}
