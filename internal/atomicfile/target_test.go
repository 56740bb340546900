package atomicfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Errors name the file or folder that the user named, not the temporary one, whatever fails.
func TestErrorsNameTheTarget(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("x", 250)) // too long with a prefix, for root, too
	closed := func(f *os.File) error {
		f.Close()
		_, err := f.WriteString("x")
		return err
	}
	full := func(tmp string) error { return os.WriteFile(filepath.Join(tmp, "none", "file"), nil, 0o666) }
	for name, c := range map[string]struct {
		write func(path string) error
		path  string
		want  string
	}{
		"Write":        {func(path string) error { return Write(path, nil) }, long, "cannot write " + long + ": file name too long"},
		"Draft":        {func(path string) error { return Draft(path, closed) }, long, "cannot write " + long + ": file name too long"},
		"Output":       {func(path string) error { return Output(path, Bytes(nil)) }, long, "cannot write " + long + ": file name too long"},
		"Dir":          {func(path string) error { return Dir(path, put("x")) }, long, "cannot write " + long + ": file name too long"},
		"Draft, write": {func(path string) error { return Draft(path, closed) }, filepath.Join(dir, "a"), "write " + filepath.Join(dir, "a") + ": file already closed"},
		"Draft, name":  {func(path string) error { return Draft(path, Bytes(nil)) }, dir, "cannot write " + dir + ": file exists"},
		"Dir, file":    {func(path string) error { return Dir(path, full) }, filepath.Join(dir, "b"), "open " + filepath.Join(dir, "b", "none", "file") + ": no such file or directory"},
		"Dir, parent":  {func(path string) error { return Dir(path, full) }, "/dev/null/b", "cannot write /dev/null/b: not a directory"},
	} {
		if err := c.write(c.path); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	wantList(t, dir)
}
