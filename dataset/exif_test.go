package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"testing"
)

// What the mosaic AB/CD looks like when each orientation is applied, from the
// EXIF standard: where the stored first row and first column are to be seen.
var orientations = map[uint16]string{
	1: "ABCD", // top, left
	2: "BADC", // top, right
	3: "DCBA", // bottom, right
	4: "CDAB", // bottom, left
	5: "ACBD", // left, top
	6: "CADB", // right, top
	7: "DBCA", // right, bottom
	8: "BDAC", // left, bottom
}

// grayTIFF is an uncompressed 2x1 image with an orientation.
func grayTIFF(orientation uint16) []byte {
	order := binary.LittleEndian
	entries := [][3]uint32{
		{256, 3, 2}, {257, 3, 1}, {258, 3, 8}, {259, 3, 1}, {262, 3, 1}, {273, 4, 8},
		{274, 3, uint32(orientation)}, {277, 3, 1}, {278, 3, 1}, {279, 4, 2},
	}
	data := order.AppendUint32([]byte("II*\x00"), 10)
	data = append(data, 10, 250) // the two pixels
	data = order.AppendUint16(data, uint16(len(entries)))
	for _, e := range entries {
		data = order.AppendUint16(data, uint16(e[0]))
		data = order.AppendUint16(data, uint16(e[1]))
		data = order.AppendUint32(data, 1)
		data = order.AppendUint32(data, e[2])
	}
	return order.AppendUint32(data, 0)
}

func TestOrientation(t *testing.T) {
	for orientation, want := range orientations {
		little := exifBlock(binary.LittleEndian, orientation)
		big := exifBlock(binary.BigEndian, orientation)
		for name, test := range map[string]struct {
			data      []byte
			tolerance int
		}{
			"jpeg II": {jpegWithEXIF(jpegOf(t, mosaic()), little), 8},
			"jpeg MM": {jpegWithEXIF(jpegOf(t, mosaic()), big), 8},
			"png":     {pngWithEXIF(pngOf(t, mosaic()), big), 0},
		} {
			t.Run(fmt.Sprint(name, orientation), func(t *testing.T) {
				img, err := Decode(test.data, Limits{})
				if err != nil {
					t.Fatal(err)
				}
				size := image.Pt(64, 32)
				if orientation >= 5 {
					size = image.Pt(32, 64)
				}
				if img.Rect.Size() != size {
					t.Errorf("size %v, want %v", img.Rect.Size(), size)
				}
				checkMosaic(t, img, want, test.tolerance)
			})
		}
		for _, prefix := range []string{"", "Exif\x00\x00"} {
			img, err := Decode(webpOf(6, 4, mosaicA, append([]byte(prefix), little...)), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if turned := img.Rect.Dx() == 4; turned != (orientation >= 5) {
				t.Errorf("webp with orientation %d is %v", orientation, img.Rect)
			}
		}
		img, err := Decode(grayTIFF(orientation), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		// Its pixels are A and B: the first of them leads where A comes before B.
		first := map[bool]uint8{true: 10, false: 250}[bytes.IndexByte([]byte(want), 'A') < bytes.IndexByte([]byte(want), 'B')]
		if img.Pix[0] != first || (img.Rect.Dy() == 2) != (orientation >= 5) {
			t.Errorf("tiff with orientation %d is %v and begins with %d", orientation, img.Rect, img.Pix[0])
		}
	}
}

func TestOrientationDamaged(t *testing.T) {
	good := exifBlock(binary.LittleEndian, 6)
	change := func(at int, b byte) []byte {
		block := bytes.Clone(good)
		block[at] = b
		return block
	}
	for name, block := range map[string][]byte{
		"none":           nil,
		"cut":            good[:15],
		"byte order":     change(0, 'X'),
		"directory":      change(7, 0xff),
		"type":           change(12, 4),
		"value 0":        change(18, 0),
		"value 9":        change(18, 9),
		"another tag":    change(10, 0x13),
		"no entries":     change(8, 0),
		"header only":    good[:8],
		"half a counter": good[:9],
	} {
		if got := exifOrientation(block); got != 1 {
			t.Errorf("%s: orientation %d, want 1", name, got)
		}
	}
	if got := exifOrientation(change(8, 200)); got != 6 {
		t.Errorf("a directory that claims more entries than it has, after the tag: %d, want 6", got)
	}
}

func FuzzEXIF(f *testing.F) {
	f.Add(exifBlock(binary.LittleEndian, 6))
	f.Add(exifBlock(binary.BigEndian, 3))
	f.Add(grayTIFF(8))
	f.Add(jpegWithEXIF(jpegOf(f, mosaic()), exifBlock(binary.LittleEndian, 6)))
	f.Add(pngWithEXIF(pngOf(f, mosaic()), exifBlock(binary.BigEndian, 7)))
	f.Add(webpOf(6, 4, mosaicA, exifBlock(binary.LittleEndian, 5)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, find := range []func([]byte) []byte{tiffEXIF, jpegEXIF, pngEXIF, webpEXIF} {
			if got := exifOrientation(find(data)); got < 1 || got > 8 {
				t.Fatalf("orientation %d", got)
			}
		}
	})
}

// Every orientation moves each pixel to a place of its own.
func TestOrientIsPermutation(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 5}, {4, 1}, {3, 5}} {
		img := image.NewRGBA(image.Rectangle{Max: size})
		for i := range size.X * size.Y {
			img.Pix[4*i] = uint8(i + 1)
		}
		for orientation := range 10 {
			seen := map[uint8]bool{}
			out := orient(img, orientation)
			for i := 0; i < len(out.Pix); i += 4 {
				seen[out.Pix[i]] = true
			}
			if len(seen) != size.X*size.Y || seen[0] {
				t.Errorf("orientation %d of %v loses pixels", orientation, size)
			}
		}
	}
}
