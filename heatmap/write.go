package heatmap

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"sync"

	"oscar/internal/atomicfile"
	"oscar/internal/jpegfile"
)

// JPEGQuality keeps text and color edges clean at a third of the size of a PNG.
const JPEGQuality = 92

// WritePNG writes an image to the file path atomically and replaces an older one.
func WritePNG(path string, img image.Image) error {
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return write(path, func(w io.Writer) error { return encoder.Encode(w, img) })
}

// WriteJPEG is [WritePNG] for a JPEG. Small images keep the full resolution of their colors.
func WriteJPEG(path string, img image.Image) error {
	return write(path, func(w io.Writer) error {
		return jpegfile.Encode(w, img, JPEGQuality)
	})
}

// buffers hold encoded pictures, which are written at once. Many small writes would take a quarter
// of the encoding's time.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func write(path string, encode func(io.Writer) error) error {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	err := encode(buffer)
	if err == nil {
		err = atomicfile.Draft(path, func(f *os.File) error {
			_, err := f.Write(buffer.Bytes())
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("write image %s: %w", path, err)
	}
	return nil
}
