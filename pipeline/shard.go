package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/result"
)

// shard is a range of the sorted input that is explained and committed together.
type shard struct {
	number int
	part   string   // the name of its part of the manifest
	root   string   // absolute; results are named relative to it
	images []string // paths
	stamps []string // size and time of each image, so that a changed image makes a new shard
}

// shardsOf divides sorted paths into shards of a size.
func shardsOf(images []string, size int) []shard {
	root := commonDir(images)
	var out []shard
	for part := range slices.Chunk(images, size) {
		s := shard{number: len(out), root: root, images: part}
		s.stamp()
		out = append(out, s)
	}
	return out
}

// stamp records the sizes and times of the images, and names the part by them.
func (s *shard) stamp() {
	for _, path := range s.images {
		stamp := ""
		if info, err := os.Stat(path); err == nil {
			stamp = fmt.Sprint(info.Size(), info.ModTime().UnixNano())
		}
		s.stamps = append(s.stamps, stamp)
	}
	s.part = s.name()
}

// commonDir returns the deepest folder that contains all images.
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

// name returns the name of the shard's part of the manifest, by number and content.
func (s shard) name() string {
	h := sha256.New()
	fmt.Fprintln(h, s.root)
	for i, p := range s.images {
		fmt.Fprintln(h, p)
		fmt.Fprintln(h, s.stamps[i])
	}
	return fmt.Sprintf("%06d-%s.jsonl", s.number, hex.EncodeToString(h.Sum(nil)[:6]))
}

// readPart reads a part of the manifest. A part that differs from its checksum is an error.
func readPart(dir, name string) ([]Row, error) {
	list, err := checksum.ReadList(dir, name)
	if err != nil {
		return nil, err
	}
	text, err := list.ReadFile(dir, partsDir+"/"+name)
	if err != nil {
		return nil, err
	}
	return result.ParseRows(filepath.Join(dir, partsDir, name), text)
}

// writePart writes a part of the manifest atomically and syncs it. [listPart] lists its files when
// they are complete.
func writePart(dir, name string, rows []Row) error {
	text, err := encodeRows(rows)
	if err != nil {
		return err
	}
	if err := checksum.RemoveList(dir, name); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, partsDir, name), text)
}

// listPart lists a part and the files that its rows name.
func listPart(dir, name string, rows []Row) error {
	return checksum.WriteList(dir, name, filesOf(name, rows))
}

// filesOf returns the paths of a part and of the files that its rows name.
func filesOf(part string, rows []Row) []string {
	files := []string{partsDir + "/" + part}
	for _, r := range rows {
		for _, file := range r.Files() {
			files = append(files, filepath.ToSlash(file))
		}
	}
	return files
}

// mappedRows returns the rows of a part if the part and all its maps exist and can be drawn, else
// nil. Rows without names of drawings come from an older version with shared scales.
func mappedRows(dir, part string) []Row {
	rows, err := readPart(dir, part)
	if err != nil {
		return nil
	}
	for _, r := range rows {
		if (r.Map == "") != (r.Overlay == "") || r.Map == "" && r.Sheet != "" {
			return nil
		}
		if r.Map != "" && !hasFile(dir, r.Map) || !canDraw(dir, r) {
			return nil
		}
	}
	return rows
}

// partNames lists the parts in order, without journals and partial files.
func partNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, partsDir))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".jsonl") && !strings.HasSuffix(e.Name(), ".drawn.jsonl") && !strings.HasPrefix(e.Name(), atomicfile.Prefix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// refuseToDropImages returns an error if the folder has results of images that still exist but are
// not in the list.
func refuseToDropImages(dir string, images []string) error {
	parts, err := partNames(dir)
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, path := range images {
		named[paths.Absolute(path)] = true
	}
	for _, part := range parts {
		rows, err := readPart(dir, part)
		if err != nil {
			continue // its part is made again
		}
		for _, r := range rows {
			if !named[paths.Absolute(r.Image)] && paths.Exists(r.Image) {
				return fmt.Errorf("%s holds explanations of other images, as of %s; name those too, or a new folder", dir, r.Image)
			}
		}
	}
	return nil
}

// dropStale removes the parts and journals of shards that are not in the input, and the files that
// only they name.
func dropStale(dir string, shards []shard) error {
	current := map[string]bool{}
	for _, s := range shards {
		current[s.part] = true
	}
	lists, err := checksum.Lists(dir, nil)
	if err != nil {
		return err
	}
	for _, name := range lists {
		if !current[name] {
			if err := checksum.RemoveList(dir, name); err != nil {
				return err
			}
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, partsDir))
	if err != nil {
		return err
	}
	stale := slices.DeleteFunc(entries, func(e os.DirEntry) bool { return current[e.Name()] })
	if len(stale) == 0 {
		return nil
	}
	keep := map[string]bool{}
	for part := range current {
		rows, err := readPart(dir, part)
		if err != nil {
			return err
		}
		for _, r := range rows {
			for _, file := range r.Files() {
				keep[file] = true
			}
		}
	}
	for _, e := range stale {
		rows, err := readPart(dir, e.Name())
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		for _, r := range rows { // none if the part cannot be parsed
			for _, file := range r.Files() {
				if keep[file] {
					continue
				}
				if err := paths.RemoveLocal(dir, file); err != nil && !errors.Is(err, paths.ErrOutside) {
					return err
				}
			}
		}
		if err := os.Remove(filepath.Join(dir, partsDir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
