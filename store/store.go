// Package store keeps the files of jobs in an object store (Amazon S3 or a compatible server) or in
// a folder. Programs work on a [Copy], a private folder with the files that they need.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
)

// ErrUnavailable is wrapped by errors that may be temporary: the store cannot be reached, does not
// answer, or reports an internal error.
var ErrUnavailable = errors.New("the store is not available")

// object is a file of a store. It is never incomplete.
type object struct {
	key      string // path in the store, with slashes
	size     int64
	modified time.Time // in whole seconds
}

// objects is a store. Its methods may be called concurrently. The error for a missing object wraps
// [fs.ErrNotExist].
type objects interface {
	// list yields the objects whose keys start with prefix. Without deep it skips keys with a slash
	// after the prefix.
	list(ctx context.Context, prefix string, deep bool) iter.Seq2[object, error]
	// get writes an object to a file.
	get(ctx context.Context, key, path string) error
	put(ctx context.Context, path, key string) error
	remove(ctx context.Context, key string) error
	// place returns the URL of a key for messages.
	place(key string) string
}

// open opens the store at a URL: s3://BUCKET/PREFIX or file:///FOLDER.
func open(ctx context.Context, name string) (objects, error) {
	u, err := url.Parse(name)
	switch {
	case err != nil || !paths.IsStore(name) || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("%q is no store, want s3://BUCKET/PREFIX or file:///FOLDER", name)
	case u.Scheme == "file" && u.Host == "" && filepath.IsAbs(u.Path):
		if info, err := os.Stat(u.Path); err != nil {
			return nil, fmt.Errorf("%s: %w", name, paths.TrimError(err))
		} else if !info.IsDir() {
			return nil, fmt.Errorf("%s is not a folder", name)
		}
		return folder{filepath.Clean(u.Path)}, nil
	case u.Scheme == "s3" && u.Host != "":
		return openBucket(ctx, u.Host, strings.Trim(u.Path, "/"))
	}
	return nil, fmt.Errorf("%q is no store, want s3://BUCKET/PREFIX or file:///FOLDER", name)
}

// folder is a store in a folder.
type folder struct{ dir string }

func (f folder) place(key string) string { return "file://" + f.dir + "/" + key }

func (f folder) path(key string) string { return filepath.Join(f.dir, filepath.FromSlash(key)) }

func (f folder) list(ctx context.Context, prefix string, deep bool) iter.Seq2[object, error] {
	return func(yield func(object, error) bool) {
		begin := f.path(prefix)
		if prefix != "" && !strings.HasSuffix(prefix, "/") {
			begin = filepath.Dir(begin)
		}
		err := filepath.WalkDir(begin, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			} else if err != nil {
				return err
			}
			key, err := filepath.Rel(f.dir, path)
			if err != nil {
				return err
			}
			key = filepath.ToSlash(key)
			if d.IsDir() {
				if !deep && path != begin {
					return fs.SkipDir
				}
				return ctx.Err()
			}
			if !strings.HasPrefix(key, prefix) || strings.HasPrefix(d.Name(), atomicfile.Prefix) {
				return ctx.Err()
			}
			info, err := os.Stat(path)
			if err != nil || !info.Mode().IsRegular() {
				return err
			}
			if !yield(object{key, info.Size(), info.ModTime().Truncate(time.Second)}, nil) {
				return fs.SkipAll
			}
			return ctx.Err()
		})
		if err != nil {
			yield(object{}, err)
		}
	}
}

func (f folder) get(ctx context.Context, key, path string) error {
	in, err := paths.Open(f.path(key))
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return receive(ctx, in, object{key, info.Size(), info.ModTime()}, path)
}

func (f folder) put(ctx context.Context, path, key string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	to := f.path(key)
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return atomicfile.Stream(to, func(out *os.File) error { return copyContext(ctx, out, in) })
}

func (f folder) remove(_ context.Context, key string) error {
	if err := os.Remove(f.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
