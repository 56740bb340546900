package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/testkit"
)

// eachStore calls test with a copy of a folder's store and of a bucket's.
func eachStore(t *testing.T, test func(t *testing.T, c *Copy)) {
	t.Run("folder", func(t *testing.T) { test(t, opened(t, "file://"+t.TempDir())) })
	t.Run("s3", func(t *testing.T) {
		testkit.NewS3Server(t)
		test(t, opened(t, "s3://bucket/a prefix/job"))
	})
}

func opened(t *testing.T, url string) *Copy {
	t.Helper()
	c, err := Open(t.Context(), url, filepath.Join(t.TempDir(), "scratch"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil || fileExists(c.Dir) {
			t.Errorf("closed: %v", err)
		}
	})
	return c
}

func fileExists(path string) bool { _, err := os.Lstat(path); return err == nil }

// send writes files into a store, past the copy.
func send(t *testing.T, c *Copy, files map[string]string) {
	t.Helper()
	for key, text := range files {
		path := filepath.Join(t.TempDir(), "file")
		testkit.Write(t, path, text)
		if err := c.objects.put(t.Context(), path, key); err != nil {
			t.Fatal(err)
		}
	}
}

// stored reads all objects of a store.
func stored(t *testing.T, c *Copy) map[string]string {
	t.Helper()
	files := map[string]string{}
	for o, err := range c.objects.list(t.Context(), "", true) {
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "file")
		if err := c.objects.get(t.Context(), o.key, path); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(o.modified) || o.size != int64(len(b)) {
			t.Errorf("%s is listed with %d bytes of %v; it has %d of %v", o.key, o.size, o.modified, len(b), info.ModTime())
		}
		files[o.key] = string(b)
	}
	return files
}

func TestObjects(t *testing.T) {
	eachStore(t, func(t *testing.T, c *Copy) {
		large := strings.Repeat("0123456789abcdef", 20<<20/16) // in two parts
		files := map[string]string{
			"a": "one", "photos2/x": "", "pictures/a b.png": "two", "pictures/ü #1%+?&.png": "three", "pictures/deep/er/c": "four", "large": large,
		}
		send(t, c, files)
		if got := stored(t, c); len(got) != 6 || got["pictures/ü #1%+?&.png"] != "three" || got["large"] != large || got["photos2/x"] != "" {
			t.Errorf("has %d objects", len(got))
		}
		keys := func(prefix string, deep bool) (keys []string) {
			for o, err := range c.objects.list(t.Context(), prefix, deep) {
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, o.key)
			}
			slices.Sort(keys)
			return keys
		}
		if got := keys("pictures/", false); !slices.Equal(got, []string{"pictures/a b.png", "pictures/ü #1%+?&.png"}) {
			t.Errorf("in pictures: %q", got)
		}
		if got := keys("nothing/", true); len(got) != 0 {
			t.Errorf("in nothing: %q", got)
		}
		path := filepath.Join(t.TempDir(), "file")
		if err := c.objects.get(t.Context(), "nothing", path); !errors.Is(err, fs.ErrNotExist) || fileExists(path) {
			t.Errorf("what does not exist: %v", err)
		}
		send(t, c, map[string]string{"a": "new"})
		if err := errors.Join(c.objects.remove(t.Context(), "large"), c.objects.remove(t.Context(), "large")); err != nil {
			t.Error(err)
		}
		if got := stored(t, c); got["a"] != "new" || len(got) != 5 {
			t.Errorf("changed: %d objects", len(got))
		}
	})
}

func TestCopy(t *testing.T) {
	eachStore(t, func(t *testing.T, c *Copy) {
		send(t, c, map[string]string{"run/model": "m", "run2/model": "other", "photos/a/1": "first", "photos/a/2": "second", "job/units": "u", "job/parts/1": "p"})
		ctx := t.Context()
		if err := c.Pull(ctx, "run", "photos/a/1"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.PullFolder(ctx, "job", false), c.PullFolder(ctx, "none", true), c.Get(ctx, "photos/none"), c.Outline(ctx, "photos")); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"run/model": "m", "photos/a/1": strings.Repeat("\x00", 5), "photos/a/2": strings.Repeat("\x00", 6), "job/units": "u", "job/.lock": ""}
		if got := testkit.Tree(t, c.Dir); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the copy has %q", got)
		}
		for name, want := range map[string]string{
			"../x": `"../x" is not a name within the store`, "/x": `"/x" is not a name within the store`,
			"none": c.objects.place("none") + ": file does not exist, and nothing below it",
		} {
			testkit.WantError(t, c.Pull(ctx, name), want)
		}
		testkit.Write(t, c.path("job/new/file"), "n")
		testkit.Write(t, c.path("job/units"), "v")
		testkit.Write(t, c.path("elsewhere"), "not sent")
		testkit.Write(t, c.path("job/.partial-x"), "not sent")
		if err := c.Push(ctx, "job", "units"); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(c.path("job/new/file")); err != nil {
			t.Fatal(err)
		}
		if err := c.Push(ctx, "job"); err != nil {
			t.Fatal(err)
		}
		got := stored(t, c)
		if _, removed := got["job/new/file"]; removed || got["job/units"] != "v" || got["job/parts/1"] != "p" || len(got) != 6 {
			t.Errorf("the store has %q", got)
		}
	})
}

