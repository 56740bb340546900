package dataset

import (
	"errors"
	"image"
	"image/gif"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
)

// A format is an image file format.
type format struct {
	name   string
	magic  string // the first bytes of a file; '?' stands for any byte
	config func(*input) (image.Config, error)
	decode func(*input) (image.Image, error)
	// exif returns the EXIF block of a file, or nil if there is none. The field is nil if the format
	// has no EXIF.
	exif func(data []byte) []byte
	// pixelsPerByte is the largest number of pixels per byte of a valid file, 0 if there is no
	// limit. A header that claims more is invalid, and is refused before pixels are
	// allocated.
	pixelsPerByte int64
	// bytesPerPixel is the maximum memory for decoding, including the result.
	bytesPerPixel float64
}

// formats are the formats that Decode supports.
var formats = []format{
	// An 8x8 block of the first component takes at least one bit. A component at full resolution needs
	// one byte per pixel for decoding, four if it is progressive.
	{"JPEG", "\xff\xd8\xff", configJPEG, decodeJPEG, jpegEXIF, 8 * 64, 24},
	// Deflate expands at most 1032 times, and a pixel takes at least one bit. 16 bit colors are
	// converted.
	{"PNG", "\x89PNG\r\n\x1a\n", plainConfig(png.DecodeConfig), plain(png.Decode), pngEXIF, 8 * 1032, 12},
	// An LZW code of at least 3 bits stands for at most 4096 pixels.
	{"GIF", "GIF87a", plainConfig(gif.DecodeConfig), plain(gif.Decode), nil, 8 * 4096 / 3, 5},
	{"GIF", "GIF89a", plainConfig(gif.DecodeConfig), plain(gif.Decode), nil, 8 * 4096 / 3, 5},
	// Uncompressed, at least one bit a pixel.
	{"BMP", "BM????\x00\x00\x00\x00", plainConfig(bmp.DecodeConfig), plain(bmp.Decode), nil, 8, 8},
	{"TIFF", "II*\x00", configTIFF, decodeTIFF, tiffEXIF, 0, 12},
	{"TIFF", "MM\x00*", configTIFF, decodeTIFF, tiffEXIF, 0, 12},
	{"TIFF", "II+\x00", refuseBigTIFF, nil, nil, 0, 0},
	{"TIFF", "MM\x00+", refuseBigTIFF, nil, nil, 0, 0},
	{"HEIC", "????ftyphei?", refuseHEIF, nil, nil, 0, 0},
	{"HEIC", "????ftypmif1", refuseHEIF, nil, nil, 0, 0},
	{"AVIF", "????ftypavi?", refuseHEIF, nil, nil, 0, 0},
	{"WebP", "RIFF????WEBP", configWebP, decodeWebP, webpEXIF, 0, 12},
}

// refuseHEIF returns an error that explains how to convert the file. No Go decoder of this format
// has limits for time and memory.
func refuseHEIF(*input) (image.Config, error) {
	return image.Config{}, errFormat
}

// errFormat is the error for a format that oscar never supports.
var errFormat = errors.New("not supported: convert it to JPEG or PNG")

// plain adapts a library's decoder.
func plain(decode func(io.Reader) (image.Image, error)) func(*input) (image.Image, error) {
	return func(in *input) (image.Image, error) { return decode(in.reader(in.data)) }
}

func plainConfig(config func(io.Reader) (image.Config, error)) func(*input) (image.Config, error) {
	return func(in *input) (image.Config, error) { return config(in.reader(in.data)) }
}

// IsImage reports whether data starts like a known image format.
func IsImage(data []byte) bool { return sniff(data) != nil }

// sniff returns the format of data by its first bytes, nil if it is unknown.
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
