package pipeline

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strconv"

	"oscar/dataset"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/run"
)

// DuplicatesOptions are the options of [Duplicates].
type DuplicatesOptions struct {
	Data     string // folder with one sub-folder per class
	Distance int    // largest distance of the fingerprints; see [dataset.Folder.NearDuplicates]
	Table    string // new CSV file, which [dataset.Folder.Group] reads; "": none
	Sheet    string // new PNG file that shows some groups; "": none
	Machine  Machine
	Listener Listener
}

// DuplicatesResult is what [Duplicates] finds.
type DuplicatesResult struct {
	Images  int // number of images
	Classes []string
	Groups  [][]dataset.NearDuplicate
}

const (
	sheetGroups = 12
	sheetImages = 6 // images per group
)

// Check returns an error for the first invalid option.
func (o DuplicatesOptions) Check() error {
	if err := dataset.CheckNearDuplicateDistance(o.Distance); err != nil {
		return err
	}
	if o.Table != "" && o.Table == o.Sheet {
		return fmt.Errorf("--out and --sheet are both %s", o.Table)
	}
	for _, path := range []string{o.Table, o.Sheet} {
		if path == "" {
			continue
		}
		if err := atomicfile.CheckNew(path); err != nil {
			return err
		}
	}
	return nil
}

// Duplicates lists near-duplicate images.
func Duplicates(ctx context.Context, o DuplicatesOptions) (*DuplicatesResult, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	opts := dataset.ScanOptions{Limits: o.Machine.Limits, Hashes: run.Hashes(), Unsplit: true, Workers: o.Machine.Workers, Progress: o.Listener.Count}
	o.Listener.Stage("reading images")
	folder, err := dataset.Scan(ctx, o.Data, opts)
	if err != nil {
		return nil, interruptedBefore(ctx, err)
	}
	o.Listener.Stage("comparing images")
	groups, err := folder.NearDuplicates(ctx, o.Distance, opts)
	if err != nil {
		return nil, interruptedBefore(ctx, err)
	}
	o.Listener.Note(dataset.LeftOut(folder.Unreadable)...)
	if err := o.Check(); err != nil { // the files may have appeared in the meantime
		return nil, err
	}
	r := &DuplicatesResult{Images: len(folder.Items), Classes: folder.Classes, Groups: groups}
	if o.Table != "" {
		if err := r.writeTable(o.Table); err != nil {
			return nil, err
		}
	}
	if o.Sheet != "" {
		return r, r.drawSheet(o.Sheet, folder.Root, o.Machine.Limits)
	}
	return r, nil
}

// writeTable writes a row per image.
func (r *DuplicatesResult) writeTable(path string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"group", "path", "class", "distance"}}
	for i, group := range r.Groups {
		for _, image := range group {
			class := ""
			if image.Class >= 0 {
				class = r.Classes[image.Class]
			}
			rows = append(rows, []string{strconv.Itoa(i + 1), image.Path, class, strconv.Itoa(image.Distance)})
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return atomicfile.Output(path, atomicfile.Bytes(b.Bytes()))
}

// drawSheet draws some groups, chosen at random with a fixed seed, one per row.
func (r *DuplicatesResult) drawSheet(path, root string, limits dataset.Limits) error {
	if len(r.Groups) == 0 {
		return fmt.Errorf("there is nothing to draw in %s: no two images are near duplicates", path)
	}
	var rows [][]heatmap.Tile
	for _, i := range dataset.Order(len(r.Groups), 1, 0)[:min(len(r.Groups), sheetGroups)] {
		var row []heatmap.Tile
		group := r.Groups[i]
		for n, near := range group[:min(len(group), sheetImages)] {
			img, err := dataset.DecodeFile(filepath.Join(root, filepath.FromSlash(near.Path)), limits)
			if err != nil {
				return fmt.Errorf("%s: %w", near.Path, err)
			}
			name := near.Path
			if !heatmap.Drawable(name) {
				name = fmt.Sprintf("group %d, image %d", i+1, n+1) // the same numbers as in the table
			}
			row = append(row, heatmap.Tile{Image: img, Caption: fmt.Sprintf("%s, distance %d", name, near.Distance)})
		}
		if more := len(group) - len(row); more > 0 {
			row[len(row)-1].Caption += fmt.Sprintf(", and %d more", more)
		}
		rows = append(rows, row)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return heatmap.WritePNG(path, heatmap.Montage(rows, image.Pt(200, 200), color.White))
}
