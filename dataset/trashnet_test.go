package dataset

import (
	"os"
	"testing"
)

// TrashNet is not part of the repository: OSCAR_TRASHNET names the folder with
// its six classes.
func TestTrashNet(t *testing.T) {
	root := os.Getenv("OSCAR_TRASHNET")
	if root == "" {
		t.Skip("OSCAR_TRASHNET names no folder with the photographs")
	}
	folder, err := Scan(t.Context(), root, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(folder.Classes) != 6 || len(folder.Items) < 2000 || len(folder.Unreadable) > 0 {
		t.Errorf("%d classes, %d items, unreadable %v", len(folder.Classes), len(folder.Items), folder.Unreadable)
	}
	split := mustSplit(t, folder, DefaultFractions, 1)
	l := newLoader(t, LoaderOptions{Root: root, Framing: Framing{Height: 227, Width: 227}})
	for batch, err := range l.Batches(t.Context(), split.Test, Order(len(split.Test), 1, 0)[:48], 32) {
		if err != nil {
			t.Fatal(err)
		}
		var sum int
		for _, v := range batch.Images {
			sum += int(v)
		}
		if mean := sum / len(batch.Images); mean < 100 || mean > 220 {
			t.Errorf("mean pixel %d: photos on a light background are about 170", mean)
		}
	}
}
