package scene

import (
	"errors"
	"image"
	"math"
)

// cutFromBackground finds the object on a plain light background and returns its alpha. It fits a quadratic
// surface to the picture's border, in a color space with a lightness component. The object consists
// of pixels that differ from the surface or have sharp edges, and of everything these enclose.
// Darker pixels of the background's color are shadow. cut has the sides of the picture that cut the
// object.
func cutFromBackground(img *image.RGBA) (alpha []float32, cut sides, err error) {
	height, width := img.Rect.Dy(), img.Rect.Dx()
	channels := opponent(img)
	border := borderOf(height, width)
	difference, edges := make([]float64, height*width), make([]float64, height*width)
	shadow := make([]bool, height*width)
	noise := 0.0
	for k, values := range channels {
		middle := medianOf(values, border)
		if k == 0 && middle < 110 || k > 0 && math.Abs(middle) > 45 {
			return nil, cut, errors.New("the background is not light and gray")
		}
		surface, spread := fitSurface(values, border, height, width)
		noise = max(noise, spread)
		for i, v := range values {
			d := v - surface[i]
			switch {
			case k > 0:
				d *= 1.6 // color is more reliable than lightness
			case d < 0 && d > -60:
				d *= 0.12 // a shadow, unless it is deep
				shadow[i] = true
			}
			difference[i] += d * d
		}
		addGradients(edges, blurred(blurred(values, 1, width, 1), width, height, 1), height, width)
	}
	if noise > 14 {
		return nil, cut, errNotPlain
	}
	for i, d := range difference {
		difference[i], edges[i] = math.Sqrt(d), math.Sqrt(edges[i])
	}
	radius := func(r int) int { return max(1, (r*max(height, width)+128)/256) } // r is for a picture of 256 pixels
	threshold := max(otsu(difference), 9)
	sharp := max(5, 4*medianOf(edges, border))
	object := make([]bool, len(difference))
	for i, d := range difference {
		object[i] = d > threshold || edges[i] > sharp
	}
	object = closed(object, height, width, radius(3))
	fillHoles(object, height, width)
	object = opened(object, height, width, radius(2))
	object = largest(object, height, width)
	fillHoles(object, height, width)
	rough := object
	object = refined(rough, difference, edges, shadow, max(threshold, 22), sharp, radius(4), height, width)
	object = largest(opened(object, height, width, radius(2)), height, width)
	fillHoles(object, height, width)
	if overlap(rough, object) < 0.6 {
		return nil, cut, errors.New("the outline is uncertain")
	}
	if sharpness(object, edges, sharp, height, width) < 0.8 {
		return nil, cut, errors.New("the outline is not sharp")
	}
	object = eroded(object, height, width, radius(2))
	cut, err = checkObject(object, difference, threshold, border, height, width)
	if err != nil {
		return nil, cut, err
	}
	return feathered(object, height, width), cut, nil
}

// opponent returns lightness, red-green and blue-yellow, each with a range of about 255.
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

// sides marks the left, top, right and bottom sides of a picture that cut an object.
type sides [4]bool

var errNotPlain = errors.New("the background is not plain")

// checkObject returns the sides that cut an object. If the mask is not a clean object, the error is the
// reason.
func checkObject(object []bool, difference []float64, threshold float64, border []bool, height, width int) (cut sides, err error) {
	area, edge, outside := 0, 0, 0
	var at [4]int
	inside := 0.0
	for i, in := range object {
		y, x := i/width, i%width
		if !in {
			if border[i] && difference[i] > threshold {
				outside++
			}
			continue
		}
		area++
		inside += difference[i]
		rim := false
		for k, touches := range [4]bool{x == 0, y == 0, x == width-1, y == height-1} {
			if touches {
				at[k]++
				rim = true
			}
		}
		if !rim && (!object[i-1] || !object[i+1] || !object[i-width] || !object[i+width]) {
			edge++
		}
	}
	pixels := height * width
	for k := range cut {
		cut[k] = at[k] > 2
	}
	switch {
	case area < pixels/60:
		return cut, errors.New("no object stands out from the background")
	case area > pixels*7/10:
		return cut, errors.New("the object fills the picture")
	case cut[0] && cut[2] || cut[1] && cut[3]:
		return cut, errors.New("opposite sides cut the object")
	case at[0]+at[1]+at[2]+at[3] > (height+width)*7/10:
		return cut, errors.New("the border cuts most of the object")
	case outside > pixels/50:
		return cut, errNotPlain
	case float64(edge*edge)/float64(area) > 45: // 12.6 for a disc, 16 for a square
		return cut, errors.New("the outline is ragged")
	case inside/float64(area) < 5:
		return cut, errors.New("the object hardly differs from the background")
	}
	return cut, nil
}

// feathered returns the alpha of a mask, with soft edges.
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
