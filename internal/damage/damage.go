// Package damage damages files of a folder, for tests. A seed determines how.
package damage

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Kind is a kind of damage.
type Kind string

// The kinds of damage.
const (
	Bit  Kind = "bit"  // one bit is flipped
	Cut  Kind = "cut"  // the file is truncated
	Loss Kind = "loss" // the file is removed
	Swap Kind = "swap" // the file and another of its folder are swapped
)

// kinds are all kinds of damage.
var kinds = []Kind{Bit, Cut, Loss, Swap}

// Try is one kind of damage to one file.
type Try struct {
	Dir  string
	File string // relative to Dir
	Kind Kind
	With string // the other file of a swap
	at   uint64 // chooses the bit, or the length
}

func (t Try) String() string { return fmt.Sprintf("%s of %s %s", t.Kind, t.File, t.With) }

// Tries returns every kind of damage for every file below a folder for which take returns true, in
// random order.
func Tries(dir string, seed uint64, take func(name string) bool) ([]Try, error) {
	random := rand.New(rand.NewPCG(seed, 0))
	siblings := map[string][]string{}
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err == nil && take(filepath.ToSlash(rel)) {
			files = append(files, rel)
			siblings[filepath.Dir(rel)] = append(siblings[filepath.Dir(rel)], rel)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var tries []Try
	for _, file := range files {
		for _, kind := range kinds {
			t := Try{Dir: dir, File: file, Kind: kind, at: random.Uint64()}
			if others := siblings[filepath.Dir(file)]; kind == Swap {
				if t.With = others[random.IntN(len(others))]; t.With == file {
					continue
				}
			}
			tries = append(tries, t)
		}
	}
	random.Shuffle(len(tries), func(i, j int) { tries[i], tries[j] = tries[j], tries[i] })
	return tries, nil
}

// Apply damages the file. changed is false if nothing changed, because the file is empty or two
// files are equal.
func (t Try) Apply() (changed bool, err error) {
	path := filepath.Join(t.Dir, t.File)
	b, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	switch t.Kind {
	case Loss:
		return true, os.Remove(path)
	case Swap:
		other, err := os.ReadFile(filepath.Join(t.Dir, t.With))
		if err != nil || string(other) == string(b) {
			return false, err
		}
		if err := os.WriteFile(path, other, 0o666); err != nil {
			return false, err
		}
		return true, os.WriteFile(filepath.Join(t.Dir, t.With), b, 0o666)
	case Bit, Cut:
		if len(b) == 0 {
			return false, nil
		}
		if at := t.at % uint64(len(b)); t.Kind == Bit {
			b[at] ^= 1 << (t.at >> 61)
		} else {
			b = b[:at]
		}
		return true, os.WriteFile(path, b, 0o666)
	}
	return false, fmt.Errorf("no kind of damage %q", t.Kind)
}
