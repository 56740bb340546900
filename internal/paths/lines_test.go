package paths

import (
	"bytes"
	"io"
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