// A unit is finished if its commit and all that this names is there, and not otherwise.
func TestCommit(t *testing.T) {
	eachStore(t, func(t *testing.T, c *Copy) {
		ctx := t.Context()
		send(t, c, map[string]string{"job/settings": "s"})
		if err := c.PullFolder(ctx, "job", false); err != nil {
			t.Fatal(err)
		}
		begun := testkit.Tree(t, c.Dir)
		made := map[string]string{"job/maps/1": "map", "job/parts/p.jsonl": "row", "job/SHA256SUMS": "not sent"}
		committed := func(want bool, why string) {
			t.Helper()
			c.Begin()
			if got, err := c.Committed(ctx, "job", "p.jsonl"); err != nil || got != want {
				t.Errorf("%s: committed %v, %v", why, got, err)
			}
			if err := c.Rollback("job"); err != nil {
				t.Error(err)
			}
			if got := testkit.Tree(t, c.Dir); fmt.Sprint(got) != fmt.Sprint(begun) {
				t.Errorf("%s: the copy has %q", why, got)
			}
		}
		do := func() {
			t.Helper()
			c.Begin()
			for name, text := range made {
				testkit.Write(t, c.path(name), text)
			}
			if err := errors.Join(c.Commit(ctx, "job", "p.jsonl"), c.Rollback("job")); err != nil {
				t.Fatal(err)
			}
		}
		committed(false, "before")
		do()
		committed(true, "after")
		whole := stored(t, c)
		if len(whole) != 4 || whole["job/maps/1"] != "map" {
			t.Fatalf("the store has %q", whole)
		}
		for key, text := range whole {
			if key == "job/settings" {
				continue
			}
			for _, other := range []string{text[:len(text)-1], "", text + " ", strings.ToUpper(text)} {
				send(t, c, map[string]string{key: other})
				committed(false, fmt.Sprintf("%s is %q", key, other))
			}
			if err := c.objects.remove(ctx, key); err != nil {
				t.Fatal(err)
			}
			committed(false, "no "+key)
			do()
			committed(true, "again")
		}
		if got := stored(t, c); fmt.Sprint(got) != fmt.Sprint(whole) {
			t.Errorf("the store has %q, want %q", got, whole)
		}
		// A unit whose files are not all sent has no commit.
		made["job/maps/2"] = "second"
		c.Begin()
		for name, text := range made {
			testkit.Write(t, c.path(name), text)
		}
		failing := c.objects
		c.objects = faulty{failing, "job/maps/2"}
		if err := errors.Join(failing.remove(ctx, commitName("job", "p.jsonl")), c.Commit(ctx, "job", "p.jsonl")); !errors.Is(err, errFault) {
			t.Errorf("a fault: %v", err)
		}
		c.objects = failing
		if err := c.Rollback("job"); err != nil {
			t.Error(err)
		}
		committed(false, "after a fault")

		// What only old units name is removed.
		do()
		c.Begin()
		testkit.Write(t, c.path("job/maps/1"), "map")
		if err := c.Retire(ctx, "job", map[string]bool{}); err != nil {
			t.Fatal(err)
		}
		got := stored(t, c)
		if _, kept := got["job/maps/1"]; len(got) != 2 || !kept {
			t.Errorf("without old units: %q", got)
		}
	})
}

var errFault = errors.New("fault")

// faulty does not take an object.
type faulty struct {
	objects
	key string
}

func (f faulty) put(ctx context.Context, path, key string) error {
	if key == f.key {
		return errFault
	}
	return f.objects.put(ctx, path, key)
}

// Opening removes what killed processes left, and nothing else.
func TestOpenCleans(t *testing.T) {
	url, scratch := "file://"+t.TempDir(), t.TempDir()
	first, err := Open(t.Context(), url, scratch)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Write(t, first.path("a/b"), "x")
	first.lock.Close() // its process is killed
	second, err := Open(t.Context(), url, scratch)
	if err != nil {
		t.Fatal(err)
	}
	third, err := Open(t.Context(), url, scratch)
	if err != nil {
		t.Fatal(err)
	}
	if fileExists(first.Dir) || !fileExists(second.Dir) || !fileExists(third.Dir) {
		t.Error("the wrong copies were removed")
	}
	if err := errors.Join(second.Close(), third.Close()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
