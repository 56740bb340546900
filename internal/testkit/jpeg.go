package testkit

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"testing"
)

// TurnedJPEG returns the JPEG of a camera that was held upright: its EXIF block requires a rotation
// by 90 degrees clockwise.
func TurnedJPEG(t *testing.T, img *image.RGBA) []byte {
	t.Helper()
	size := img.Rect.Size()
	stored := image.NewRGBA(image.Rect(0, 0, size.Y, size.X))
	for y := range size.Y {
		for x := range size.X {
			stored.SetRGBA(y, size.X-1-x, img.RGBAAt(x, y))
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, stored, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01")
	exif = binary.BigEndian.AppendUint16(exif, 274)
	exif = append(exif, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0)
	return append(append([]byte("\xff\xd8"), exif...), b.Bytes()[2:]...)
}
