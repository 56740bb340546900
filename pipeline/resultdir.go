package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/result"
)

// Within a folder of explanations.
const (
	settingsFile = result.SettingsFile
	partsDir     = "parts"
	mapsDir      = "maps"
	overlaysDir  = "overlays"
	sheetsDir    = "sheets"
)

// prepare makes the folder of results, or checks that it holds results of the
// same settings and removes what a killed process left. It returns the lock,
// which this process has until it is closed.
func prepare(out string, s Settings) (*os.File, error) {
	if err := matches(out, s); err != nil { // before anything is made
		return nil, err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return nil, fmt.Errorf("cannot make the folder %s: %w", out, paths.TrimError(err))
	}
	lock, err := atomicfile.Lock(out)
	if err != nil {
		return nil, err
	}
	if err := initResultDir(out, s); err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

// initResultDir makes the files and folders that exist before the first result.
func initResultDir(out string, s Settings) error {
	if err := matches(out, s); err != nil { // another process may have come before
		return err
	}
	// The settings come first: they mark the folder as one of explanations.
	if path := filepath.Join(out, settingsFile); !paths.Exists(path) {
		if err := atomicfile.WriteJSON(path, s); err != nil {
			return err
		}
	}
	for _, dir := range []string{partsDir, mapsDir, overlaysDir} {
		if err := os.MkdirAll(filepath.Join(out, dir), 0o777); err != nil {
			return err
		}
	}
	return filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = atomicfile.Clean(path)
		}
		return err
	})
}

// matches reports a folder that cannot take results of these settings: it has
// those of others, or something else.
func matches(out string, s Settings) error {
	var before Settings
	err := atomicfile.ReadJSON(filepath.Join(out, settingsFile), &before)
	switch {
	case err == nil && before != s && withDrawing(before, s) == s:
		return fmt.Errorf("%s holds explanations drawn with %s; draw them again with \"oscar draw %s\", or name a new folder", out, difference(before, s), out)
	case err == nil && before != s:
		return fmt.Errorf("%s holds explanations made with %s; name a new folder", out, difference(before, s))
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		if _, err := os.Stat(out); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if _, err = (resultdir.Kind{}).Check(out); err != nil && paths.Exists(filepath.Join(out, settingsFile)) {
			return matches(out, s) // they have just come
		}
	}
	return err
}
