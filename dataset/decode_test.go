package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/image/tiff"
)

// converted is the mosaic as another type of image.
func converted(dst draw.Image) draw.Image {
	draw.Draw(dst, dst.Bounds(), mosaic(), image.Point{}, draw.Src)
	return dst
}

func TestDecodeFormats(t *testing.T) {
	frame := image.Rect(0, 0, 64, 32)
	palette := color.Palette{mosaicA, mosaicB, mosaicC, mosaicD}
	for name, test := range map[string]struct {
		data      []byte
		format    string
		tolerance int
	}{
		"jpeg":        {jpegOf(t, mosaic()), "JPEG", 8},
		"png":         {pngOf(t, mosaic()), "PNG", 0},
		"png palette": {pngOf(t, converted(image.NewPaletted(frame, palette))), "PNG", 0},
		"png 16 bit":  {pngOf(t, converted(image.NewNRGBA64(frame))), "PNG", 0},
		"gif":         {gifOf(t, converted(image.NewPaletted(frame, palette))), "GIF", 0},
		"bmp":         {bmpOf(t, mosaic()), "BMP", 0},
		"tiff":        {tiffOf(t, mosaic()), "TIFF", 0},
		"tiff 16 bit": {tiffOf(t, converted(image.NewRGBA64(frame))), "TIFF", 0},
	} {
		t.Run(name, func(t *testing.T) {
			header, err := ReadHeader(test.data, Limits{})
			if want := (Header{Format: test.format, Width: 64, Height: 32, Orientation: 1}); err != nil || header != want {
				t.Errorf("header %v, %v; want %v", header, err, want)
			}
			img, err := Decode(test.data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			checkMosaic(t, img, "ABCD", test.tolerance)
		})
	}
}

// checkMosaic compares the four quarters, in reading order.
func checkMosaic(t *testing.T, img *image.RGBA, want string, tolerance int) {
	t.Helper()
	colors := map[byte]color.RGBA{'A': mosaicA, 'B': mosaicB, 'C': mosaicC, 'D': mosaicD}
	if img.Rect.Min != (image.Point{}) || img.Stride != 4*img.Rect.Dx() || !img.Opaque() {
		t.Errorf("image %v with stride %d is not opaque and at (0, 0)", img.Rect, img.Stride)
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for i := range 4 {
		for _, at := range []image.Point{{w / 16, h / 16}, {w / 4, h / 4}, {7 * w / 16, 7 * h / 16}} {
			x, y := at.X+i%2*w/2, at.Y+i/2*h/2
			if got := img.RGBAAt(x, y); !near(got, colors[want[i]], tolerance) {
				t.Errorf("pixel (%d, %d) is %v, want %v", x, y, got, colors[want[i]])
			}
		}
	}
}

func TestDecodeColors(t *testing.T) {
	one := image.Rect(0, 0, 8, 8)
	gray16 := image.NewGray16(one)
	for i := range gray16.Pix {
		gray16.Pix[i] = 0x80
	}
	half := image.NewNRGBA(one)
	for i := range 64 {
		copy(half.Pix[4*i:], []uint8{200, 0, 100, 128})
	}
	for name, test := range map[string]struct {
		data []byte
		want color.RGBA
	}{
		"gray": {pngOf(t, uniform(8, 8, color.Gray{77})), color.RGBA{77, 77, 77, 255}},
		"gray jpeg": {jpegOf(t, func() image.Image {
			g := image.NewGray(one)
			draw.Draw(g, one, image.NewUniform(color.Gray{77}), image.Point{}, draw.Src)
			return g
		}()), color.RGBA{77, 77, 77, 255}},
		"gray 16 bit":      {pngOf(t, gray16), color.RGBA{128, 128, 128, 255}},
		"half see-through": {pngOf(t, half), color.RGBA{227, 127, 177, 255}}, // 0.5 x color + 0.5 x white
		"see-through":      {pngOf(t, image.NewNRGBA(one)), color.RGBA{255, 255, 255, 255}},
		"webp":             {webpOf(8, 8, color.RGBA{10, 90, 200, 255}, nil), color.RGBA{10, 90, 200, 255}},
		"webp half":        {webpOf(8, 8, color.RGBA{200, 0, 100, 128}, nil), color.RGBA{227, 127, 177, 255}},
		// Adobe stores CMYK inverted: 255 is no ink.
		"cmyk no ink":   {cmykJPEG(0, [4]uint8{255, 255, 255, 255}), color.RGBA{255, 255, 255, 255}},
		"cmyk magenta":  {cmykJPEG(0, [4]uint8{255, 0, 255, 255}), color.RGBA{255, 0, 255, 255}},
		"cmyk half key": {cmykJPEG(0, [4]uint8{255, 255, 255, 128}), color.RGBA{128, 128, 128, 255}},
		"cmyk all":      {cmykJPEG(0, [4]uint8{100, 150, 200, 255}), color.RGBA{100, 150, 200, 255}},
		// YCC gives the inks, which are stored inverted: full Y is full ink.
		"ycck gray":  {cmykJPEG(2, [4]uint8{150, 128, 128, 255}), color.RGBA{105, 105, 105, 255}},
		"ycck black": {cmykJPEG(2, [4]uint8{0, 128, 128, 0}), color.RGBA{0, 0, 0, 255}},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := Decode(test.data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if !img.Opaque() || img.Rect != one {
				t.Errorf("image %v is not opaque and 8x8", img.Rect)
			}
			if got := img.RGBAAt(4, 4); !near(got, test.want, 2) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// A frame may cover a part of the canvas: the rest is white, as where it is
// see-through. Later frames are not looked at.
func TestDecodeGIFCanvas(t *testing.T) {
	palette := color.Palette{color.RGBA{}, mosaicA, mosaicB}
	first := image.NewPaletted(image.Rect(2, 3, 6, 7), palette)
	for i := range first.Pix {
		first.Pix[i] = 1
	}
	first.SetColorIndex(5, 6, 0)
	second := image.NewPaletted(image.Rect(0, 0, 10, 8), palette)
	for i := range second.Pix {
		second.Pix[i] = 2
	}
	data := encoded(t, func(w *bytes.Buffer) error {
		return gif.EncodeAll(w, &gif.GIF{
			Image: []*image.Paletted{first, second}, Delay: []int{0, 0},
			Config: image.Config{ColorModel: palette, Width: 10, Height: 8},
		})
	})
	img, err := Decode(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	white := color.RGBA{255, 255, 255, 255}
	for at, want := range map[image.Point]color.RGBA{{2, 3}: mosaicA, {5, 5}: mosaicA, {5, 6}: white, {0, 0}: white, {9, 7}: white} {
		if got := img.RGBAAt(at.X, at.Y); got != want {
			t.Errorf("pixel %v is %v, want %v", at, got, want)
		}
	}
	if img.Rect != image.Rect(0, 0, 10, 8) {
		t.Errorf("image is %v, want the whole canvas", img.Rect)
	}
}

func TestDecodeDamaged(t *testing.T) {
	jpegData, pngData := jpegOf(t, mosaic()), pngOf(t, mosaic())
	crc := bytes.Clone(pngData)
	crc[len(crc)-20] ^= 0xff
	for name, test := range map[string]struct {
		data []byte
		want string // within the message
	}{
		"empty":          {nil, "empty file"},
		"text":           {[]byte("hello, world"), `not a JPEG, PNG, GIF, BMP, TIFF or WebP image (begins with "hello, w")`},
		"one byte":       {[]byte{0xff}, "not a JPEG"},
		"jpeg magic":     {jpegData[:3], "JPEG data ends too early"},
		"jpeg half":      {jpegData[:len(jpegData)/2], "JPEG data ends too early"},
		"jpeg end":       {jpegData[:len(jpegData)-2], "JPEG data ends too early"},
		"png half":       {pngData[:len(pngData)/2], "PNG"},
		"png bits":       {crc, "cannot decode PNG"},
		"gif half":       {gifOf(t, mosaic())[:600], "GIF"},
		"bmp half":       {bmpOf(t, mosaic())[:600], "BMP"},
		"tiff half":      {tiffOf(t, mosaic())[:60], "TIFF"},
		"webp half":      {webpOf(8, 8, mosaicA, nil)[:26], "WebP"},
		"too many bytes": {make([]byte, 2000), "2000 bytes long: the limit is 1999"},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := Decode(test.data, Limits{MaxBytes: 1999})
			if err == nil || img != nil {
				t.Fatalf("got image %v, error %v; want no image", img.Bounds(), err)
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q does not say %q in one line", err, test.want)
			}
		})
	}
	if _, err := Decode(jpegData[:len(jpegData)/2], Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v does not wrap io.ErrUnexpectedEOF", err)
	}
}

// bombs are small files that claim to be huge.
func bombs(t testing.TB) map[string][]byte {
	pngHead := func(w, h uint32) []byte {
		ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
		data := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(ihdr, 16, 6, 0, 0, 0))...)
		return append(data, pngChunk("IDAT", []byte{0x78, 0x9c, 0x01})...)
	}
	jpegBomb := func(w, h uint16) []byte {
		data := bytes.Clone(jpegOf(t, mosaic()))
		at := bytes.Index(data, []byte{0xff, 0xc0})
		binary.BigEndian.PutUint16(data[at+5:], h)
		binary.BigEndian.PutUint16(data[at+7:], w)
		return data
	}
	bmpBomb := bmpOf(t, mosaic())
	binary.LittleEndian.PutUint32(bmpBomb[18:], 60000)
	binary.LittleEndian.PutUint32(bmpBomb[22:], 60000)
	tiffBomb := encoded(t, func(w *bytes.Buffer) error { return tiff.Encode(w, mosaic(), nil) })
	tiffBomb = bytes.Replace(tiffBomb, []byte{0, 1, 3, 0, 1, 0, 0, 0, 64, 0}, []byte{0, 1, 3, 0, 1, 0, 0, 0, 255, 255}, 1)
	tiffBomb = bytes.Replace(tiffBomb, []byte{1, 1, 3, 0, 1, 0, 0, 0, 32, 0}, []byte{1, 1, 3, 0, 1, 0, 0, 0, 255, 255}, 1)
	return map[string][]byte{
		// golang.org/issue/79063: 34 bytes, 4 GiB.
		"gif":      []byte("GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;"),
		"gif 81MP": []byte("GIF89a\x28\x23\x28\x23\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x28\x23\x28\x23\x00\x02\x02D\x01\x00;"),
		"png":      pngHead(50000, 50000),
		"png 2^31": pngHead(1<<31-1, 1),
		"png long": pngHead(100_000, 100),
		"png 81MP": pngHead(9000, 9000),
		"jpeg":     jpegBomb(65500, 65500),
		// Within the limit of 100 megapixels, but not within a few hundred bytes.
		"jpeg 99MP": jpegBomb(9950, 9950),
		"bmp":       bmpBomb,
		"tiff":      tiffBomb,
		"webp":      webpOf(16000, 16000, mosaicA, nil),
	}
}

func TestDecodeBombs(t *testing.T) {
	for name, data := range bombs(t) {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(data, Limits{})
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), "header claims") {
				t.Errorf("error %v, want one that the header claims too much", err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
				t.Errorf("%d bytes allocated to refuse %d", used, len(data))
			}
		})
	}
	if _, err := Decode(pngOf(t, mosaic()), Limits{MaxPixels: 64 * 32}); err != nil {
		t.Errorf("an image as large as the limit is refused: %v", err)
	}
	if _, err := Decode(pngOf(t, mosaic()), Limits{MaxPixels: 64*32 - 1}); err == nil {
		t.Error("an image above the limit is not refused")
	}
}

