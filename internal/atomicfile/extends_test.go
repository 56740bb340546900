package atomicfile

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// The present content may be repeated or extended, in writes of any size, and nothing else.
func TestExtending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.csv")
	const refused = "has other rows; name a new file"
	for _, test := range []struct {
		before, after string
		ok            bool
	}{
		{"", "", true}, {"", "a\nb\n", true}, {"a\nb\n", "a\nb\n", true}, {"a\nb\n", "a\nb\nc\n", true},
		{"a\nb\n", "a\n", false}, {"a\nb\n", "", false}, {"a\nb\n", "a\nx\n", false}, {"a\nb\n", "b\n", false}, {"a\nb\n", "a\nx\ny\nz\n", false},
	} {
		if err := os.WriteFile(path, []byte(test.before), 0o666); err != nil {
			t.Fatal(err)
		}
		for size := 1; size < 6; size++ {
			var to bytes.Buffer
			err := Extending(path, "rows", &to, func(w io.Writer) error {
				for rest := []byte(test.after); len(rest) > 0; {
					n := min(size, len(rest))
					if _, err := w.Write(rest[:n]); err != nil {
						return err
					}
					rest = rest[n:]
				}
				return nil
			})
			if (err == nil) != test.ok || err != nil && err.Error() != path+" "+refused || test.ok && to.String() != test.after {
				t.Errorf("%q to %q in writes of %d: %v, %q", test.before, test.after, size, err, to.String())
			}
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := Extending(path, "rows", io.Discard, func(w io.Writer) error { _, err := io.WriteString(w, "a"); return err }); err != nil {
		t.Errorf("without a file: %v", err)
	}
}
