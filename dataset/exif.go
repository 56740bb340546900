package dataset

import (
	"bytes"
	"encoding/binary"
	"image"

	"oscar/internal/jpegfile"
)

// exifOrientation reads the orientation tag (0x0112) from an EXIF block, which
// is a TIFF header and its first directory. It returns 1 to 8; 1 (as
// stored) if the tag is missing or damaged, so that such an image can still be read.
func exifOrientation(block []byte) int {
	values, kind := readIFD(block).numbers(tagOrientation)
	if kind != ifdShort || len(values) == 0 || values[0] < 1 || values[0] > 8 {
		return 1
	}
	return int(values[0])
}

// jpegEXIF returns the content of the first APP1 segment called "Exif" before the
// first scan.
func jpegEXIF(data []byte) []byte {
	for s := range jpegfile.Segments(data) {
		if s.Marker == jpegfile.SOS {
			break
		}
		if block, found := bytes.CutPrefix(s.Content, []byte("Exif\x00\x00")); s.Marker == jpegfile.APP1 && found {
			return block
		}
	}
	return nil
}

// pngEXIF returns the content of the eXIf chunk.
func pngEXIF(data []byte) []byte {
	return chunk(data, 8, "eXIf", true)
}

// webpEXIF returns the content of the EXIF chunk. Some writers begin it as in a
// JPEG.
func webpEXIF(data []byte) []byte {
	return bytes.TrimPrefix(chunk(data, 12, "EXIF", false), []byte("Exif\x00\x00"))
}

// tiffEXIF returns the file itself: EXIF is TIFF.
func tiffEXIF(data []byte) []byte { return data }

// chunk returns the content of the first chunk with a name, from offset p on. The file is a PNG
// (length, name, content, checksum) or RIFF file (name, length, content, padded to even).
func chunk(data []byte, p int64, name string, isPNG bool) []byte {
	for p+8 <= int64(len(data)) {
		head := data[p : p+8]
		var id string
		var length, extra int64
		if isPNG {
			id, length, extra = string(head[4:]), int64(binary.BigEndian.Uint32(head)), 4
		} else {
			id, length = string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
			extra = length & 1
		}
		end := p + 8 + length
		if end > int64(len(data)) {
			return nil
		}
		if id == name {
			return data[p+8 : end]
		}
		p = end + extra
	}
	return nil
}

// orient applies the EXIF orientation (1 to 8): the first row becomes the top and the first column
// the left. The image must start at (0, 0).
func orient(img *image.RGBA, orientation int) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	// Source pixel (x, y) goes to offset origin + x*dx + y*dy, in pixels.
	var origin, dx, dy int
	outW, outH := w, h
	if orientation >= 5 {
		outW, outH = h, w
	}
	switch orientation {
	case 2: // mirrored left to right
		origin, dx, dy = w-1, -1, w
	case 3: // rotated by 180 degrees
		origin, dx, dy = w*h-1, -1, -w
	case 4: // mirrored top to bottom
		origin, dx, dy = w*(h-1), 1, -w
	case 5: // mirrored about the main diagonal
		origin, dx, dy = 0, h, 1
	case 6: // must be rotated by 90 degrees clockwise
		origin, dx, dy = h-1, h, -1
	case 7: // mirrored about the other diagonal
		origin, dx, dy = w*h-1, -h, -1
	case 8: // must be rotated by 90 degrees anticlockwise
		origin, dx, dy = h*(w-1), -h, 1
	default:
		return img
	}
	out := image.NewRGBA(image.Rect(0, 0, outW, outH))
	for y := range h {
		row := img.Pix[y*img.Stride : y*img.Stride+4*w]
		at := 4 * (origin + y*dy)
		for x := 0; x < len(row); x += 4 {
			copy(out.Pix[at:at+4], row[x:x+4])
			at += 4 * dx
		}
	}
	return out
}
