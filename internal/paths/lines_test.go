package paths

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// A line may be as long as the limit, wherever the reads begin and end; a longer one is an
// error, without its rest being read.
func TestLimitLines(t *testing.T) {
	line := func(n int) []byte { return append(bytes.Repeat([]byte("x"), n), '\n') }
	for name, content := range map[string][]byte{
		"lines": bytes.Join([][]byte{line(maxLine), line(0), line(maxLine), line(3), bytes.TrimSpace(line(maxLine))}, nil),
		"none":  nil,
	} {
		for how, r := range map[string]io.Reader{"whole": bytes.NewReader(content), "halves": iotest.HalfReader(bytes.NewReader(content))} {
			if got, err := io.ReadAll(LimitLines(r)); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s, %s: %d bytes, %v; want %d", name, how, len(got), err, len(content))
			}
		}
	}
	for name, content := range map[string][]byte{
		"with an end": append(line(2), line(maxLine+1)...), "without": bytes.TrimSpace(line(maxLine + 1)), "then others": append(line(maxLine+1), line(1)...),
	} {
		if got, err := io.ReadAll(LimitLines(bytes.NewReader(content))); err == nil || err.Error() != "a line has more than 16777216 bytes" {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	endless := &io.LimitedReader{R: zeros{}, N: 1 << 50}
	if _, err := io.Copy(io.Discard, LimitLines(endless)); err == nil || 1<<50-endless.N > maxLine+1<<20 {
		t.Errorf("%v after %d bytes", err, 1<<50-endless.N)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A row of CSV has the limit of a line, whatever the line breaks in its quoted fields. Quotes
// that are doubled end nothing; a row that follows begins anew.
func TestLimitRows(t *testing.T) {
	field := func(n int) string { // quoted, of n bytes with the quotes, of lines and doubled quotes
		return `"` + strings.Repeat("ab\n\"\"\n", (n-2)/6) + strings.Repeat("x", (n-2)%6) + `"`
	}
	fits := field(maxLine) + "\n"
	for how, r := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "few bytes": func(r io.Reader) io.Reader { return few{r} }} {
		content := "path,label\n" + fits + "a,b\n" + fits + fits + field(20)
		if got, err := io.ReadAll(LimitRows(r(strings.NewReader(content)))); err != nil || string(got) != content {
			t.Errorf("%s: %d bytes, %v; want %d", how, len(got), err, len(content))
		}
		for name, content := range map[string]string{
			"one field": "a,b\n" + `"` + strings.Repeat("x\n", maxLine), "many fields": strings.Repeat(`"x`+"\n"+`",`, maxLine/4),
		} {
			if got, err := io.ReadAll(LimitRows(r(strings.NewReader(content)))); err == nil || err.Error() != "a row of several lines has more than 16777216 bytes" {
				t.Errorf("%s, %s: %d bytes, %v", name, how, len(got), err)
			}
		}
	}
	if _, err := io.Copy(io.Discard, LimitLines(strings.NewReader(`"`+strings.Repeat("x\n", maxLine)))); err != nil {
		t.Errorf("quotes in lines: %v", err)
	}
}

// few reads at most 1000 bytes at once.
type few struct{ r io.Reader }

func (f few) Read(p []byte) (int, error) { return f.r.Read(p[:min(len(p), 1000)]) }
