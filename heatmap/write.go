package heatmap

import (
	"bufio"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
)

// jpegQuality keeps text and colour edges clean at a third of a PNG's size.
const jpegQuality = 92

// WritePNG writes an image to the file path. The file appears whole or not at
// all, and takes the place of an older one.
func WritePNG(path string, img image.Image) error {
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return write(path, func(w io.Writer) error { return encoder.Encode(w, img) })
}

// WriteJPEG is [WritePNG] for a JPEG.
func WriteJPEG(path string, img image.Image) error {
	return write(path, func(w io.Writer) error {
		return jpeg.Encode(w, img, &jpeg.Options{Quality: jpegQuality})
	})
}

// write encodes to a new file beside path and renames it to path. It is
// atomicfile.Write without the sync to disk, which would take longer than the
// picture itself; a picture can be made again. The name is one that
// atomicfile.Clean clears away.
func write(path string, encode func(io.Writer) error) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".partial-"+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
			err = fmt.Errorf("write image %s: %w", path, err)
		}
	}()
	buffer := bufio.NewWriter(temp)
	if err = encode(buffer); err != nil {
		return err
	}
	if err = buffer.Flush(); err != nil {
		return err
	}
	if err = temp.Chmod(0o644); err != nil { // CreateTemp makes it 0600
		return err
	}
	if err = temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
