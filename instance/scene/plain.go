package scene

import (
	"errors"
	"image"
	"math"
	"slices"
)

// against finds the object on a plain, light background and returns its alpha. It fits a
// quadratic surface to the border of the picture, in a colour space with lightness as one
// component. Pixels that differ from it are the object; darker pixels of the same colour
// are shadow.
func against(img *image.RGBA) ([]float32, error) {
	height, width := img.Rect.Dy(), img.Rect.Dx()
	channels := opponent(img)
	border := borderOf(height, width)
	difference := make([]float64, height*width)
	noise := 0.0
	for k, values := range channels {
		surface, spread := fitSurface(values, border, height, width)
		noise = max(noise, spread)
		for i, v := range values {
			d := v - surface[i]
			switch {
			case k > 0:
				d *= 1.6 // colour is more reliable than lightness
			case d < 0 && d > -60:
				d *= 0.12 // a shadow, unless it is deep
			}
			difference[i] += d * d
		}
	}
	if noise > 14 {
		return nil, errors.New("the background is not plain")
	}
	for i, d := range difference {
		difference[i] = math.Sqrt(d)
	}
	threshold := max(otsu(difference), 9)
	object := make([]bool, len(difference))
	for i, d := range difference {
		object[i] = d > threshold
	}
	object = largest(closed(object, height, width, 3), height, width)
	fillHoles(object, height, width)
	object = eroded(object, height, width, 1)
	if err := refuse(object, difference, threshold, border, height, width); err != nil {
		return nil, err
	}
	return feathered(object, height, width), nil
}

// opponent returns lightness, red against green, and blue against yellow, each with a range
// of about 255.
func opponent(img *image.RGBA) (out [3][]float64) {
	n := len(img.Pix) / 4
	for k := range out {
		out[k] = make([]float64, n)
	}
	for i := range n {
		r, g, b := float64(img.Pix[4*i]), float64(img.Pix[4*i+1]), float64(img.Pix[4*i+2])
		out[0][i], out[1][i], out[2][i] = 0.3*r+0.59*g+0.11*b, r-g, (r+g)/2-b
	}
	return out
}

// borderOf marks a twelfth of the picture along each side.
func borderOf(height, width int) []bool {
	out := make([]bool, height*width)
	deep := max(2, min(height, width)/12)
	for i := range out {
		y, x := i/width, i%width
		out[i] = y < deep || x < deep || y >= height-deep || x >= width-deep
	}
	return out
}

// fitSurface fits a quadratic surface to values where use is true, four times, without
// outliers, which may belong to the object. spread is the median distance of the values
// used.
func fitSurface(values []float64, use []bool, height, width int) (surface []float64, spread float64) {
	terms := func(i int) [6]float64 {
		y, x := 2*float64(i/width)/float64(height)-1, 2*float64(i%width)/float64(width)-1
		return [6]float64{1, x, y, x * x, x * y, y * y}
	}
	var s [6]float64
	at := func(t [6]float64) float64 {
		return s[0]*t[0] + s[1]*t[1] + s[2]*t[2] + s[3]*t[3] + s[4]*t[4] + s[5]*t[5]
	}
	var used []int
	for i, in := range use {
		if in {
			used = append(used, i)
		}
	}
	distances := make([]float64, len(used))
	limit := math.Inf(1)
	for range 4 {
		var a [6][7]float64
		for k, i := range used {
			if distances[k] > limit {
				continue
			}
			t := terms(i)
			for r := range 6 {
				for c := range 6 {
					a[r][c] += t[r] * t[c]
				}
				a[r][6] += t[r] * values[i]
			}
		}
		for r := range 6 {
			a[r][r] += 1e-3
		}
		s = solve(a)
		for k, i := range used {
			distances[k] = math.Abs(values[i] - at(terms(i)))
		}
		sorted := slices.Sorted(slices.Values(distances))
		spread = sorted[len(sorted)/2]
		limit = max(3*spread, 4)
	}
	surface = make([]float64, len(values))
	for i := range surface {
		surface[i] = at(terms(i))
	}
	return surface, spread
}

