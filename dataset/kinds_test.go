package dataset

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A kindCase is a file of testdata/formats.
type kindCase struct {
	File      string
	Kind      string // as the table of docs/formats.md names it
	Tolerance int
	Refused   string // words of the error; empty: it is read
}

func kindCases(t testing.TB) (cases []kindCase) {
	t.Helper()
	if err := json.Unmarshal(readTestdata(t, "formats", "index.json"), &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func readTestdata(t testing.TB, name ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, name...)...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Every kind is read as Pillow reads it, or refused by its name before it is
// decoded.
func TestDecodeKinds(t *testing.T) {
	for _, c := range kindCases(t) {
		t.Run(c.File, func(t *testing.T) {
			data := readTestdata(t, "formats", c.File)
			img, err := Decode(data, Limits{})
			if c.Refused != "" {
				_, headerErr := ReadHeader(data, Limits{})
				for _, err := range []error{err, headerErr} {
					if err == nil || !strings.Contains(err.Error(), "of an unsupported kind: ") || !strings.Contains(err.Error(), c.Refused) {
						t.Errorf("error %v does not say %q", err, c.Refused)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want, err := png.Decode(bytes.NewReader(readTestdata(t, "formats", c.File+".png")))
			if err != nil {
				t.Fatal(err)
			}
			checkPixels(t, img, want, c.Tolerance)
		})
	}
}

// checkPixels compares two images, channel by channel.
func checkPixels(t *testing.T, got *image.RGBA, want image.Image, tolerance int) {
	t.Helper()
	if got.Rect != want.Bounds() {
		t.Fatalf("image %v, want %v", got.Rect, want.Bounds())
	}
	expected := flatten(want, want.Bounds())
	largest := 0
	for i, v := range got.Pix {
		largest = max(largest, int(v)-int(expected.Pix[i]), int(expected.Pix[i])-int(v))
	}
	if largest > tolerance {
		t.Errorf("pixels differ by up to %d, want %d at most", largest, tolerance)
	}
}

// The table of docs/formats.md has every kind: in the column of those that are
// read, or of those that are refused, of its format.
func TestDocumentedKinds(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "formats.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 6 {
			rows[strings.ToLower(strings.TrimSpace(cells[1]))] = cells
		}
	}
	for _, c := range kindCases(t) {
		format, _, _ := strings.Cut(strings.TrimSuffix(c.File, filepath.Ext(c.File)), "-")
		column := 2
		if c.Refused != "" {
			column = 3
		}
		if row := rows[format]; row == nil || !strings.Contains(row[column], c.Kind) {
			t.Errorf("docs/formats.md: the row of %s does not name %q in column %d, as of %s", format, c.Kind, column, c.File)
		}
	}
}

// Photographs of telephones are refused by name.
func TestDecodeHEIF(t *testing.T) {
	for brand, want := range map[string]string{"heic": "HEIC", "heix": "HEIC", "mif1": "HEIC", "avif": "AVIF"} {
		_, err := Decode([]byte("\x00\x00\x00\x18ftyp"+brand+"\x00\x00\x00\x00mif1heic"), Limits{})
		if err == nil || err.Error() != want+" not supported: convert it to JPEG or PNG" {
			t.Errorf("%s: %v", brand, err)
		}
	}
}

// Files that were once read wrongly, or not at all.
func TestDecodeFaults(t *testing.T) {
	for file, test := range map[string]struct {
		want      string // file of the right pixels, or words of the error
		tolerance int
	}{
		"webp-lossy-black.webp":            {"flat-black.png", 0},
		"webp-lossy-red.webp":              {"webp-lossy-red.webp.png", 0},
		"tiff-group4-black-is-zero.tif":    {"same-picture-as-group4.png", 0},
		"tiff-jpeg-compressed.tif":         {"TIFF of an unsupported kind: JPEG compression", 0},
		"jpeg-mjpeg-frame-without-dht.jpg": {"jpeg-mjpeg-frame-without-dht.jpg.png", 2},
		"jpeg-sampling-22-11-12.jpg":       {"JPEG of an unsupported kind: chroma sampling 22 11 12", 0}, // see internal/graph
	} {
		t.Run(file, func(t *testing.T) {
			img, err := Decode(readTestdata(t, "faults", file), Limits{})
			if !strings.HasSuffix(test.want, ".png") {
				if err == nil || err.Error() != test.want {
					t.Errorf("error %v, want %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want, err := png.Decode(bytes.NewReader(readTestdata(t, "faults", test.want)))
			if err != nil {
				t.Fatal(err)
			}
			checkPixels(t, img, want, test.tolerance)
		})
	}
}
