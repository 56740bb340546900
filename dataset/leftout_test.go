package dataset

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLeftOut(t *testing.T) {
	got := LeftOut([]Problem{
		{Path: "a/1", Reason: "empty file"}, {Path: "a/2", Reason: `no image (begins with "x (y)")`}, {Path: "a/3", Reason: "empty file"},
		{Path: "b/1", Reason: `no image (begins with "z")`}, {Path: "b/2", Reason: "empty file"}, {Path: "b/3", Reason: "empty file"},
		{Path: "b/4", Reason: "12 bytes long: the limit is 5"}, {Path: "b/5", Reason: "empty file"},
	})
	want := []string{
		"left out: a/1, a/3, b/2 and 2 more: empty file",
		`left out: a/2, b/1: the first is no image (begins with "x (y)")`,
		"left out: b/4: 12 bytes long: the limit is 5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := LeftOut(nil); len(got) != 0 {
		t.Errorf("of nothing: %q", got)
	}
}

func TestGrouped(t *testing.T) {
	got := Grouped([]string{"same: 1", "same: 2", "alone", "same: 3", "same: 4", "other: 1", "same: 5", "same: 6", "same: 7", "other: 2"})
	want := []string{"same: 1", "same: 2", "alone", "same: 3", "same: 4", "other: 1", "same: 5; and 2 more like it", "other: 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
