package dataset

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"os"
	"testing"
)

// hashedPicture is one of testdata/fingerprint.json, which fingerprint.py explains.
type hashedPicture struct {
	Width, Height int
	Factors       [4]int
	PHash, DHash  string
}

func hashedPictures(t *testing.T) (cases []hashedPicture) {
	b, err := os.ReadFile("testdata/fingerprint.json")
	if err == nil {
		err = json.Unmarshal(b, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// image is the picture that fingerprint.py makes.
func (c hashedPicture) image() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, c.Width, c.Height))
	for y := range c.Height {
		for x := range c.Width {
			var rgb [3]uint8
			for channel := range rgb {
				x, y := x*256/c.Width, y*256/c.Height
				v := (c.Factors[0]*x*x + c.Factors[1]*y*y + c.Factors[2]*x*y + c.Factors[3]*(channel+1)*(x+y)) >> 8 & 511
				rgb[channel] = uint8(min(v, 511-v))
			}
			img.SetRGBA(x, y, color.RGBA{rgb[0], rgb[1], rgb[2], 255})
		}
	}
	return img
}

func TestFingerprintIsImageHashs(t *testing.T) {
	for _, c := range hashedPictures(t) {
		f, contrast := NewFingerprint(c.image())
		if p, d := fmt.Sprintf("%016x", f.PHash), fmt.Sprintf("%016x", f.DHash); p != c.PHash || d != c.DHash || contrast == (c.Factors == [4]int{}) {
			t.Errorf("%dx%d %d: phash %s and dhash %s, ImageHash has %s and %s", c.Width, c.Height, c.Factors, p, d, c.PHash, c.DHash)
		}
	}
}
