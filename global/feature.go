package global

import (
	"math"

	"oscar/explain"
	"oscar/internal/numeric"
)

// Feature is a column of a [Table]: a named number of an image.
type Feature struct {
	Name  string `json:"name"`  // "edge density"
	Unit  string `json:"unit"`  // "" if there is none; [YesOrNo]
	About string `json:"about"` // its definition
}

// YesOrNo is the unit of a feature that is 1 if the image has it, else 0.
const YesOrNo = "0 or 1"

// Picture is an image to measure, as the network sees it: RGB, 0..255,
// row-major [Height,Width,3].
type Picture struct {
	Height, Width int
	Pixels        []uint8
}

// ImageFeatures are the features of [MeasureImage], in order. Brightness is Rec. 601 luma (0.299 R +
// 0.587 G + 0.114 B) divided by 255. The gradient is the Sobel gradient of the brightness divided by
// 8, with repeated border pixels: it is b on a ramp of b per pixel.
var ImageFeatures = []Feature{
	{"brightness", "0..1", "mean of the brightness"},
	{"brightness spread", "0..1", "standard deviation of the brightness"},
	{"bright area", "share", "of the pixels with a brightness above 0.9"},
	{"dark area", "share", "of the pixels with a brightness below 0.1"},
	{"center brightness", "-1..1", "mean brightness of the middle half of height and width less that of the rest"},
	{"brightness entropy", "bits", "Shannon entropy of the histogram of the brightness in 64 bins, 0..6"},
	{"saturation", "0..1", "mean of (max - min) / max of R, G, B; 0 of black"},
	{"saturation spread", "0..1", "standard deviation of the saturation"},
	{"hue", "degrees", "direction of the mean of all hues (red 0, green 120, blue 240), each as long as the pixel's max - min of R, G, B; 0 of a gray image"},
	{"hue unity", "0..1", "length of that mean over the mean length: 1 of one hue, 0 of opposite ones or a gray image"},
	{"red-green", "-1..1", "mean of (R - G) / 255"},
	{"yellow-blue", "-1..1", "mean of ((R + G) / 2 - B) / 255"},
	{"edge density", "share", "of the pixels whose gradient is longer than 0.05"},
	{"edge strength", "1/pixel", "mean length of the gradient"},
	{"edge direction", "-1..1", "mean of (gx^2 - gy^2) over the mean of gx^2 + gy^2: 1 of upright edges, -1 of level ones"},
	{"edge slant", "-1..1", "mean of 2 gx gy over the mean of gx^2 + gy^2: 1 of edges that rise to the right, -1 of those that fall"},
	{"texture", "0..1", "mean of the standard deviation of the brightness in blocks of 8x8 pixels"},
	{"sharpness", "", "variance of the Laplacian (4 neighbors) of 255 times the brightness (Pech-Pacheco et al. 2000)"},
}

// MapFeatures are the features of [MeasureMap], in order.
var MapFeatures = []Feature{
	{"heat in the center", "share", "of the positive heat in the middle half of height and width; 0 where there is none"},
	{"heat from the left", "0..1", "centroid of the positive heat: 0 left, 1 right; 0.5 where there is none"},
	{"heat from the top", "0..1", "centroid of the positive heat: 0 top, 1 bottom; 0.5 where there is none"},
	{"heat spread", "0..1", "root of the mean squared distance from that centroid, in sides of the image"},
	{"heat concentration", "0..1", "Gini coefficient of the absolute heat: 0 the same everywhere, towards 1 all in one place"},
	{"heat against", "share", "of the absolute heat that is negative"},
}

// MeasureImage returns the values of [ImageFeatures] for an image.
func MeasureImage(p Picture) []float64 {
	light := make([]float64, p.Height*p.Width)
	for i := range light {
		light[i] = (0.299*float64(p.Pixels[3*i]) + 0.587*float64(p.Pixels[3*i+1]) + 0.114*float64(p.Pixels[3*i+2])) / 255
	}
	out := make([]float64, 0, len(ImageFeatures))
	out = append(out, brightness(light, p.Height, p.Width)...)
	out = append(out, colorFeatures(p.Pixels)...)
	return append(out, structure(light, p.Height, p.Width)...)
}

// moments accumulates a mean and a population variance (denominator n).
type moments struct{ n, sum, squares float64 }

func (m *moments) add(v float64) { m.n, m.sum, m.squares = m.n+1, m.sum+v, m.squares+v*v }

func (m *moments) mean() float64 { return ratio(m.sum, m.n) }