func TestDecodePanics(t *testing.T) {
	err := guard(func() error { panic("index out of range") })
	if err == nil || !strings.Contains(err.Error(), "panicked: index out of range") {
		t.Errorf("a panic came back as %v", err)
	}
}

func TestDecodeFile(t *testing.T) {
	// The name says nothing.
	root := writeTree(t, map[string][]byte{"photo.jpg": pngOf(t, mosaic())})
	img, err := DecodeFile(filepath.Join(root, "photo.jpg"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	checkMosaic(t, img, "ABCD", 0)
	if _, err := DecodeFile(filepath.Join(root, "none.png"), Limits{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := DecodeFile(root, Limits{}); err == nil || !strings.Contains(err.Error(), "a folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := DecodeFile(os.DevNull, Limits{}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a device: %v", err)
	}
	if _, err := DecodeFile(filepath.Join(root, "photo.jpg"), Limits{MaxBytes: 10}); err == nil || !strings.Contains(err.Error(), "the limit is 10") {
		t.Errorf("a large file: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range [][]byte{
		jpegOf(f, mosaic()), pngOf(f, mosaic()), gifOf(f, mosaic()), bmpOf(f, mosaic()), tiffOf(f, mosaic()),
		webpOf(8, 8, mosaicA, nil), webpOf(8, 4, mosaicA, exifBlock(binary.BigEndian, 6)),
		cmykJPEG(0, [4]uint8{1, 2, 3, 4}), jpegWithEXIF(jpegOf(f, mosaic()), exifBlock(binary.LittleEndian, 6)),
		pngOf(f, image.NewNRGBA64(image.Rect(0, 0, 3, 2))), encoded(f, func(w *bytes.Buffer) error { return png.Encode(w, image.NewGray16(image.Rect(0, 0, 5, 1))) }),
	} {
		f.Add(data)
	}
	for _, data := range bombs(f) {
		f.Add(data)
	}
	for _, c := range kindCases(f) {
		f.Add(readTestdata(f, "formats", c.File))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := Limits{MaxPixels: 1 << 18, MaxBytes: 1 << 16}
		header, headerErr := ReadHeader(data, limits)
		img, err := Decode(data, limits)
		if err != nil {
			return
		}
		if headerErr != nil {
			t.Fatalf("decoded, but the header is refused: %v", headerErr)
		}
		w, h := header.Width, header.Height
		if header.Orientation >= 5 {
			w, h = h, w
		}
		if img.Rect != image.Rect(0, 0, w, h) || len(img.Pix) != 4*w*h || !img.Opaque() {
			t.Fatalf("image %v of %d bytes does not fit header %v, or is not opaque", img.Rect, len(img.Pix), header)
		}
		if got := Resize(img, 7, 5, Bilinear).Rect; got != image.Rect(0, 0, 5, 7) {
			t.Fatalf("resized to %v", got)
		}
	})
}
