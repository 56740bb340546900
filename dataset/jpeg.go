package dataset

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"sync"

	"oscar/internal/jpegfile"
)

// maxScans is the maximum number of scans of a JPEG. A progressive file has about ten. A scan of a
// few bytes can take as long as the whole image.
const maxScans = 500

// OtherJPEG decodes valid JPEGs that Go's decoder does not support into RGB,
// [height, width, 3]. If it is nil, they are refused. Set it before the first image is read;
// pipeline.ReadOtherJPEGs sets it to TensorFlow's libjpeg-turbo.
var OtherJPEG func(ctx context.Context, data []byte) (rgb []uint8, height, width int, err error)

// OtherJPEGName is the name of OtherJPEG in Header.Decoder.
const OtherJPEGName = "libjpeg-turbo"

// A jpegFile is the information in the markers of a JPEG.
type jpegFile struct {
	frame      byte // marker of its frame, 0xc0 to 0xcf; 0: none
	precision  int  // bits per sample
	width      int
	height     int
	components []jpegComponent
	scans      int
	tables     bool // it has Huffman tables before the first scan
	adobe      bool // Adobe's marker describes the colors
}

type jpegComponent struct {
	id, h, v int // h and v: sampling factors
}

// jpegFrames are the unsupported kinds of JPEG, by the marker of the frame.
var jpegFrames = map[byte]string{
	0xc3: "lossless", 0xc5: "hierarchical", 0xc6: "hierarchical", 0xc7: "hierarchical", 0xc9: "arithmetic coding",
	0xca: "arithmetic coding", 0xcb: "arithmetic coding", 0xcd: "arithmetic coding", 0xce: "arithmetic coding", 0xcf: "arithmetic coding",
}

// parseJPEG reads the markers. It ignores damaged ones.
func parseJPEG(data []byte) jpegFile {
	var f jpegFile
	for s := range jpegfile.Segments(data) {
		marker, content := s.Marker, s.Content
		switch {
		case marker == jpegfile.DHT:
			f.tables = f.tables || f.scans == 0
		case marker == jpegfile.SOS:
			f.scans++
		case marker == jpegfile.APP14:
			f.adobe = f.adobe || len(content) >= 12 && bytes.HasPrefix(content, []byte("Adobe"))
		case marker >= jpegfile.SOF0 && marker <= 0xcf && marker != 0xc8 && marker != 0xcc && f.frame == 0 && len(content) >= 6:
			f.frame, f.precision = marker, int(content[0])
			f.height, f.width = int(binary.BigEndian.Uint16(content[1:])), int(binary.BigEndian.Uint16(content[3:]))
			for c := content[6:]; len(c) >= 3; c = c[3:] {
				f.components = append(f.components, jpegComponent{id: int(c[0]), h: int(c[1] >> 4), v: int(c[1] & 15)})
			}
		}
		if f.scans > maxScans {
			break
		}
	}
	return f
}

// sampling returns the largest sampling factors, and the number of stored samples per pixel, such as
// 1.5 for chroma with half the resolution.
func (f jpegFile) sampling() (h, v int, samplesPerPixel float64) {
	h, v = 1, 1
	stored := 0
	for _, c := range f.components {
		h, v = max(h, c.h), max(v, c.v)
		stored += c.h * c.v
	}
	return h, v, float64(stored) / float64(h*v)
}

// refusal returns an error for an unsupported kind of JPEG.
func (f jpegFile) refusal() error {
	kind := ""
	switch name := jpegFrames[f.frame]; {
	case f.frame == 0:
		return nil // the decoder reports what is missing
	case name != "":
		kind = name
	case f.precision != 8:
		kind = fmt.Sprintf("%d bits a sample", f.precision)
	case len(f.components) != 1 && len(f.components) != 3 && len(f.components) != 4:
		kind = fmt.Sprintf("%d components", len(f.components))
	case f.scans > maxScans:
		return fmt.Errorf("more than %d scans", maxScans)
	default:
		return nil
	}
	return fmt.Errorf("%w: %s", errKind, kind)
}

// errKind is the error for a file of an unsupported kind, which may be valid.
var errKind = errors.New("of an unsupported kind")

