// Package jpegfile encodes JPEGs, with all colours of small pictures.
package jpegfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
)

// smallest is the shorter side, in pixels, from which on colours may have half the
// resolution. In smaller pictures a few pixels have the peak of a map.
const smallest = 128

// longest is the longer side of a small picture: not every decoder reads 65,501 pixels.
const longest = 8192

// IsSmall reports whether a picture of this size keeps the full resolution of its colours.
func IsSmall(size image.Point) bool {
	return min(size.X, size.Y) < smallest && max(size.X, size.Y) <= longest
}

// Encode writes a JPEG. quality is 1 to 100. Colours have half the resolution (4:2:0), those
// of a small picture the full one (4:4:4).
func Encode(w io.Writer, img image.Image, quality int) error {
	if !IsSmall(img.Bounds().Size()) {
		return jpeg.Encode(w, img, &jpeg.Options{Quality: quality})
	}
	out, err := full(img, quality)
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

const (
	markerSOF0 = 0xc0
	markerSOS  = 0xda
	markerEOI  = 0xd9
)

// full returns a JPEG with the full resolution of colours. image/jpeg has none, but encodes
// each component as a grey picture: their coded data are the scans of one file. All use the
// tables of luma, which are finer than those of colours.
func full(img image.Image, quality int) ([]byte, error) {
	b := img.Bounds()
	var planes [3]*image.Gray
	for c := range planes {
		planes[c] = image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	}
	for y := range b.Dy() {
		for x := range b.Dx() {
			red, green, blue, _ := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			at := planes[0].PixOffset(x, y)
			planes[0].Pix[at], planes[1].Pix[at], planes[2].Pix[at] = color.RGBToYCbCr(uint8(red>>8), uint8(green>>8), uint8(blue>>8))
		}
	}
	out := []byte{0xff, 0xd8}
	for c, plane := range planes {
		var grey bytes.Buffer
		if err := jpeg.Encode(&grey, plane, &jpeg.Options{Quality: quality}); err != nil {
			return nil, err
		}
		head, coded, err := split(grey.Bytes())
		if err != nil {
			return nil, err
		}
		if c == 0 {
			out = append(out, head...)
		}
		id := byte(c + 1)
		out = append(out, 0xff, markerSOS, 0, 8, 1, id, 0, 0, 63, 0) // tables 0, all 64 coefficients
		out = append(out, coded...)
	}
	return append(out, 0xff, markerEOI), nil
}

// split returns the segments before the scan of a grey JPEG, as those of three components,
// and the coded data.
func split(data []byte) (head, coded []byte, err error) {
	for at := 2; at+4 <= len(data); {
		marker, end := data[at+1], at+2+int(binary.BigEndian.Uint16(data[at+2:]))
		if end > len(data) {
			break
		}
		switch marker {
		case markerSOF0:
			// precision, height and width; then number, sampling and table of each component
			head = append(head, 0xff, markerSOF0, 0, 17)
			head = append(head, data[at+4:at+9]...)
			head = append(head, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)
		case markerSOS:
			return head, data[end : len(data)-2], nil
		default:
			head = append(head, data[at:end]...)
		}
		at = end
	}
	return nil, nil, errors.New("image/jpeg wrote no scan")
}
