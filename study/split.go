package study

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"oscar/dataset"
	runfolder "oscar/run"
)

// splits divides the images: one split for all seeds, or one for each seed.
func (s Study) splits(folder *dataset.Folder) (map[uint64]*dataset.Split, error) {
	e, err := s.base()
	if err != nil {
		return nil, err
	}
	out := map[uint64]*dataset.Split{}
	for _, seed := range s.Seeds {
		of := s.splitSeed(seed)
		if out[seed] = out[of]; out[seed] != nil {
			continue
		}
		if out[seed], err = dataset.NewSplit(folder, e.Data.Fractions, of); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// splitSeed returns the seed of a run's split.
func (s Study) splitSeed(seed uint64) uint64 {
	if s.Split == SeedSplit {
		return seed
	}
	return s.Seeds[0]
}

// splitFile names the file of a seed's split.
func (s Study) splitFile(seed uint64) string {
	if s.Split == SeedSplit {
		return fmt.Sprintf("split-%d.json", seed)
	}
	return "split.json"
}

// atMost returns the split with at most perClass training images of each class, chosen by a hash of
// seed and content. Validation and test part do not change.
func atMost(s *dataset.Split, perClass int) (*dataset.Split, error) {
	place := func(item dataset.Item) string {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", s.Seed, item.SHA256))
		return string(sum[:])
	}
	byPlace := slices.Clone(s.Train)
	slices.SortStableFunc(byPlace, func(a, b dataset.Item) int { return cmp.Compare(place(a), place(b)) })
	taken, kept := map[int]int{}, map[string]bool{}
	for _, item := range byPlace {
		if taken[item.Class] < perClass {
			taken[item.Class]++
			kept[item.Path] = true
		}
	}
	out := *s
	out.Train = slices.DeleteFunc(slices.Clone(s.Train), func(item dataset.Item) bool { return !kept[item.Path] })
	out.Notes = append(slices.Clone(s.Notes), fmt.Sprintf("cut to at most %d training images of a class", perClass))
	// ReadSplit compares the new hash with the rest of the file.
	out.Hash = ""
	text, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	out.Hash = hex.EncodeToString(sum[:])
	return &out, nil
}

// imageNotes returns the notes on the images of the first split.
func (j *job) imageNotes() []string {
	split := j.splits[j.Study.Seeds[0]]
	return append(dataset.Grouped(split.Notes), dataset.LeftOut(split.Unreadable)...)
}

// trainCounts counts the training images of each class.
func trainCounts(s *dataset.Split) []int {
	counts := make([]int, len(s.Classes))
	for _, item := range s.Train {
		counts[item.Class]++
	}
	return counts
}

// scan reads the folder of images.
func (o Options) scan(ctx context.Context) (*dataset.Folder, error) {
	e, err := o.Study.base()
	if err != nil {
		return nil, err
	}
	o.Listener.Stage("reading images")
	folder, err := e.Data.Scan(ctx, o.Data, dataset.ScanOptions{
		Verify: true, Hashes: runfolder.Hashes(), Workers: o.Machine.Workers, Progress: o.Listener.Count,
	})
	if err != nil {
		return nil, err
	}
	if e.Data.Strict && len(folder.Unreadable) > 0 {
		p := folder.Unreadable[0]
		return nil, fmt.Errorf("%d files cannot be read, the first is %s: %s", len(folder.Unreadable), p.Path, p.Reason)
	}
	if folder.MultiLabel {
		return nil, errors.New("a study needs one class per image, and the images have several labels; name a column with data.columns.label")
	}
	return folder, nil
}
