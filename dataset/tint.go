package dataset

import "math"

// A tint is an affine change of color: scale * rgb + plus.
type tint struct {
	scale [9]float32 // rows r, g, b
	plus  float32
}

var identityTint = [9]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}

// luma are the weights of red, green and blue in a gray (ITU-R BT.601).
var luma = [3]float64{0.299, 0.587, 0.114}

// tint combines brightness, contrast, saturation and hue, in this order, into one change. Values are
// rounded and clipped to 0..255 only once, at the end.
func (c change) tint(pixels []uint8) tint {
	if c.brightness == 1 && c.contrast == 1 && c.saturation == 1 && c.hue == 0 {
		return tint{scale: identityTint}
	}
	var saturation [9]float64
	for row := range 3 {
		for col := range 3 {
			saturation[3*row+col] = (1 - c.saturation) * luma[col]
		}
		saturation[4*row] += c.saturation
	}
	var t tint
	for i, v := range times(hueMatrix(c.hue), saturation) {
		t.scale[i] = float32(v * c.contrast * c.brightness)
	}
	if c.contrast != 1 { // saturation and hue do not change grays, so that the mean stays
		t.plus = float32((1 - c.contrast) * c.brightness * meanGray(pixels))
	}
	return t
}

// hueMatrix rotates colors about the gray axis by an angle, with the same luma:
// the rotation of I and Q in YIQ.
func hueMatrix(angle float64) [9]float64 {
	if angle == 0 {
		return [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}
	}
	sin, cos := math.Sincos(angle)
	toYIQ := [9]float64{luma[0], luma[1], luma[2], 0.595716, -0.274453, -0.321263, 0.211456, -0.522591, 0.311135}
	turn := [9]float64{1, 0, 0, 0, cos, -sin, 0, sin, cos}
	toRGB := [9]float64{1, 0.9563, 0.6210, 1, -0.2721, -0.6474, 1, -1.1070, 1.7046}
	return times(toRGB, times(turn, toYIQ))
}

// times returns the product of two 3x3 matrices.
func times(a, b [9]float64) (out [9]float64) {
	for i := range 3 {
		for j := range 3 {
			out[3*i+j] = a[3*i]*b[j] + a[3*i+1]*b[3+j] + a[3*i+2]*b[6+j]
		}
	}
	return out
}

func meanGray(pixels []uint8) float64 {
	var r, g, b int
	for p := pixels; len(p) >= 3; p = p[3:] {
		r, g, b = r+int(p[0]), g+int(p[1]), b+int(p[2])
	}
	return (luma[0]*float64(r) + luma[1]*float64(g) + luma[2]*float64(b)) * 3 / float64(len(pixels))
}

func (t tint) apply(pixels []uint8) {
	s, plus := t.scale, t.plus+0.5 // rounded by truncation
	for p := pixels; len(p) >= 3; p = p[3:] {
		r, g, b := float32(p[0]), float32(p[1]), float32(p[2])
		p[0] = level(s[0]*r + s[1]*g + s[2]*b + plus)
		p[1] = level(s[3]*r + s[4]*g + s[5]*b + plus)
		p[2] = level(s[6]*r + s[7]*g + s[8]*b + plus)
	}
}

func level(v float32) uint8 { return uint8(max(0, min(255, v))) }

// Recolor changes pixels [N,3] by factors of brightness, contrast and saturation, as a [Variation]
// does.
func Recolor(pixels []uint8, brightness, contrast, saturation float64) {
	change{brightness: brightness, contrast: contrast, saturation: saturation}.tint(pixels).apply(pixels)
}
