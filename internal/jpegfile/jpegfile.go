// Package jpegfile encodes JPEGs, small ones with full color resolution, and reads their segments.
package jpegfile

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"io"
)

// smallest is the shorter side, in pixels, from which on colors may have half the resolution. In
// smaller pictures the peak of a map can be a few pixels.
const smallest = 128

// longest is the maximum longer side of a small picture, because not every decoder reads 65,501
// pixels.
const longest = 8192

// IsSmall reports whether a picture of this size keeps the full resolution of its colors.
func IsSmall(size image.Point) bool {
	return min(size.X, size.Y) < smallest && max(size.X, size.Y) <= longest
}

// Encode writes a JPEG. quality is 1 to 100. Colors have half the resolution (4:2:0), or the full
// one in a small picture (4:4:4).
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

// full returns a JPEG with full color resolution. image/jpeg cannot encode this, but it encodes
// each component as a gray picture: their coded data become the scans of one file. All components
// use the luma tables, which are finer than the chroma tables.
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
		var gray bytes.Buffer
		if err := jpeg.Encode(&gray, plane, &jpeg.Options{Quality: quality}); err != nil {
			return nil, err
		}
		for s := range Segments(gray.Bytes()) {
			id := byte(c + 1)
			switch {
			case s.Marker == SOS:
				out = appendSegment(out, SOS, []byte{1, id, 0, 0, 63, 0}) // tables 0, all 64 coefficients
				out = append(out, s.Coded...)
			case c > 0: // the tables of all scans are the same
			case s.Marker == SOF0:
				// precision, height and width; then number, sampling and table of each component
				out = appendSegment(out, SOF0, append(s.Content[:5:5], 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0))
			default:
				out = appendSegment(out, s.Marker, s.Content)
			}
		}
	}
	return append(out, 0xff, EOI), nil
}
