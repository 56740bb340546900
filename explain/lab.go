package explain

import "math"

// lab is a color in CIELAB: L* from 0 to 100, a*, b*. Equal distances are about equally visible.
type lab [3]float64

// distance returns the squared distance of two colors.
func (c lab) distance(other lab) float64 {
	l, a, b := c[0]-other[0], c[1]-other[1], c[2]-other[2]
	return l*l + a*a + b*b
}

// labs returns an image's colors, row by row. Values outside of 0..255 are clipped; NaN counts as
// 0.
func labs(image Images) []lab {
	colors := make([]lab, image.Height*image.Width)
	for i := range colors {
		pixel := image.Pixels[i*image.Channels : (i+1)*image.Channels]
		if len(pixel) >= 3 {
			colors[i] = labOf(pixel[0], pixel[1], pixel[2])
		} else {
			colors[i] = labOf(pixel[0], pixel[0], pixel[0])
		}
	}
	return colors
}

// labOf converts sRGB to CIELAB, IEC 61966-2-1 and CIE 15, white D65.
func labOf(red, green, blue float32) lab {
	r, g, b := intensity(red), intensity(green), intensity(blue)
	x := cubeRoot((0.412453*r + 0.357580*g + 0.180423*b) / 0.95047)
	y := cubeRoot(0.212671*r + 0.715160*g + 0.072169*b)
	z := cubeRoot((0.019334*r + 0.119193*g + 0.950227*b) / 1.08883)
	return lab{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// intensity removes the gamma of sRGB: 0..255 to 0..1.
func intensity(value float32) float64 {
	v := float64(value) / 255
	switch {
	case !(v > 0):
		return 0
	case v >= 1:
		return 1
	case v <= 0.04045:
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// cubeRoot is CIELAB's f: the cube root, linear near zero.
func cubeRoot(t float64) float64 {
	if t > 216./24389 {
		return math.Cbrt(t)
	}
	return (24389./27*t + 16) / 116
}
