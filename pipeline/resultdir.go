package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/result"
)

// Files of a folder of explanations.
const (
	settingsFile = result.SettingsFile
	partsDir     = "parts"
	mapsDir      = "maps"
	overlaysDir  = "overlays"
	sheetsDir    = "sheets"
)

// explainKind describes folders of explanations.
var explainKind = resultdir.Kind{Mark: settingsFile}

// initResultDir creates the files and folders that a locked folder has before the first result. It
// returns an error if the folder has results with other settings.
func initResultDir(out string, s Settings, listener Listener) error {
	var before Settings
	err := checksum.ReadJSON(out, settingsFile, &before)
	if damage := err; checksum.Is(damage) {
		restored, err := checksum.RestoreJSON(out, settingsFile, s)
		if err != nil {
			return err
		}
		if !restored {
			return damage
		}
		listener.Note(fmt.Sprintf("%v; it is made again", damage))
	} else if errors.Is(err, os.ErrNotExist) { // it marks a folder of explanations
		err = checksum.WriteJSON(out, settingsFile, s)
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	} else if before != s && withDrawing(before, s) == s {
		return fmt.Errorf("%s holds explanations drawn with %s; draw them again with \"oscar draw %s\", or name a new folder", out, difference(before, s), out)
	} else if before != s {
		return fmt.Errorf("%s holds explanations made with %s; name a new folder", out, difference(before, s))
	}
	for _, dir := range []string{partsDir, mapsDir, overlaysDir} {
		if err := os.MkdirAll(filepath.Join(out, dir), 0o777); err != nil {
			return err
		}
	}
	return nil
}

// checkLists compares the lists of the parts with the folder's list. If a part's list is damaged it
// removes the part, which is then made again. The folder lists them only when all shards are done,
// because they change before.
func checkLists(dir string, listener Listener) error {
	root, err := checksum.Read(dir)
	if err != nil {
		return err
	}
	names, err := checksum.Lists(dir, root)
	if err != nil {
		return err
	}
	notes := &damageNotes{listener: listener}
	var unlist []string
	for _, name := range names {
		list := checksum.ListName(name)
		unlist = append(unlist, list)
		damaged, err := root.Damaged(dir, list)
		if err != nil {
			return err
		}
		_, err = checksum.ReadList(dir, name)
		if d, is := errors.AsType[*checksum.Damage](err); is && len(damaged) == 0 {
			damaged = append(damaged, d)
		} else if err != nil && !is {
			return err
		}
		for _, d := range damaged {
			notes.add(d)
			if err := removePart(dir, name); err != nil {
				return err
			}
		}
	}
	notes.end()
	return checksum.Remove(dir, unlist...)
}

// removePart removes a part and its list, so that the shard is explained again.
func removePart(dir, part string) error {
	return errors.Join(removeIfExists(filepath.Join(dir, partsDir, part)), checksum.RemoveList(dir, part))
}

// check removes the damaged files of a shard, so that they are made again. If a map is damaged it
// also removes the shard's part.
func (j explainJob) check(s shard, notes *damageNotes) error {
	if !paths.Exists(filepath.Join(j.dir, partsDir, s.part)) {
		return checksum.RemoveList(j.dir, s.part)
	}
	list, err := checksum.ReadList(j.dir, s.part)
	if err != nil {
		return err
	}
	damaged, err := list.Damaged(j.dir)
	if err != nil || len(damaged) == 0 {
		return err
	}
	rows, err := readPart(j.dir, s.part)
	again := err != nil
	for _, d := range damaged {
		notes.add(d)
		again = again || !isDrawing(rows, d.Name)
		switch err := paths.RemoveLocal(j.dir, d.Name); {
		case errors.Is(err, paths.ErrOutside):
			again = true // the file is outside: make it again under another name
		case err != nil:
			return err
		}
	}
	if again {
		return removePart(j.dir, s.part)
	}
	return checksum.RemoveList(j.dir, s.part)
}

// checkParts removes the damaged files of all shards, so that they are made again.
func (j explainJob) checkParts() error {
	notes := &damageNotes{listener: j.listener}
	defer notes.end()
	for _, s := range j.shards {
		if err := j.check(s, notes); err != nil {
			return err
		}
	}
	// These files are always made again.
	list, err := checksum.Read(j.dir)
	if err != nil {
		return err
	}
	damaged, err := list.Damaged(j.dir, result.ManifestFile, montageFile, scalesFile)
	for _, d := range damaged {
		notes.add(d)
	}
	return err
}

// isDrawing reports whether a file is a drawing of a row's map.
func isDrawing(rows []Row, file string) bool {
	for _, r := range rows {
		if file == filepath.ToSlash(r.Overlay) || file == filepath.ToSlash(r.Sheet) {
			return true
		}
	}
	return false
}

// damageNotes notes the names of the first damaged files and the number of the others.
type damageNotes struct {
	listener Listener
	n        int
}

func (n *damageNotes) add(d *checksum.Damage) {
	if n.n++; n.n <= maxDamaged {
		n.listener.Note(fmt.Sprintf("%v; it is made again", d))
	}
}

func (n *damageNotes) end() {
	if n.n > maxDamaged {
		n.listener.Note(fmt.Sprintf("%d more files are damaged or missing; they are made again", n.n-maxDamaged))
	}
}

// maxDamaged is the maximum number of damaged files that are named.
const maxDamaged = 5
