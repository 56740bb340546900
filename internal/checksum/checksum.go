// Package checksum stores the SHA-256 of the files of a folder in a list next to
// them. The list is a text file that "sha256sum -c" can read. Files are listed
// when they are written, and compared with the list when they are read. Files without a
// line are not compared: folders of older versions have no list.
package checksum

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

// File is the name of a folder's list.
const File = "SHA256SUMS"

// trailer starts a list's last line, which sha256sum ignores as a comment. It distinguishes damage
// of the list from damage of a file.
const trailer = "# SHA-256 of the lines above: "

// List has the SHA-256 of files, in hexadecimal, by their paths relative to the
// folder, with slashes.
type List map[string]string

// Damage is the error for a file that differs from its list or is missing.
type Damage struct {
	Dir    string
	Name   string // relative to Dir, with slashes
	Gone   bool   // the file is missing
	Remedy string // the remedy; "": unknown
}

// Path returns the path of the file.
func (d *Damage) Path() string { return filepath.Join(d.Dir, filepath.FromSlash(d.Name)) }

func (d *Damage) Error() string {
	text := d.Path() + " is damaged: it differs from what was written (SHA-256)"
	if d.Gone {
		text = d.Path() + " is missing"
	}
	if d.Remedy != "" {
		text += "; " + d.Remedy
	}
	return text
}

// Is reports whether an error is a [Damage].
func Is(err error) bool {
	_, ok := errors.AsType[*Damage](err)
	return ok
}

// Read reads the list of a folder. Without one it returns nil and no error.
func Read(dir string) (List, error) { return readList(dir, File) }

// readList reads a list with the given name.
func readList(dir, name string) (List, error) {
	b, err := paths.ReadRecord(filepath.Join(dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	l, closed, ok := parse(b)
	if !ok || !closed && !l.isOld(dir) {
		return nil, &Damage{Dir: dir, Name: name}
	}
	return l, nil
}

// isOld reports whether a list without a trailer is a complete list of the first version: a
// SavedModel's list with all its files.
func (l List) isOld(dir string) bool {
	want := []string{"saved_model.pb", "assets.extra/oscar.json"}
	variables, err := os.ReadDir(filepath.Join(dir, "variables"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	for _, v := range variables {
		want = append(want, "variables/"+v.Name())
	}
	return !slices.ContainsFunc(want, func(name string) bool { return l[name] == "" })
}

// Parse parses the text of a list including its last line. ok is false if it is damaged.
func Parse(b []byte) (l List, ok bool) {
	l, closed, ok := parse(b)
	return l, closed && ok
}

// parse parses a list. closed reports whether it has its trailer.
func parse(b []byte) (l List, closed, ok bool) {
	l = List{}
	at := 0
	for line := range bytes.Lines(b) {
		text, whole := strings.CutSuffix(string(line), "\n")
		if !whole {
			return nil, false, false
		}
		if own, is := strings.CutPrefix(text, trailer); is {
			return l, true, own == sum(b[:at]) && at+len(line) == len(b)
		}
		digest, name, ok := parseLine(text)
		if !ok {
			return nil, false, false
		}
		l[name] = digest
		at += len(line)
	}
	return l, false, true
}

// special are the characters that sha256sum escapes in names. A line with such a character starts
// with a backslash.
var (
	special = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	literal = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")
)

func parseLine(text string) (digest, name string, ok bool) {
	text, escaped := strings.CutPrefix(text, `\`)
	digest, name, ok = strings.Cut(text, "  ")
	if escaped {
		name = literal.Replace(name)
	}
	raw, err := hex.DecodeString(digest)
	return digest, name, ok && err == nil && len(raw) == sha256.Size && filepath.IsLocal(filepath.FromSlash(name))
}

// Text returns the content of the list's file.
func (l List) Text() []byte {
	var b bytes.Buffer
	for _, name := range l.Names() {
		if escaped := special.Replace(name); escaped != name {
			fmt.Fprintf(&b, "\\%s  %s\n", l[name], escaped)
		} else {
			fmt.Fprintf(&b, "%s  %s\n", l[name], name)
		}
	}
	fmt.Fprintf(&b, "%s%s\n", trailer, sum(b.Bytes()))
	return b.Bytes()
}

// write writes the list unless the file is equal.
func (l List) write(dir string) error {
	path, text := filepath.Join(dir, File), l.Text()
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return atomicfile.Write(path, text)
}

// Names returns the files' names, sorted.
func (l List) Names() []string { return slices.Sorted(maps.Keys(l)) }

// Damaged returns the listed files that are missing or differ. With names it checks only those.
func (l List) Damaged(dir string, names ...string) ([]*Damage, error) {
	if names == nil {
		names = l.Names()
	}
	var out []*Damage
	for _, name := range names {
		d, err := l.damage(dir, name)
		if err != nil {
			return nil, err
		}
		if d != nil {
			out = append(out, d)
		}
	}
	return out, nil
}

// damage returns nil if the file has its checksum or is not in the list.
func (l List) damage(dir, name string) (*Damage, error) {
	want, listed := l[name]
	if !listed {
		return nil, nil
	}
	got, err := Sum(filepath.Join(dir, filepath.FromSlash(name)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Damage{Dir: dir, Name: name, Gone: true}, nil
	case err != nil:
		return nil, err
	case got != want:
		return &Damage{Dir: dir, Name: name}, nil
	}
	return nil, nil
}

// Check returns a [Damage] if a file of a folder differs from the folder's list.
// Without names it checks the whole list.
func Check(dir string, names ...string) error {
	l, err := Read(dir)
	if err != nil {
		return err
	}
	damaged, err := l.Damaged(dir, names...)
	if err == nil && len(damaged) > 0 {
		return damaged[0]
	}
	return err
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Sum returns the SHA-256 of a file in hexadecimal.
func Sum(path string) (string, error) {
	f, err := paths.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
