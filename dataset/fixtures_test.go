package dataset

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// Fixtures are made here, by hand where Go has no encoder.

func encoded(t testing.TB, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var data bytes.Buffer
	if err := encode(&data); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

func pngOf(t testing.TB, img image.Image) []byte {
	return encoded(t, func(w *bytes.Buffer) error { return png.Encode(w, img) })
}

func jpegOf(t testing.TB, img image.Image) []byte {
	return encoded(t, func(w *bytes.Buffer) error { return jpeg.Encode(w, img, &jpeg.Options{Quality: 98}) })
}

func gifOf(t testing.TB, img image.Image) []byte {
	return encoded(t, func(w *bytes.Buffer) error { return gif.Encode(w, img, nil) })
}

func bmpOf(t testing.TB, img image.Image) []byte {
	return encoded(t, func(w *bytes.Buffer) error { return bmp.Encode(w, img) })
}

func tiffOf(t testing.TB, img image.Image) []byte {
	return encoded(t, func(w *bytes.Buffer) error {
		return tiff.Encode(w, img, &tiff.Options{Compression: tiff.Deflate})
	})
}

// A mosaic of four colors, 16x16 pixels each, which lossy formats keep.
var (
	mosaicA = color.RGBA{230, 30, 40, 255}
	mosaicB = color.RGBA{40, 200, 60, 255}
	mosaicC = color.RGBA{30, 60, 220, 255}
	mosaicD = color.RGBA{240, 220, 50, 255}
)

// mosaic is [A B] over [C D]; twice as wide as high, so that a turn shows.
func mosaic() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 64, 32))
	for y := range 32 {
		for x := range 64 {
			switch {
			case y < 16 && x < 32:
				img.SetRGBA(x, y, mosaicA)
			case y < 16:
				img.SetRGBA(x, y, mosaicB)
			case x < 32:
				img.SetRGBA(x, y, mosaicC)
			default:
				img.SetRGBA(x, y, mosaicD)
			}
		}
	}
	return img
}

// uniform is an image of one color.
func uniform(w, h int, c color.Color) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	return img
}

// near tells whether two colors are within a tolerance a channel.
func near(a, b color.RGBA, tolerance int) bool {
	close := func(x, y uint8) bool { return max(int(x)-int(y), int(y)-int(x)) <= tolerance }
	return close(a.R, b.R) && close(a.G, b.G) && close(a.B, b.B) && close(a.A, b.A)
}

// exifBlock is a TIFF directory of one entry, the orientation.
func exifBlock(order binary.AppendByteOrder, orientation uint16) []byte {
	block := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		block = []byte("MM\x00*")
	}
	block = order.AppendUint32(block, 8)
	block = order.AppendUint16(block, 1)
	block = order.AppendUint16(block, 0x0112)
	block = order.AppendUint16(block, 3)
	block = order.AppendUint32(block, 1)
	block = order.AppendUint16(block, orientation)
	return append(block, 0, 0, 0, 0, 0, 0)
}

func jpegWithEXIF(data, block []byte) []byte {
	segment := append([]byte("Exif\x00\x00"), block...)
	out := append([]byte{}, data[:2]...)
	out = append(out, 0xff, 0xe0, 0, 4, 1, 2, 0xff) // another segment, a fill byte
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	out = append(out, segment...)
	return append(out, data[2:]...)
}

func pngWithEXIF(data, block []byte) []byte {
	const afterIHDR = 8 + 25
	out := append([]byte{}, data[:afterIHDR]...)
	out = append(out, pngChunk("eXIf", block)...)
	return append(out, data[afterIHDR:]...)
}

func pngChunk(name string, content []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	out = append(append(out, name...), content...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// bitWriter writes the lowest bit first, as WebP has it.
type bitWriter struct {
	data []byte
	n    int
}

func (w *bitWriter) write(value uint32, bits int) {
	for i := range bits {
		if w.n%8 == 0 {
			w.data = append(w.data, 0)
		}
		w.data[w.n/8] |= byte(value>>i&1) << (w.n % 8)
		w.n++
	}
}

// webpOf is a lossless WebP of one color: each of its five prefix codes has one
// symbol, so that pixels take no bits at all.
func webpOf(w, h int, c color.RGBA, exif []byte) []byte {
	var bits bitWriter
	bits.write(0x2f, 8)
	bits.write(uint32(w-1), 14)
	bits.write(uint32(h-1), 14)
	bits.write(1, 1) // alpha
	bits.write(0, 3) // version
	bits.write(0, 3) // no transform, no color cache, no meta prefix code
	for _, symbol := range []uint8{c.G, c.R, c.B, c.A, 0} {
		bits.write(1, 1) // simple
		bits.write(0, 1) // one symbol
		bits.write(1, 1) // of 8 bits
		bits.write(uint32(symbol), 8)
	}
	chunkOf := func(name string, content []byte) []byte {
		out := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(content)))
		out = append(out, content...)
		if len(content)%2 == 1 {
			out = append(out, 0)
		}
		return out
	}
	body := []byte("WEBP")
	if exif != nil {
		head := []byte{1<<3 | 1<<4, 0, 0, 0, byte(w - 1), byte((w - 1) >> 8), 0, byte(h - 1), byte((h - 1) >> 8), 0}
		body = append(body, chunkOf("VP8X", head)...)
	}
	body = append(body, chunkOf("VP8L", bits.data)...)
	if exif != nil {
		body = append(body, chunkOf("EXIF", exif)...)
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// cmykJPEG is an 8x8 baseline JPEG of four components of one value each, as an
// Adobe program writes it. Transform 0: CMYK, 2: YCCK.
func cmykJPEG(transform byte, values [4]uint8) []byte {
	segment := func(marker byte, content ...byte) []byte {
		out := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(content)+2))
		return append(out, content...)
	}
	data := []byte{0xff, 0xd8}
	data = append(data, segment(0xee, append([]byte("Adobe"), 0, 100, 0, 0, 0, 0, transform)...)...)
	data = append(data, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{8}, 64)...)...)...) // all steps are 8
	frame := []byte{8, 0, 8, 0, 8, 4}
	scan := []byte{4}
	for i := range byte(4) {
		frame = append(frame, i+1, 0x11, 0)
		scan = append(scan, i+1, 0)
	}
	data = append(data, segment(0xc0, frame...)...)
	// DC: a size of 0 to 8 in four bits each; AC: end of block only, in one bit.
	data = append(data, segment(0xc4, 0x00, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)...)
	data = append(data, segment(0xc4, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)...)
	data = append(data, segment(0xda, append(scan, 0, 63, 0)...)...)
	var code uint64
	length := 0
	put := func(value uint64, bits int) { code, length = code<<bits|value, length+bits }
	for _, value := range values {
		dc := int(value) - 128 // the DC coefficient is 8 x this, the step is 8
		size := 0
		for 1<<size <= max(dc, -dc) {
			size++
		}
		put(uint64(size), 4)
		if dc < 0 {
			dc += 1<<size - 1
		}
		put(uint64(dc), size)
		put(0, 1)
	}
	for length%8 != 0 {
		put(1, 1)
	}
	for length > 0 {
		length -= 8
		b := byte(code >> length)
		if data = append(data, b); b == 0xff {
			data = append(data, 0)
		}
	}
	return append(data, 0xff, 0xd9)
}

// writeTree writes files below a new folder and returns it.
func writeTree(t testing.TB, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	for name, data := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
