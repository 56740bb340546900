package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/internal/resultdir"
	"oscar/result"
	"oscar/run"
)

// DrawOptions are the options of [Draw]. A zero setting keeps the folder's.
type DrawOptions struct {
	Dir            string // the folder of explanations
	ColorMap       string
	Alpha          float64
	SignedColorMap string
	SignedAlpha    float64
	Scale          string
	Bare           *bool // nil: keep the folder's setting
	Machine        Machine
	Listener       Listener
	Progress       func(Progress)
}

// apply returns s with the settings of the options.
func (o DrawOptions) apply(s Settings) Settings {
	set(&s.ColorMap, o.ColorMap)
	set(&s.Alpha, o.Alpha)
	set(&s.SignedColorMap, o.SignedColorMap)
	set(&s.SignedAlpha, o.SignedAlpha)
	set(&s.Scale, o.Scale)
	if o.Bare != nil {
		s.Bare = *o.Bare
	}
	return s
}

func set[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}

// Check returns an error for the first option that is invalid for every folder.
func (o DrawOptions) Check() error {
	return errors.Join(CheckSettings(o.apply(DefaultSettings())), o.Machine.Check())
}

// Draw draws the overlays, sheets and montage of a folder of explanations again, from the saved maps
// and without the model. It keeps drawings with the same settings. The images must still be at their
// paths.
func Draw(ctx context.Context, o DrawOptions) (_ *Summary, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	path := filepath.Join(o.Dir, settingsFile)
	if !paths.Exists(path) {
		return nil, fmt.Errorf("%s has no %s: it is not a folder of explanations", o.Dir, settingsFile)
	}
	if result.IsOfDetector(o.Dir, settingsFile) {
		return nil, fmt.Errorf("%s explains objects of a detector: see instance.Draw", o.Dir)
	}
	dir, err := resultdir.Open(o.Dir, explainKind)
	if err != nil {
		return nil, err
	}
	defer run.Release(ctx, dir, &err)
	var before Settings
	if err := checksum.ReadJSON(o.Dir, settingsFile, &before); err != nil {
		return nil, err
	}
	if !paths.Exists(filepath.Join(o.Dir, result.ManifestFile)) {
		return nil, fmt.Errorf("%s has no %s: the explanations are not finished; continue with the same \"oscar explain\"", o.Dir, result.ManifestFile)
	}
	shards, err := shardsIn(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := checksum.Remove(o.Dir, listsOf(shards)...); err != nil { // the lists change
		return nil, err
	}
	s := o.apply(before)
	if s != before {
		// If the process is killed after this line, the next call removes the rest.
		if err := discardDrawings(o.Dir); err != nil {
			return nil, err
		}
		if err := dropDrawings(o.Dir, shards); err != nil {
			return nil, err
		}
		if err := checksum.WriteJSON(o.Dir, settingsFile, s); err != nil {
			return nil, err
		}
	}
	p, err := newPainter(s, o.Dir)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if err := p.setScales(shards); err != nil {
		return nil, err
	}
	job := explainJob{o.Dir, shards, o.Machine, o.Listener, o.Progress}
	if err := job.checkParts(); err != nil {
		return nil, err
	}
	summary := &Summary{}
	if summary.Earlier, err = job.draw(ctx, p); err != nil {
		return nil, err
	}
	return summary, job.finish(ctx, p, summary)
}

// shardsIn returns the shards of a finished folder, one per part.
func shardsIn(dir string) ([]shard, error) {
	names, err := partNames(dir)
	if err != nil {
		return nil, err
	}
	var out []shard
	for i, name := range names {
		rows := mappedRows(dir, name)
		whole, err := mapsWhole(dir, name, rows)
		if err != nil {
			return nil, err
		}
		if rows == nil || !whole {
			return nil, fmt.Errorf("%s: maps of %s are missing or damaged, or an older oscar made them; make them with the same \"oscar explain\"", dir, name)
		}
		s := shard{number: i, part: name}
		for _, r := range rows {
			if n := len(s.images); n == 0 || s.images[n-1] != r.Image {
				s.images = append(s.images, r.Image)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// mapsWhole reports whether a part's maps and list have their checksums.
func mapsWhole(dir, part string, rows []Row) (bool, error) {
	if err := checksum.Check(dir, checksum.ListName(part)); checksum.Is(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	list, err := checksum.ReadList(dir, part)
	if checksum.Is(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	var maps []string
	for _, r := range rows {
		maps = append(maps, filepath.ToSlash(r.Map))
	}
	damaged, err := list.Damaged(dir, append(maps, partsDir+"/"+part)...)
	return len(damaged) == 0, err
}

// listsOf returns the paths of the lists of shards.
func listsOf(shards []shard) []string {
	var names []string
	for _, s := range shards {
		names = append(names, checksum.ListName(s.part))
	}
	return names
}

// dropDrawings removes deleted drawings from the shards' lists, so that they are not reported as
// lost.
func dropDrawings(dir string, shards []shard) error {
	for _, s := range shards {
		list, err := checksum.ReadList(dir, s.part)
		if err != nil {
			return err
		}
		if list == nil { // the folder is of an older version
			continue
		}
		if err := checksum.WriteList(dir, s.part, list.Names()); err != nil {
			return err
		}
	}
	return nil
}

// DiscardDrawings removes the drawings of finished explanations. [Draw] can make them again.
func DiscardDrawings(dir string) error {
	shards, err := shardsIn(dir)
	if err != nil {
		return err
	}
	lists := listsOf(shards)
	for _, step := range []func() error{
		func() error { return checksum.Remove(dir, lists...) }, // the lists change
		func() error { return discardDrawings(dir) },
		func() error { return dropDrawings(dir, shards) },
		func() error { return checksum.Update(dir, lists...) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// discardDrawings removes all drawings.
func discardDrawings(dir string) error {
	return errors.Join(checksum.Remove(dir, montageFile, scalesFile),
		os.RemoveAll(filepath.Join(dir, overlaysDir)), os.RemoveAll(filepath.Join(dir, sheetsDir)),
		removeIfExists(filepath.Join(dir, montageFile)), removeIfExists(filepath.Join(dir, scalesFile)),
		os.MkdirAll(filepath.Join(dir, overlaysDir), 0o777),
	)
}
