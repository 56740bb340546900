package events

import (
	"bytes"
	"slices"
	"testing"
)

func TestRecords(t *testing.T) {
	want := [][]byte{[]byte("first"), {}, bytes.Repeat([]byte{7}, 300)}
	var file []byte
	for _, r := range want {
		file = appendRecord(file, r)
	}
	read := func(b []byte) (got [][]byte, err error) {
		for r, e := range Records(bytes.NewReader(b), 300) {
			if e != nil {
				return got, e
			}
			got = append(got, bytes.Clone(r))
		}
		return got, nil
	}
	got, err := read(file)
	if err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
	if _, err := read(appendRecord(nil, make([]byte, 301))); err == nil {
		t.Error("a record beyond the limit was read")
	}
	for i := range file {
		damaged := bytes.Clone(file)
		damaged[i] ^= 4
		if _, err := read(damaged); err == nil {
			t.Errorf("byte %d was changed without notice", i)
		}
		got, err := read(file[:i])
		if whole := i == 0 || i == len(appendRecord(nil, want[0])) || i == len(file)-len(appendRecord(nil, want[2])); (err == nil) != whole {
			t.Errorf("cut at %d: %d records, error %v", i, len(got), err)
		}
	}
}
