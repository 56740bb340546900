package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/result"
)

// Shard is a run of the sorted input that is explained and committed as one.
type Shard struct {
	Number int
	Root   string   // absolute; results are named relative to it
	Images []string // paths
	stamps []string // size and time of each, so that a changed image makes another shard
}

// Shards cuts sorted paths into shards of that size.
func Shards(images []string, size int) []Shard {
	root := commonDir(images)
	var out []Shard
	for part := range slices.Chunk(images, size) {
		s := Shard{Number: len(out), Root: root, Images: part}
		for _, path := range part {
			stamp := ""
			if info, err := os.Stat(path); err == nil {
				stamp = fmt.Sprint(info.Size(), info.ModTime().UnixNano())
			}
			s.stamps = append(s.stamps, stamp)
		}
		out = append(out, s)
	}
	return out
}

// commonDir returns the longest folder that all images are in.
func commonDir(images []string) string {
	if len(images) == 0 {
		return ""
	}
	dir := filepath.Dir(paths.Absolute(images[0]))
	for _, p := range images[1:] {
		for !paths.Within(dir, paths.Absolute(p)) {
			dir = filepath.Dir(dir)
		}
	}
	return dir
}

// name is the shard's part of the manifest, by number and content. With a
// shared scale that is a draft, and drawn the part.
func (s Shard) name() string {
	h := sha256.New()
	fmt.Fprintln(h, s.Root)
	for i, p := range s.Images {
		fmt.Fprintln(h, p)
		if i < len(s.stamps) {
			fmt.Fprintln(h, s.stamps[i])
		}
	}
	return fmt.Sprintf("%06d-%s.jsonl", s.Number, hex.EncodeToString(h.Sum(nil)[:6]))
}

// drawn is the shard's part when the scale of its overlays was not known from
// the beginning.
func (s Shard) drawn() string { return strings.TrimSuffix(s.name(), ".jsonl") + ".drawn.jsonl" }

func readPart(out, name string) (rows []Row, text []byte, err error) {
	path := filepath.Join(out, partsDir, name)
	if text, err = os.ReadFile(path); err != nil {
		return nil, nil, err
	}
	rows, err = result.ParseRows(path, text)
	return rows, text, err
}

// writePart writes a part of the manifest: whole, and synced.
func writePart(out, name string, rows []Row) error {
	var part bytes.Buffer
	encoder := json.NewEncoder(&part)
	encoder.SetEscapeHTML(false)
	for _, r := range rows {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return atomicfile.Write(filepath.Join(out, partsDir, name), part.Bytes())
}

// finished returns the rows of a part that is there with all the files that it
// names: after a power cut some may be missing or empty. Otherwise it has none.
func finished(out, part string) []Row {
	rows, _, err := readPart(out, part)
	if err != nil {
		return nil
	}
	for _, r := range rows {
		for _, file := range r.Files() {
			if info, err := os.Stat(filepath.Join(out, file)); err != nil || info.Size() == 0 {
				return nil
			}
		}
	}
	return rows
}

// sparing refuses to go on where results of other images would be lost: of
// images that are still there, but were not named this time.
func sparing(out string, images []string) error {
	parts, err := finishedParts(out)
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, path := range images {
		named[paths.Absolute(path)] = true
	}
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		rows, _, err := readPart(out, part)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if !named[paths.Absolute(r.Image)] && paths.Exists(r.Image) {
				return fmt.Errorf("%s holds explanations of other images, as of %s; name those too, or a new folder", out, r.Image)
			}
		}
	}
	return nil
}

// finishedParts lists the parts there are.
func finishedParts(out string) (map[string]bool, error) {
	entries, err := os.ReadDir(filepath.Join(out, partsDir))
	if err != nil {
		return nil, err
	}
	done := map[string]bool{}
	for _, e := range entries {
		done[e.Name()] = true
	}
	return done, nil
}

// dropStale removes the parts of shards that are no longer in the input, with
// the files that only they name. part names the part of a shard that counts.
func dropStale(out string, shards []Shard, part func(Shard) string) error {
	stale, err := finishedParts(out)
	if err != nil {
		return err
	}
	for _, s := range shards {
		delete(stale, s.name())
		delete(stale, s.drawn())
	}
	if len(stale) == 0 {
		return nil
	}
	keep := map[string]bool{}
	for _, s := range shards {
		rows, _, err := readPart(out, part(s))
		if err != nil {
			return err
		}
		for _, r := range rows {
			for _, file := range r.Files() {
				keep[file] = true
			}
		}
	}
	for name := range stale {
		rows, _, err := readPart(out, name)
		if err != nil {
			return err
		}
		for _, r := range rows {
			for _, file := range r.Files() {
				if keep[file] {
					continue
				}
				if err := os.Remove(filepath.Join(out, file)); err != nil && !errors.Is(err, os.ErrNotExist) {
					return err
				}
			}
		}
		if err := os.Remove(filepath.Join(out, partsDir, name)); err != nil {
			return err
		}
	}
	return nil
}