func (m *moments) variance() float64 { return max(ratio(m.squares, m.n)-m.mean()*m.mean(), 0) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// brightness returns the features "brightness" to "brightness entropy".
func brightness(light []float64, height, width int) []float64 {
	var all, center, rest moments
	var bright, dark float64
	const bins = 64
	var histogram [bins]float64
	for i, v := range light {
		all.add(v)
		if middle(i/width, height) && middle(i%width, width) {
			center.add(v)
		} else {
			rest.add(v)
		}
		if v > 0.9 {
			bright++
		}
		if v < 0.1 {
			dark++
		}
		histogram[min(int(v*bins), bins-1)]++
	}
	entropy := 0.0
	for _, count := range histogram {
		if p := count / all.n; p > 0 {
			entropy -= p * math.Log2(p)
		}
	}
	return []float64{all.mean(), math.Sqrt(all.variance()), bright / all.n, dark / all.n, center.mean() - rest.mean(), entropy}
}

// middle reports whether position i of n has its center in the middle half.
func middle(i, n int) bool { return max(2*(2*i+1-n), -2*(2*i+1-n)) <= n }

// colorFeatures returns the features "saturation" to "yellow-blue".
func colorFeatures(pixels []uint8) []float64 {
	var saturation, redGreen, yellowBlue moments
	var x, y, lengths float64 // of the hues, as vectors
	for i := 0; i+2 < len(pixels); i += 3 {
		r, g, b := float64(pixels[i]), float64(pixels[i+1]), float64(pixels[i+2])
		chroma := max(r, g, b) - min(r, g, b)
		saturation.add(ratio(chroma, max(r, g, b)))
		redGreen.add((r - g) / 255)
		yellowBlue.add(((r+g)/2 - b) / 255)
		if chroma > 0 {
			sin, cos := math.Sincos(hue(r, g, b) * math.Pi / 180)
			x, y, lengths = x+chroma*cos, y+chroma*sin, lengths+chroma
		}
	}
	direction := math.Atan2(y, x) * 180 / math.Pi
	if direction < 0 {
		direction += 360
	}
	unity := ratio(math.Hypot(x, y), lengths)
	return []float64{saturation.mean(), math.Sqrt(saturation.variance()), direction, unity, redGreen.mean(), yellowBlue.mean()}
}

// hue returns a color's angle on the hexagon of hues, in degrees. The color must not be gray.
func hue(r, g, b float64) float64 {
	top := max(r, g, b)
	chroma := top - min(r, g, b)
	switch top {
	case r:
		return 60 * (g - b) / chroma
	case g:
		return 60*(b-r)/chroma + 120
	}
	return 60*(r-g)/chroma + 240
}

// structure returns the features "edge density" to "sharpness".
func structure(light []float64, height, width int) []float64 {
	at := func(y, x int) float64 {
		return light[min(max(y, 0), height-1)*width+min(max(x, 0), width-1)]
	}
	var dense, length, along, slant, power float64
	var curvature moments
	for i := range light {
		y, x := i/width, i%width
		gx := (at(y-1, x+1) + 2*at(y, x+1) + at(y+1, x+1) - at(y-1, x-1) - 2*at(y, x-1) - at(y+1, x-1)) / 8
		gy := (at(y+1, x-1) + 2*at(y+1, x) + at(y+1, x+1) - at(y-1, x-1) - 2*at(y-1, x) - at(y-1, x+1)) / 8
		long := math.Hypot(gx, gy)
		if long > 0.05 {
			dense++
		}
		length += long
		along, slant, power = along+gx*gx-gy*gy, slant+2*gx*gy, power+gx*gx+gy*gy
		curvature.add(255 * (at(y-1, x) + at(y+1, x) + at(y, x-1) + at(y, x+1) - 4*light[i]))
	}
	n := float64(len(light))
	return []float64{dense / n, length / n, ratio(along, power), ratio(slant, power), texture(light, height, width), curvature.variance()}
}

const block = 8 // pixels

// texture returns the mean standard deviation in blocks. Blocks at the right and lower border may be
// smaller.
func texture(light []float64, height, width int) float64 {
	sum, blocks := 0.0, 0.0
	for top := 0; top < height; top += block {
		for left := 0; left < width; left += block {
			var m moments
			for y := top; y < min(top+block, height); y++ {
				for x := left; x < min(left+block, width); x++ {
					m.add(light[y*width+x])
				}
			}
			sum += math.Sqrt(m.variance())
			blocks++
		}
	}
	return sum / blocks
}

// MeasureMap returns the values of [MapFeatures] for a map. Values that are not finite count as 0.
func MeasureMap(g explain.Grid) []float64 {
	var mass, against, inside, cx, cy, squares float64
	sizes := make([]float64, len(g.Values))
	place := func(i int) (x, y float64) {
		return (float64(i%g.Width) + 0.5) / float64(g.Width), (float64(i/g.Width) + 0.5) / float64(g.Height)
	}
	for i, v := range g.Values {
		v := float64(v)
		if !numeric.Finite(v) {
			continue
		}
		sizes[i] = math.Abs(v)
		if v <= 0 {
			against -= v
			continue
		}
		x, y := place(i)
		mass, cx, cy, squares = mass+v, cx+v*x, cy+v*y, squares+v*(x*x+y*y)
		if middle(i/g.Width, g.Height) && middle(i%g.Width, g.Width) {
			inside += v
		}
	}
	out := []float64{0, 0.5, 0.5, 0, concentration(sizes), ratio(against, mass+against)}
	if mass > 0 {
		cx, cy = cx/mass, cy/mass
		copy(out, []float64{inside / mass, cx, cy, math.Sqrt(max(squares/mass-cx*cx-cy*cy, 0))})
	}
	return out
}
