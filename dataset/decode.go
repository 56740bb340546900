package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"io"
	"time"
)

// Limits limit the cost of one image. A field of 0 means that of DefaultLimits.
type Limits struct {
	MaxPixels int64 // width x height from the header
	MaxBytes  int64 // length of the file
}

// DefaultLimits allow 100 megapixels and 64 MiB per file.
var DefaultLimits = Limits{MaxPixels: 100_000_000, MaxBytes: 64 << 20}

// maxTime returns the maximum time for decoding an image with that many pixels, without waiting for
// memory. It is many times the time on an idle machine.
func maxTime(pixels float64) time.Duration {
	return time.Minute + time.Duration(pixels)*time.Microsecond
}

// maxSide is the longest side of an image in pixels, as in JPEG. With a longer one the 32 bit sums
// of the resize filters could overflow.
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

// DecoderName describes the decoder and the resizing for users of an exported model.
func DecoderName(goVersion string) string {
	return "Go image/*, " + goVersion + "; JPEG chroma interpolated as by libjpeg-turbo, WebP colors as by libwebp"
}

// A Header is the content of an image file's header.
type Header struct {
	Format        string // "JPEG", "PNG", "GIF", "BMP", "TIFF" or "WebP"
	Width, Height int    // as stored, in pixels: before Orientation is applied
	Orientation   int    // EXIF orientation, 1 (as stored) to 8
	Decoder       string // OtherJPEGName; empty for the decoders in Go
}

// Upright returns the size of the image after its orientation is applied.
func (h Header) Upright() image.Point {
	if h.Orientation > 4 { // rotated by 90 degrees
		return image.Pt(h.Height, h.Width)
	}
	return image.Pt(h.Width, h.Height)
}

// ReadHeader returns the format and the size of an image without decoding the pixels. It returns the
// errors that Decode returns before it allocates pixels: an unknown format or kind, a damaged
// header, more bytes or pixels than the limits, or more pixels than that many bytes can encode.
func ReadHeader(data []byte, limits Limits) (Header, error) {
	in, err := readHeader(context.Background(), data, limits)
	return in.header, err
}

// An input is an image file that is being decoded.
type input struct {
	ctx           context.Context
	data          []byte
	format        *format
	header        Header
	bytesPerPixel float64 // peak memory of decoding
	jpeg          jpegFile
}

// reader returns a reader of data, the whole file or a part of it, that stops when the context is
// done.
func (in *input) reader(data []byte) io.Reader { return &reader{in.ctx, bytes.NewReader(data)} }

// A reader stops a decoder when its context is done.
type reader struct {
	ctx  context.Context
	data *bytes.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.data.Read(p)
}

func (r *reader) ReadAt(p []byte, at int64) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.data.ReadAt(p, at)
}

func readHeader(ctx context.Context, data []byte, limits Limits) (*input, error) {
	limits = limits.orDefault()
	in := &input{ctx: ctx, data: data}
	if len(data) == 0 {
		return in, errors.New("empty file")
	}
	if int64(len(data)) > limits.MaxBytes {
		return in, tooLarge(int64(len(data)), limits.MaxBytes)
	}
	f := sniff(data)
	if f == nil {
		return in, fmt.Errorf("not a JPEG, PNG, GIF, BMP, TIFF or WebP image (begins with %q)", data[:min(len(data), 8)])
	}
	in.format, in.bytesPerPixel = f, f.bytesPerPixel
	var config image.Config
	err := guard(func() (err error) {
		config, err = f.config(in)
		return err
	})
	if err != nil {
		return in, f.failed(err)
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
		return in, err
	}
	in.header.Format, in.header.Width, in.header.Height, in.header.Orientation = f.name, config.Width, config.Height, 1
	if f.exif != nil {
		in.header.Orientation = exifOrientation(f.exif(data))
	}
	if in.header.Orientation > 1 {
		in.bytesPerPixel += 4 // orient makes a copy
	}
	return in, nil
}

// Decode is DecodeContext without a context.
func Decode(data []byte, limits Limits) (*image.RGBA, error) {
	img, _, err := DecodeContext(context.Background(), data, limits)
	return img, err
}

// DecodeContext decodes an image file. The format is detected from the content: JPEG, PNG,
// GIF, BMP, TIFF or WebP; of an animation the first frame is used. The EXIF orientation is
// applied. Gray, palette, 16 bit, CMYK and YCCK images are converted to 8 bit RGB;
// transparent pixels are blended with white. Colors are those of libjpeg-turbo and libwebp.
// docs/formats.md lists the supported kinds.
//
// The result is opaque and begins at (0, 0). It is an error if a decoder panics, or if the
// data ends before the image is complete.
//
// Concurrent calls share a memory budget: large images wait for each other. Decoding longer
// than a minute, plus a second per megapixel, is an error. When ctx is done, its error is
// returned.
func DecodeContext(ctx context.Context, data []byte, limits Limits) (*image.RGBA, Header, error) {
	img, header, release, err := decodeHeld(ctx, data, limits)
	release()
	return img, header, err
}

// decodeHeld is DecodeContext that keeps the image's share of the memory budget until release is
// called. release is never nil.
func decodeHeld(ctx context.Context, data []byte, limits Limits) (img *image.RGBA, header Header, release func(), err error) {
	in, err := readHeader(ctx, data, limits)
	header, release = in.header, func() {}
	if ctx.Err() != nil {
		return nil, header, release, ctx.Err()
	}
	if err != nil {
		return nil, header, release, err
	}
	pixels := float64(header.Width) * float64(header.Height)
	if release, err = decodeMemory.acquire(ctx, int64(in.bytesPerPixel*pixels)); err != nil {
		return nil, header, release, err
	}
	var stop context.CancelFunc
	limit := maxTime(pixels)
	in.ctx, stop = context.WithTimeoutCause(ctx, limit, fmt.Errorf("takes longer than %v to decode", limit))
	defer stop()
	err = guard(func() error {
		src, err := in.format.decode(in)
		if err != nil {
			return err
		}
		canvas := image.Rect(0, 0, header.Width, header.Height)
		// A GIF frame may be smaller than its canvas, and is never larger.
		if b := src.Bounds(); b != canvas && !(header.Format == "GIF" && b.In(canvas)) {
			return fmt.Errorf("header claims %v, data holds %v", canvas, b)
		}
		img = orient(flatten(src, canvas), header.Orientation)
		return nil
	})
	switch {
	case err == nil:
		return img, header, release, nil
	case ctx.Err() != nil:
		return nil, header, release, ctx.Err()
	case in.ctx.Err() != nil:
		err = context.Cause(in.ctx)
	}
	return nil, header, release, in.format.failed(err)
}

// DecodeFile is Decode for a file on disk. Errors do not repeat its path.
func DecodeFile(path string, limits Limits) (*image.RGBA, error) {
	data, err := readFile(path, nil, limits)
	if err != nil {
		return nil, err
	}
	return Decode(data, limits)
}

// guard runs a decoder and converts its panic into an error.
func guard(decode func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder panicked: %v", p)
		}
	}()
	return decode()
}

// failed adds the format to the error of a decoder.
func (f *format) failed(err error) error {
	switch {
	case errors.Is(err, errKind), errors.Is(err, errFormat):
		return fmt.Errorf("%s %w", f.name, err)
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return fmt.Errorf("%s data ends too early: %w", f.name, err)
	}
	return fmt.Errorf("cannot decode %s: %w", f.name, err)
}

// flatten draws an image over a white canvas as 8 bit RGB.
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
