package scene

import (
	"slices"

	"oscar/instance/mask"
)

// copyBorder replaces the values at a picture's border by their inner neighbors.
func copyBorder(x []float64, height, width int) {
	for i := range x {
		r, c := i/width, i%width
		x[i] = x[min(max(r, 1), height-2)*width+min(max(c, 1), width-2)]
	}
}

// overlap returns the IoU of two masks.
func overlap(a, b []bool) float64 {
	both, either := 0, 0
	for i := range a {
		if a[i] && b[i] {
			both++
		}
		if a[i] || b[i] {
			either++
		}
	}
	return float64(both) / float64(max(1, either))
}

// grown dilates a mask by a radius, along rows and columns.
func grown(object []bool, height, width, radius int, want bool) []bool {
	pass := func(in []bool, step, length int) []bool {
		out := slices.Clone(in)
		for i := range in {
			at := i / step % length
			for d := -radius; d <= radius; d++ {
				if at+d >= 0 && at+d < length && in[i+d*step] == want {
					out[i] = want
					break
				}
			}
		}
		return out
	}
	return pass(pass(object, 1, width), width, height)
}

func closed(object []bool, height, width, radius int) []bool {
	return grown(grown(object, height, width, radius, true), height, width, radius, false)
}

func opened(object []bool, height, width, radius int) []bool {
	return grown(grown(object, height, width, radius, false), height, width, radius, true)
}

func eroded(object []bool, height, width, radius int) []bool {
	return grown(object, height, width, radius, false)
}

// component returns the connected component of a first pixel, of pixels with its value.
func component(object []bool, seen []bool, first, height, width int) (pixels []int) {
	want := object[first]
	return mask.Flood(height, width, first, func(i int) bool {
		if seen[i] || object[i] != want {
			return false
		}
		seen[i] = true
		return true
	})
}

// largest keeps the largest connected component.
func largest(object []bool, height, width int) []bool {
	seen, best := make([]bool, len(object)), []int(nil)
	for i, in := range object {
		if in && !seen[i] {
			if pixels := component(object, seen, i, height, width); len(pixels) > len(best) {
				best = pixels
			}
		}
	}
	out := make([]bool, len(object))
	for _, i := range best {
		out[i] = true
	}
	return out
}

// fillHoles fills holes of up to a third of the object's area, such as gloss, labels and print in
// the background's color. It also fills holes through which the background is visible.
func fillHoles(object []bool, height, width int) {
	seen, area := make([]bool, len(object)), 0
	for _, in := range object {
		if in {
			area++
		}
	}
	for i, in := range object {
		if in || seen[i] {
			continue
		}
		pixels := component(object, seen, i, height, width)
		outside := len(pixels) > area/3 || slices.ContainsFunc(pixels, func(p int) bool {
			y, x := p/width, p%width
			return y == 0 || x == 0 || y == height-1 || x == width-1
		})
		if !outside {
			for _, p := range pixels {
				object[p] = true
			}
		}
	}
}

// blurred returns the moving average along lines. A line has length pixels, which are step apart.
func blurred(values []float64, step, length, radius int) []float64 {
	out := make([]float64, len(values))
	for i := range values {
		at, sum := i/step%length, 0.0
		for d := -radius; d <= radius; d++ {
			sum += values[i+(min(max(at+d, 0), length-1)-at)*step]
		}
		out[i] = sum / float64(2*radius+1)
	}
	return out
}
