package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"io"
)

// Limits bound what one image may cost. A field of 0 stands for that of
// DefaultLimits.
type Limits struct {
	MaxPixels int64 // width x height, as the header claims it
	MaxBytes  int64 // length of the file
}

// DefaultLimits allow 100 megapixels and 64 MiB a file.
var DefaultLimits = Limits{MaxPixels: 100_000_000, MaxBytes: 64 << 20}

// maxSide is the longest side an image may have, that of JPEG. Were it longer,
// the 32 bit sums of the resize filters would overflow for a result of four pixels.
const maxSide = 1<<16 - 1

func (l Limits) orDefault() Limits {
	if l.MaxPixels == 0 {
		l.MaxPixels = DefaultLimits.MaxPixels
	}
	if l.MaxBytes == 0 {
		l.MaxBytes = DefaultLimits.MaxBytes
	}
	return l
}

// A Header is what an image file says of itself.
type Header struct {
	Format        string // "JPEG", "PNG", "GIF", "BMP", "TIFF" or "WebP"
	Width, Height int    // as stored, in pixels: before Orientation is applied
	Orientation   int    // EXIF orientation, 1 (as stored) to 8
}

// ReadHeader tells the format and the size of an image without decoding its
// pixels. It fails where Decode would fail before it allocates: an unknown
// format, a damaged header, more bytes or pixels than the limits allow, or more
// pixels than that many bytes can hold.
func ReadHeader(data []byte, limits Limits) (Header, error) {
	header, _, err := readHeader(data, limits)
	return header, err
}

func readHeader(data []byte, limits Limits) (header Header, f *format, err error) {
	limits = limits.orDefault()
	if len(data) == 0 {
		return header, nil, errors.New("empty file")
	}
	if int64(len(data)) > limits.MaxBytes {
		return header, nil, tooLarge(int64(len(data)), limits.MaxBytes)
	}
	f = sniff(data)
	if f == nil {
		return header, nil, fmt.Errorf("not a JPEG, PNG, GIF, BMP, TIFF or WebP image (begins with %q)", data[:min(len(data), 8)])
	}
	var config image.Config
	err = guard(func() (err error) {
		config, err = f.config(bytes.NewReader(data))
		return err
	})
	if err != nil {
		return header, nil, f.failed(err)
	}
	pixels := int64(config.Width) * int64(config.Height)
	switch {
	case config.Width <= 0 || config.Height <= 0:
		err = fmt.Errorf("%s header claims %dx%d pixels: both must be positive", f.name, config.Width, config.Height)
	case config.Width > maxSide || config.Height > maxSide:
		err = fmt.Errorf("%s header claims %dx%d pixels: the limit is %d a side", f.name, config.Width, config.Height, maxSide)
	case pixels > limits.MaxPixels:
		err = fmt.Errorf("%s header claims %dx%d pixels: the limit is %d in all", f.name, config.Width, config.Height, limits.MaxPixels)
	case f.pixelsPerByte > 0 && pixels/f.pixelsPerByte > int64(len(data)):
		err = fmt.Errorf("%s header claims %dx%d pixels, more than its %d bytes can hold", f.name, config.Width, config.Height, len(data))
	}
	if err != nil {
		return header, nil, err
	}
	header = Header{Format: f.name, Width: config.Width, Height: config.Height, Orientation: 1}
	if f.exif != nil {
		header.Orientation = exifOrientation(f.exif(data))
	}
	return header, f, nil
}

// Decode turns the content of an image file into pixels. The format is told by
// content: JPEG, PNG, GIF (its first frame), BMP, TIFF or WebP. The EXIF
// orientation is applied. Gray, palette, 16 bit, CMYK and YCCK images become
// 8 bit RGB; what is transparent is laid over white.
//
// The result is opaque and begins at (0, 0). A decoder that panics is an error,
// as is an image that its data does not fill: there are no half images.
func Decode(data []byte, limits Limits) (*image.RGBA, error) {
	header, f, err := readHeader(data, limits)
	if err != nil {
		return nil, err
	}
	var img *image.RGBA
	err = guard(func() error {
		src, err := f.decode(bytes.NewReader(data))
		if err != nil {
			return err
		}
		canvas := image.Rect(0, 0, header.Width, header.Height)
		// A GIF frame may be smaller than its canvas, and is never larger.
		if b := src.Bounds(); b != canvas && !(f.name == "GIF" && b.In(canvas)) {
			return fmt.Errorf("header claims %v, data holds %v", canvas, b)
		}
		img = orient(flatten(src, canvas), header.Orientation)
		return nil
	})
	if err != nil {
		return nil, f.failed(err)
	}
	return img, nil
}

// DecodeFile is Decode for a file on disk. Errors do not repeat its path.
func DecodeFile(path string, limits Limits) (*image.RGBA, error) {
	data, err := readFile(path, nil, limits)
	if err != nil {
		return nil, err
	}
	return Decode(data, limits)
}

// guard runs one of the decoders and turns its panic into an error.
func guard(decode func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder panicked: %v", p)
		}
	}()
	return decode()
}

// failed says which format an error of its decoder belongs to.
func (f *format) failed(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%s data ends too early: %w", f.name, err)
	}
	return fmt.Errorf("cannot decode %s: %w", f.name, err)
}

// flatten lays an image over a white canvas as 8 bit RGB.
func flatten(src image.Image, canvas image.Rectangle) *image.RGBA {
	opaque := false
	if o, ok := src.(interface{ Opaque() bool }); ok {
		opaque = o.Opaque() && src.Bounds() == canvas
	}
	if rgba, ok := src.(*image.RGBA); ok && opaque {
		return rgba
	}
	dst := image.NewRGBA(canvas)
	if opaque {
		draw.Draw(dst, canvas, src, image.Point{}, draw.Src)
		return dst
	}
	draw.Draw(dst, canvas, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(dst, src.Bounds(), src, src.Bounds().Min, draw.Over)
	return dst
}
