package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"oscar/dataset"
	"oscar/internal/checksum"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/tfmodel"
)

// features are the outputs of the layers before the head, by image path, for images without
// augmentation. Unreadable images are missing.
type features map[string][]float32

// extract computes the features of the train and validation parts, or reads them from the user's
// cache. If ctx is canceled, it stops between batches.
func (f *fitting) extract(ctx, work context.Context) error {
	if f.features != nil {
		return nil
	}
	items := slices.Concat(f.run.Split.Train, f.run.Split.Validation)
	path := f.run.featuresFile(items)
	if f.features = readFeatures(path, items); f.features != nil {
		return nil
	}
	f.listener.Stage("computing features")
	f.features = features{}
	for b, err := range f.loader.Batches(work, items, nil, 32) {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return f.interrupted()
		}
		rows, err := f.trainer.Features(work, tfmodel.Batch{N: b.N, Images: b.Images, Labels: b.Labels, Targets: targets(b.Items, f.run.Split)})
		if err != nil {
			return err
		}
		width := len(rows) / b.N
		for i, item := range b.Items {
			f.features[item.Path] = rows[i*width : (i+1)*width]
		}
		f.listener.Count(len(f.features), len(items))
	}
	f.skipped = 0
	if len(f.features) == 0 {
		return fmt.Errorf("none of the %d images in %s can be read", len(items), f.run.Images())
	}
	if err := f.features.write(path, items); err != nil {
		f.listener.Note(fmt.Sprintf("the features are not kept for another run: %v", err))
	}
	f.listener.Stage("training")
	return nil
}

// batches yields batches of the items in the given order (indices into items; nil:
// unchanged). It adds the number of items without features to skipped.
func (f features) batches(items []dataset.Item, order []int, size int, of *dataset.Split, skipped *int) iter.Seq2[tfmodel.Batch, error] {
	if order == nil {
		for i := range items {
			order = append(order, i)
		}
	}
	return func(yield func(tfmodel.Batch, error) bool) {
		for part := range slices.Chunk(order, size) {
			b := tfmodel.Batch{}
			var used []dataset.Item
			for _, i := range part {
				row, ok := f[items[i].Path]
				if !ok {
					*skipped++
					continue
				}
				b.N++
				b.Features, b.Labels = append(b.Features, row...), append(b.Labels, items[i].Class)
				used = append(used, items[i])
			}
			b.Weights, b.Targets = weights(used), targets(used, of)
			if b.N > 0 && !yield(b, nil) {
				return
			}
		}
	}
}

// featuresFile returns the path of the images' features in the user's cache, or "" if there is no
// cache. Its name is a hash of everything that the features depend on.
func (r *Run) featuresFile(items []dataset.Item) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	sums, err := os.ReadFile(r.Path(PretrainedDir, checksum.File))
	if err != nil {
		return ""
	}
	h := sha256.New()
	h.Write(sums)
	if a := r.Experiment.Architecture; !a.Imports() {
		layers, err := json.Marshal(a.Layers[:len(a.Layers)-1])
		if err != nil {
			return ""
		}
		h.Write(layers)
	}
	io.WriteString(h, fmt.Sprintln(r.Experiment.Data.Framing(r.Experiment.Architecture.Input), dataset.DecoderName(runtime.Version()), graph.Version()))
	for _, item := range items {
		if item.SHA256 == "" {
			return ""
		}
		io.WriteString(h, item.SHA256+"\n")
	}
	return filepath.Join(cache, "oscar", "features", hex.EncodeToString(h.Sum(nil)[:16])+".npy")
}

// readFeatures reads the features of images. It returns nil if the file lacks some.
func readFeatures(path string, items []dataset.Item) features {
	shape, values, err := npy.Read(path)
	if path == "" || err != nil || len(shape) != 2 || shape[0] != len(items) || shape[1] < 1 {
		return nil
	}
	f := features{}
	for i, item := range items {
		f[item.Path] = values[i*shape[1] : (i+1)*shape[1]]
	}
	return f
}

// maxFeatures is the maximum number of files in the cache.
const maxFeatures = 16

// write writes the features if all images have them, and removes the oldest files of the cache.
func (f features) write(path string, items []dataset.Item) error {
	if path == "" || len(f) != len(items) {
		return nil
	}
	var flat []float32
	for _, item := range items {
		flat = append(flat, f[item.Path]...)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := npy.Write(path, []int{len(items), len(flat) / len(items)}, flat); err != nil {
		return err
	}
	kept, err := filepath.Glob(filepath.Join(dir, "*.npy"))
	if err != nil {
		return err
	}
	age := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			return 0
		}
		return info.ModTime().UnixNano()
	}
	slices.SortFunc(kept, func(a, b string) int { return int(age(b)/1e6 - age(a)/1e6) })
	for _, old := range kept[min(maxFeatures, len(kept)):] {
		if err := os.Remove(old); err != nil {
			return err
		}
	}
	return nil
}
