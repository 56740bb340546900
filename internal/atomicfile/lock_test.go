package atomicfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLockIsForOne(t *testing.T) {
	dir := t.TempDir()
	held, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), "in use by another oscar") {
		t.Errorf("a second lock: %v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Lock(dir)
	if err != nil {
		t.Fatalf("after it was released: %v", err)
	}
	again.Close()
}

func TestJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "numbers.json")
	if err := WriteJSON(path, map[string]int{"a": 1}); err != nil {
		t.Fatal(err)
	}
	var got map[string]int
	if err := ReadJSON(path, &got); err != nil || got["a"] != 1 {
		t.Errorf("read %v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := ReadJSON(path, &got); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken file: %v; want its name", err)
	}
	if err := WriteJSON(path, func() {}); err == nil {
		t.Error("a function was written")
	}
	if text, _ := os.ReadFile(path); string(text) != "{" {
		t.Errorf("what could not be written replaced the file by %q", text)
	}
}

func TestLockShared(t *testing.T) {
	dir := t.TempDir()
	var shared []*os.File
	for range 2 {
		f, err := LockShared(dir)
		if err != nil {
			t.Fatal(err)
		}
		shared = append(shared, f)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("locked while two share it: %v", err)
	}
	for _, f := range shared {
		f.Close()
	}
	alone, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if _, err := LockShared(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("shared while it is locked: %v", err)
	}
}

// The second to lock a unit waits, that of another unit does not.
func TestLockUnit(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	first, err := LockUnit(ctx, dir, 7)
	if err != nil {
		t.Fatal(err)
	}
	other, err := LockUnit(ctx, dir, 8)
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	short, cancel := context.WithTimeout(ctx, 120*time.Millisecond)
	defer cancel()
	if _, err := LockUnit(short, dir, 7); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked twice: %v", err)
	}
	go func() {
		time.Sleep(20 * time.Millisecond)
		first.Close()
	}()
	again, err := LockUnit(ctx, dir, 7)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
