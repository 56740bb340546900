package experiment

import (
	"cmp"
	"context"
	"fmt"

	"oscar/dataset"
)

// Data configures how images are read and split.
type Data struct {
	// Root is the folder of the images. A relative path is relative to the run folder.
	// [oscar/pipeline.Train] sets it, but keeps a given one for a table.
	Root string `json:"root"`
	// Fractions are the shares of train, validation and test.
	Fractions [3]float64 `json:"fractions"`
	// Interpolation resizes images to the network's input.
	Interpolation dataset.Interpolation `json:"interpolation"`
	// Aspect selects how images of other proportions are fitted to the input; "": [dataset.Stretch].
	// Padding is the gray of letterbox's bars.
	Aspect  dataset.Aspect `json:"aspect,omitempty"`
	Padding int            `json:"padding,omitempty"`
	// Columns are the columns of a table of images; see [dataset.Columns].
	Columns dataset.Columns `json:"columns,omitzero"`
	// Classes is a file with the names of a table's classes, in order; "": the labels
	// are the names.
	Classes string `json:"classes,omitempty"`
	// MaxPixels is the largest number of pixels of an image.
	MaxPixels int64 `json:"max_pixels"`
	// MaxBytes is the largest size of a file.
	MaxBytes int64 `json:"max_bytes"`
	// Strict makes an unreadable file an error.
	Strict bool `json:"strict,omitempty"`
	// Groups selects the images that stay in one part: near_duplicates, a table FILE.csv, or a regular
	// expression on the path; see [dataset.Folder.Group]. "": none.
	Groups string `json:"groups,omitempty"`
	// NearDuplicateDistance is the maximum number of bits in which the fingerprints of near duplicates
	// differ; nil: [dataset.DefaultNearDuplicateDistance].
	NearDuplicateDistance *int `json:"near_duplicate_distance,omitempty"`
}

// Limits returns the limits for reading images.
func (d Data) Limits() dataset.Limits {
	return dataset.Limits{MaxPixels: d.MaxPixels, MaxBytes: d.MaxBytes}
}

// Framing returns how an image becomes the network's input, [height,width,3].
func (d Data) Framing(input []int) dataset.Framing {
	return dataset.Framing{Height: input[0], Width: input[1], Interpolation: d.Interpolation, Aspect: d.Aspect, Padding: d.Padding}
}

// Scan lists the images below root and groups them. It replaces the limits in opts by d's.
func (d Data) Scan(ctx context.Context, root string, opts dataset.ScanOptions) (*dataset.Folder, error) {
	opts.Limits = d.Limits()
	if dataset.IsGroupFile(d.Groups) { // before images are read, which can take long
		if _, err := dataset.ReadFile(d.Groups, opts.Limits); err != nil {
			return nil, fmt.Errorf("cannot read groups %q: %w", d.Groups, err)
		}
	}
	opts.Table = dataset.TableOptions{Columns: d.Columns, Classes: d.Classes, GroupBy: d.Groups}
	if dataset.IsTable(root) {
		opts.Table.Root = d.Root
	}
	folder, err := dataset.Scan(ctx, root, opts)
	if err != nil {
		return nil, err
	}
	return folder, folder.Group(ctx, d.Groups, d.distance(), opts)
}

// distance returns the maximum distance of near duplicates.
func (d Data) distance() int {
	if d.NearDuplicateDistance == nil {
		return dataset.DefaultNearDuplicateDistance
	}
	return *d.NearDuplicateDistance
}

func (d Data) check() error {
	if _, err := dataset.ParseInterpolation(string(d.Interpolation)); err != nil {
		return err
	}
	if err := dataset.CheckAspect(d.Aspect, d.Padding); err != nil {
		return err
	}
	f := d.Fractions
	if _, err := dataset.ParseFractions(fmt.Sprintf("%v,%v,%v", f[0], f[1], f[2])); err != nil {
		return err
	}
	switch {
	case d.MaxPixels < 0:
		return fmt.Errorf("max-pixels is %d, want 0 or more", d.MaxPixels)
	case d.MaxBytes < 0:
		return fmt.Errorf("max-bytes is %d, want 0 or more", d.MaxBytes)
	case d.NearDuplicateDistance != nil && d.Groups != dataset.GroupByNearDuplicates:
		return fmt.Errorf("near_duplicate_distance is %d, which only groups: near_duplicates has", *d.NearDuplicateDistance)
	}
	return cmp.Or(dataset.CheckGroupRule(d.Groups), dataset.CheckNearDuplicateDistance(d.distance()))
}
