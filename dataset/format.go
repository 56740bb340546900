package dataset

import (
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// A format is one way of storing an image.
type format struct {
	name   string
	magic  string // the first bytes of a file; '?' stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	// exif finds the EXIF block within a file, nil if there is none. A nil
	// function: the format has none.
	exif func(data []byte) []byte
	// pixelsPerByte is more pixels than one byte of a valid file can stand for,
	// 0 if there is no such bound. A header that claims more is a lie, and is
	// found out before pixels are allocated for it.
	pixelsPerByte int64
}

// formats are those Decode knows. To add one, add a line.
var formats = []format{
	// Every 8x8 block of the first component takes at least one bit.
	{"JPEG", "\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode, jpegEXIF, 8 * 64},
	// Deflate expands at most 1032 times; a pixel takes at least one bit.
	{"PNG", "\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode, pngEXIF, 8 * 1032},
	// An LZW code of at least 3 bits stands for at most 4096 pixels.
	{"GIF", "GIF87a", gif.DecodeConfig, gif.Decode, nil, 8 * 4096 / 3},
	{"GIF", "GIF89a", gif.DecodeConfig, gif.Decode, nil, 8 * 4096 / 3},
	// Uncompressed, at least one bit a pixel.
	{"BMP", "BM????\x00\x00\x00\x00", bmp.DecodeConfig, bmp.Decode, nil, 8},
	{"TIFF", "II*\x00", tiff.DecodeConfig, tiff.Decode, tiffEXIF, 0},
	{"TIFF", "MM\x00*", tiff.DecodeConfig, tiff.Decode, tiffEXIF, 0},
	{"WebP", "RIFF????WEBP", webp.DecodeConfig, webp.Decode, webpEXIF, 0},
}

// sniff returns the format whose magic data begins with, nil if there is none.
func sniff(data []byte) *format {
	for i := range formats {
		if formats[i].matches(data) {
			return &formats[i]
		}
	}
	return nil
}

func (f *format) matches(data []byte) bool {
	if len(data) < len(f.magic) {
		return false
	}
	for i := range len(f.magic) {
		if f.magic[i] != '?' && f.magic[i] != data[i] {
			return false
		}
	}
	return true
}
