package dataset

import (
	"fmt"
	"image"

	"golang.org/x/image/tiff"
)

// Tags of a TIFF directory.
const (
	tagBitsPerSample = 258
	tagCompression   = 259
	tagPhotometric   = 262
	tagFillOrder     = 266
	tagOrientation   = 274
	tagSamples       = 277
	tagPlanar        = 284
	tagT4Options     = 292
	tagT6Options     = 293
	tagPredictor     = 317
	tagSampleFormat  = 339
)

const (
	whiteIsZero, blackIsZero, rgbColors, paletteColors = 0, 1, 2, 3 // values of tagPhotometric
	group3, group4                                     = 3, 4       // values of tagCompression
)

// tiffCompressions are the compressions by tag value, and whether each is supported.
var tiffCompressions = map[uint32]struct {
	name string
	read bool
}{
	1: {"none", true}, 2: {"CCITT modified Huffman", false}, group3: {"CCITT Group 3", true}, group4: {"CCITT Group 4", true},
	5: {"LZW", true}, 6: {"old-style JPEG", false}, 7: {"JPEG", false}, 8: {"Deflate", true}, 32773: {"PackBits", true},
	32946: {"Deflate", true}, 34661: {"JBIG", false}, 34676: {"SGILog", false}, 34677: {"SGILog24", false}, 34712: {"JPEG 2000", false},
	34887: {"LERC", false}, 34925: {"LZMA", false}, 50000: {"Zstandard", false}, 50001: {"WebP", false}, 50002: {"JPEG XL", false},
}

// tiffColors are the color models that are not supported.
var tiffColors = map[uint32]string{
	4: "transparency mask", 5: "CMYK", 6: "YCbCr", 8: "CIE Lab", 9: "ICC Lab", 10: "ITU Lab", 32803: "color filter array",
	32844: "LogL", 32845: "LogLuv", 34892: "linear raw",
}

// tiffSamples are the number formats that are not supported.
var tiffSamples = map[uint32]string{2: "signed", 3: "floating-point", 4: "undefined", 5: "complex signed", 6: "complex floating-point"}

// checkTIFF returns an error for everything that the decoder does not support or would decode
// wrongly. The decoder ignores the planar configuration, the fill order outside of CCITT, the
// options of CCITT and the predictor for floating-point numbers.
func checkTIFF(data []byte) error {
	d := readIFD(data)
	refuse := func(format string, values ...any) error {
		return fmt.Errorf("%w: %s", errKind, fmt.Sprintf(format, values...))
	}
	compression, photometric := d.number(tagCompression, 1), d.number(tagPhotometric, 0)
	bits, samples := d.number(tagBitsPerSample, 1), d.number(tagSamples, 1)
	fax := compression == group3 || compression == group4
	known, ok := tiffCompressions[compression]
	switch {
	case !ok:
		return refuse("compression %d", compression)
	case !known.read:
		return refuse("%s compression", known.name)
	}
	if name := tiffColors[photometric]; name != "" {
		return refuse("%s colors", name)
	}
	if formats, _ := d.numbers(tagSampleFormat); len(formats) > 0 {
		for _, f := range formats {
			if f != 1 {
				return refuse("%s samples", tiffSamples[f])
			}
		}
	}
	predictor := d.number(tagPredictor, 1)
	switch {
	case samples > 1 && d.number(tagPlanar, 1) == 2:
		return refuse("planes of colors one after the other")
	case bits != 1 && bits != 8 && bits != 16:
		return refuse("%d bits a sample", bits)
	case bits == 1 && (samples > 1 || photometric == rgbColors):
		return refuse("colors of one bit")
	case photometric != rgbColors && samples > 1:
		return refuse("gray or palette with %d samples a pixel", samples)
	case photometric == rgbColors && samples > 4:
		return refuse("%d samples a pixel", samples)
	case predictor > 2:
		return refuse("predictor %d", predictor)
	case predictor == 2 && (bits == 1 || compression != 5 && known.name != "Deflate"):
		return refuse("predictor 2 with %d bits a sample and %s compression", bits, known.name)
	case d.number(tagFillOrder, 1) == 2 && !fax:
		return refuse("bits in reverse order with %s compression", known.name)
	case fax && bits != 1:
		return refuse("%s compression of %d bits a sample", known.name, bits)
	case compression == group3 && d.number(tagT4Options, 0)&1 != 0:
		return refuse("two-dimensional CCITT Group 3 compression")
	case compression == group3 && d.number(tagT4Options, 0)&2 != 0, compression == group4 && d.number(tagT6Options, 0)&2 != 0:
		return refuse("CCITT compression with uncompressed parts")
	}
	return nil
}

func configTIFF(in *input) (image.Config, error) {
	if err := checkTIFF(in.data); err != nil {
		return image.Config{}, err
	}
	return tiff.DecodeConfig(in.reader(in.data))
}

func decodeTIFF(in *input) (image.Image, error) {
	img, err := tiff.Decode(in.reader(in.data))
	if err != nil {
		return nil, err
	}
	d := readIFD(in.data)
	compression := d.number(tagCompression, 1)
	if gray, ok := img.(*image.Gray); ok && (compression == group3 || compression == group4) && d.number(tagPhotometric, 0) == blackIsZero {
		// The decoder always draws CCITT's white runs white. With BlackIsZero they are
		// zero, which is black.
		for i, v := range gray.Pix {
			gray.Pix[i] = 255 - v
		}
	}
	return img, nil
}

// refuseBigTIFF returns an error, since the decoder does not support BigTIFF.
func refuseBigTIFF(*input) (image.Config, error) {
	return image.Config{}, fmt.Errorf("%w: BigTIFF", errKind)
}