// solve solves six linear equations by elimination.
func solve(a [6][7]float64) (x [6]float64) {
	for c := range 6 {
		pivot := c
		for r := c + 1; r < 6; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[pivot][c]) {
				pivot = r
			}
		}
		a[c], a[pivot] = a[pivot], a[c]
		for r := range 6 {
			if r == c {
				continue
			}
			f := a[r][c] / a[c][c]
			for k := c; k < 7; k++ {
				a[r][k] -= f * a[c][k]
			}
		}
	}
	for c := range 6 {
		x[c] = a[c][6] / a[c][c]
	}
	return x
}

// otsu is the best of 256 thresholds up to the 99th percentile for two groups of values
// (Otsu 1979).
func otsu(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	top := sorted[len(sorted)*99/100] + 1e-9
	var counts [256]float64
	for _, v := range values {
		counts[min(255, int(v/top*255))]++
	}
	total, sum := float64(len(values)), 0.0
	for i, n := range counts {
		sum += float64(i) * n
	}
	best, at, below, sumBelow := -1.0, 0, 0.0, 0.0
	for i, n := range counts {
		below += n
		sumBelow += float64(i) * n
		if below == 0 || below == total {
			continue
		}
		difference := sumBelow/below - (sum-sumBelow)/(total-below)
		if between := below * (total - below) * difference * difference; between > best {
			best, at = between, i
		}
	}
	return float64(at) / 255 * top * 0.75 // nearer to the background: edges are blends
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

func eroded(object []bool, height, width, radius int) []bool {
	return grown(object, height, width, radius, false)
}

// component returns the pixels with a value that are connected to a first one.
func component(object []bool, seen []bool, first, height, width int) (pixels []int) {
	want := object[first]
	seen[first] = true
	pixels = []int{first}
	for k := 0; k < len(pixels); k++ {
		y, x := pixels[k]/width, pixels[k]%width
		for _, n := range [4][2]int{{y - 1, x}, {y + 1, x}, {y, x - 1}, {y, x + 1}} {
			if n[0] < 0 || n[1] < 0 || n[0] >= height || n[1] >= width {
				continue
			}
			if i := n[0]*width + n[1]; !seen[i] && object[i] == want {
				seen[i] = true
				pixels = append(pixels, i)
			}
		}
	}
	return pixels
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

// fillHoles fills holes of up to a third of the object: gloss, labels and print in the
// background's colour. A hole that shows the background is filled, too.
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

// refuse returns the reason why a mask is not a clean object.
func refuse(object []bool, difference []float64, threshold float64, border []bool, height, width int) error {
	area, edge, atBorder, outside := 0, 0, 0, 0
	inside := 0.0
	for i, in := range object {
		y, x := i/width, i%width
		rim := y == 0 || x == 0 || y == height-1 || x == width-1
		if !in {
			if border[i] && difference[i] > threshold {
				outside++
			}
			continue
		}
		area++
		inside += difference[i]
		if rim {
			atBorder++
			continue
		}
		if !object[i-1] || !object[i+1] || !object[i-width] || !object[i+width] {
			edge++
		}
	}
	pixels := height * width
	switch {
	case area < pixels/30:
		return errors.New("no object stands out from the background")
	case area > pixels*7/10:
		return errors.New("the object fills the picture")
	case atBorder > (height+width)/40:
		return errors.New("the border cuts the object")
	case outside > pixels/50:
		return errors.New("the background is not plain")
	case float64(edge*edge)/float64(area) > 45: // 12.6 of a disc, 16 of a square
		return errors.New("the outline is ragged")
	case inside/float64(area) < 1.6*threshold:
		return errors.New("the object hardly differs from the background")
	}
	return nil
}

// feathered returns the alpha of an object with soft edges.
func feathered(object []bool, height, width int) []float32 {
	out := make([]float32, len(object))
	for y := range height {
		for x := range width {
			n, sum := 0, 0
			for i := max(0, y-1); i <= min(height-1, y+1); i++ {
				for j := max(0, x-1); j <= min(width-1, x+1); j++ {
					n++
					if object[i*width+j] {
						sum++
					}
				}
			}
			out[y*width+x] = float32(sum) / float32(n)
		}
	}
	return out
}