// configJPEG reads the size of a JPEG and chooses the decoder.
func configJPEG(in *input) (image.Config, error) {
	f := parseJPEG(in.data)
	in.jpeg = f
	if err := f.refusal(); err != nil {
		return image.Config{}, err
	}
	_, _, samples := f.sampling()
	in.bytesPerPixel = 4 + samples
	if f.frame == jpegfile.SOF2 {
		in.bytesPerPixel += 4 * samples
	}
	if len(f.components) == 4 {
		in.bytesPerPixel += 4
	}
	config, err := jpeg.DecodeConfig(in.reader(in.data))
	if _, unsupported := errors.AsType[jpeg.UnsupportedError](err); !unsupported || f.frame == 0 {
		return config, err
	}
	kind := "chroma sampling"
	for _, c := range f.components {
		kind += fmt.Sprintf(" %d%d", c.h, c.v)
	}
	switch {
	case f.frame == jpegfile.SOF2:
		kind += " in a progressive file"
	case len(f.components) != 3:
		kind += fmt.Sprintf(" of %d components", len(f.components))
	case OtherJPEG != nil:
		in.header.Decoder = OtherJPEGName
		in.bytesPerPixel = 3 + 3 + 4 // in TensorFlow, the copy, and the copy with alpha
		return image.Config{ColorModel: color.YCbCrModel, Width: f.width, Height: f.height}, nil
	}
	return config, fmt.Errorf("%w: %s", errKind, kind)
}

// decodeJPEG decodes a JPEG as libjpeg-turbo would.
func decodeJPEG(in *input) (image.Image, error) {
	f, data := in.jpeg, in.data
	if in.header.Decoder == OtherJPEGName {
		if err := checkJPEG(f, data); err != nil {
			return nil, err
		}
		rgb, height, width, err := OtherJPEG(in.ctx, data)
		if err != nil {
			return nil, err
		}
		return opaqueRGB(rgb, height, width)
	}
	if !f.tables && (f.frame == jpegfile.SOF0 || f.frame == jpegfile.SOF1) {
		data = insert(data, standardTables()) // a frame of a Motion JPEG lacks them
	}
	if len(f.components) == 4 && !f.adobe {
		data = insert(data, adobeCMYK) // as Pillow and browsers read it
	}
	img, err := jpeg.Decode(in.reader(data))
	if err != nil {
		return nil, err
	}
	if planes, ok := img.(*image.YCbCr); ok {
		return jpegRGB(planes), nil
	}
	return img, nil
}

// insert inserts segments after the first marker of a JPEG.
func insert(data, segments []byte) []byte {
	out := make([]byte, 0, len(data)+len(segments))
	return append(append(append(out, data[:2]...), segments...), data[2:]...)
}

// opaqueRGB adds alpha to pixels [height, width, 3].
func opaqueRGB(rgb []uint8, height, width int) (*image.RGBA, error) {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	if len(rgb) != 3*height*width {
		return nil, fmt.Errorf("%d bytes for %dx%d pixels", len(rgb), width, height)
	}
	for pix := img.Pix; len(pix) >= 4 && len(rgb) >= 3; pix, rgb = pix[4:], rgb[3:] {
		pix[0], pix[1], pix[2], pix[3] = rgb[0], rgb[1], rgb[2], 255
	}
	return img, nil
}

// adobeCMYK is Adobe's marker for four components without a transform.
var adobeCMYK = []byte{0xff, jpegfile.APP14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0}

// standardTables is a segment with the Huffman tables of ITU-T T.81, K.3 to K.6. The frames
// of a Motion JPEG lack it. Go's encoder always uses these tables.
var standardTables = sync.OnceValue(func() []byte {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, image.NewRGBA(image.Rect(0, 0, 1, 1)), nil); err != nil {
		panic(err) // cannot happen
	}
	for s := range jpegfile.Segments(file.Bytes()) {
		if s.Marker == jpegfile.DHT {
			return append(binary.BigEndian.AppendUint16([]byte{0xff, jpegfile.DHT}, uint16(2+len(s.Content))), s.Content...)
		}
	}
	return nil
})
