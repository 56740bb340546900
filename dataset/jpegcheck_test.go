package dataset

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"strings"
	"testing"

	"oscar/internal/jpegfile"
)

// The check of coded data finds what Go's decoder finds, in kinds that both know.
func TestCheckJPEG(t *testing.T) {
	for _, file := range []string{"jpeg-444-sequential.jpg", "jpeg-420-sequential.jpg", "jpeg-restarts.jpg", "jpeg-gray.jpg", "jpeg-420-blocks.jpg"} {
		data := readTestdata(t, "formats", file)
		if err := checkJPEG(parseJPEG(data), data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		coded := 0
		for s := range jpegfile.Segments(data) {
			if s.Marker == jpegfile.SOS {
				coded = bytes.Index(data, s.Coded)
			}
		}
		found := 0
		for at := coded; at < len(data); at++ {
			broken := bytes.Clone(data)
			broken[at] ^= 1 << (at % 8)
			if _, err := jpeg.Decode(bytes.NewReader(broken)); err != nil {
				found++
				if checkJPEG(parseJPEG(broken), broken) == nil {
					t.Errorf("%s: a bit of byte %d: Go says %v, the check nothing", file, at, err)
				}
			}
			if cut := data[:at]; checkJPEG(parseJPEG(cut), cut) == nil {
				t.Errorf("%s: passes without all from byte %d on", file, at)
			}
		}
		if found == 0 {
			t.Errorf("%s: no bit matters", file)
		}
	}
}

// The second decoder sees JPEGs of a kind that Go does not know, and only if they
// are whole.
func TestOtherJPEG(t *testing.T) {
	calls := 0
	OtherJPEG = func(_ context.Context, data []byte) ([]uint8, int, int, error) {
		calls++
		f := parseJPEG(data)
		return make([]uint8, 3*f.width*f.height), f.height, f.width, nil
	}
	defer func() { OtherJPEG = nil }()
	for _, file := range []string{"jpeg-22-11-12.jpg", "jpeg-31-11-11.jpg"} {
		data := readTestdata(t, file)
		calls = 0
		img, header, err := DecodeContext(t.Context(), data, Limits{})
		if err != nil || header.Decoder != OtherJPEGName || calls != 1 || img.Rect.Dx() != 61 || img.Rect.Dy() != 47 {
			t.Fatalf("%s: %v, %v after %d calls", file, header, err, calls)
		}
		calls = 0
		if _, err := Decode(data, Limits{MaxPixels: 100}); err == nil || !strings.Contains(err.Error(), "the limit is 100") {
			t.Errorf("%s: beyond the limits: %v", file, err)
		}
		for _, cut := range []int{len(data) - 2, len(data) / 2} {
			if _, err := Decode(data[:cut], Limits{}); err == nil || !strings.Contains(err.Error(), "ends too early") {
				t.Errorf("%s: cut to %d bytes: %v", file, cut, err)
			}
		}
		lost := bytes.Clone(data)
		at := bytes.Index(lost, []byte{0xff, jpegfile.RST0})
		if _, err := Decode(append(lost[:at], lost[at+2:]...), Limits{}); err == nil {
			t.Errorf("%s: a lost restart marker passes", file)
		}
		if calls > 0 {
			t.Errorf("%s: the second decoder saw %d damaged files", file, calls)
		}
	}
	for _, c := range kindCases(t) {
		calls = 0
		if _, header, _ := DecodeContext(t.Context(), readTestdata(t, "formats", c.File), Limits{}); calls > 0 || header.Decoder != "" {
			t.Errorf("%s is decoded by the second decoder", c.File)
		}
	}
}

// Decoding ends with the error of its context, not with that of a bad file.
func TestDecodeCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range kindCases(t) {
		if c.Refused != "" {
			continue
		}
		if _, _, err := DecodeContext(ctx, readTestdata(t, "formats", c.File), Limits{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", c.File, err)
		}
	}
}

// A file of scans without end is refused before it is decoded; a few hundred are not.
func TestDecodeManyScans(t *testing.T) {
	data := readTestdata(t, "formats", "jpeg-420-progressive.jpg")
	var last []byte
	for s := range jpegfile.Segments(data) {
		if s.Marker == jpegfile.SOS {
			last = data[bytes.Index(data, s.Content)-4:][:4+len(s.Content)+len(s.Coded)]
		}
	}
	whole := data[:len(data)-2]
	many := append(bytes.Clone(whole), bytes.Repeat(last, maxScans)...)
	if _, err := Decode(append(many, 0xff, jpegfile.EOI), Limits{}); err == nil || !strings.Contains(err.Error(), "more than 500 scans") {
		t.Errorf("error %v", err)
	}
}

// Large images wait for each other, and one that needs all the memory still gets it.
func TestBudget(t *testing.T) {
	b := newBudget(100)
	release, err := b.acquire(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error)
	go func() {
		_, err := b.acquire(ctx, 1)
		got <- err
	}()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting ends with %v", err)
	}
	release()
	for range 4 {
		if _, err := b.acquire(t.Context(), 25); err != nil {
			t.Fatal(err)
		}
	}
	if b.free.TryAcquire(1) {
		t.Error("more than there is")
	}
}
