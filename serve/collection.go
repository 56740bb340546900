package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"oscar/dataset"
	"oscar/internal/paths"
	"oscar/internal/text"
	"oscar/report"
	"oscar/result"
)

// collection is a folder to browse: images (--images) or results (--results). It reads only files
// below the folder.
type collection struct {
	name string // name in URLs
	dir  string
	root *os.Root

	images bool   // a folder of images, else of results
	kind   string // the verb that made the results
	note   string // why images are left out; "": none are

	mu      sync.Mutex
	entries []entry        // of the images, or the rows of a manifest
	by      *version       // that classified the images
	index   map[string]int // index of the entry of each picture path below the root
	done    int            // number of classified images
}

// entry is an image of a collection, or a row of a manifest.
type entry struct {
	File        string // path of the picture below the root, with slashes; "" if it cannot be read
	Name        string // name that pages show
	Picture     string // name of the picture in a view; "" if it cannot be opened
	Truth       string
	Predicted   string
	Probability float32 // probability of the predicted class
	Part        string
	Status      string
	Method      string
	Layer       string
	Target      string
	Map         string // path below the root
	Overlay     string
	Border      float64 // share of the heat at the border, 0 to 1; NaN: unknown
	X, Y        float64 // position by the features, 0 to 100; NaN: unknown
	features    []float32
	sha256      string
}

// unread is the status of an image that is not yet classified.
const unread = "not classified yet"

// Right reports whether the image is classified correctly. known is false if there is no class or no
// prediction.
func (e entry) Right() (right, known bool) {
	return e.Truth == e.Predicted, e.Truth != "" && e.Predicted != ""
}

// newCollections opens folders of images and of results. A folder of results may have sub-folders of
// results.
func newCollections(ctx context.Context, images, results, classes []string) (out []*collection, err error) {
	defer func() {
		if err != nil {
			closeAll(out)
		}
	}()
	for _, dir := range images {
		c, err := openCollection(dir)
		if err != nil {
			return out, err
		}
		c.images, c.name = true, uniqueName(filepath.Base(paths.Absolute(dir)), out)
		out = append(out, c)
		if err := c.listImages(ctx, classes); err != nil {
			return out, err
		}
	}
	for _, dir := range results {
		found, err := openResults(dir)
		if err != nil {
			return out, err
		}
		for _, c := range found {
			c.name = uniqueName(c.name, out)
			out = append(out, c)
		}
	}
	for _, c := range out {
		if !c.images {
			if err := c.readRows(); err != nil {
				return out, err
			}
			c.link(out)
		}
	}
	return out, nil
}

func closeAll(list []*collection) {
	for _, c := range list {
		c.root.Close()
	}
}

// openCollection opens a folder without reading its contents.
func openCollection(dir string) (*collection, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("cannot read folder %s: %w", dir, paths.TrimError(err))
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is a file, want a folder", dir)
	}
	root, err := os.OpenRoot(dir)
	return &collection{dir: dir, root: root, index: map[string]int{}}, err
}

// openResults opens a folder of results and its sub-folders of results.
func openResults(dir string) ([]*collection, error) {
	top, err := openCollection(dir)
	if err != nil {
		return nil, err
	}
	base := filepath.Base(paths.Absolute(dir))
	var out []*collection
	if top.kind, _ = report.KindOf(dir); top.kind != "" {
		top.name = base
		out = append(out, top)
	} else {
		defer top.root.Close()
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		closeAll(out)
		return nil, err
	}
	linked := ""
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		kind, _ := report.KindOf(path)
		if e.Type()&fs.ModeSymlink != 0 && kind != "" {
			linked = fmt.Sprintf("; %s is a link: name the folder that it leads to", path)
		}
		if !e.IsDir() || kind == "" {
			continue
		}
		root, err := top.root.OpenRoot(e.Name())
		if err != nil {
			continue
		}
		out = append(out, &collection{name: base + "." + e.Name(), dir: path, root: root, kind: kind, index: map[string]int{}})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no results to show; want a folder that oscar train, explain, score, explain-global, study, audit or compare made, or one with such folders%s", dir, linked)
	}
	return out, nil
}

// uniqueName returns a name for URLs that no other collection has.
func uniqueName(base string, others []*collection) string {
	name := base
	for n := 2; slices.ContainsFunc(others, func(c *collection) bool { return c.name == name }); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// listImages lists the images below the folder. An image's class is the name of its folder.
func (c *collection) listImages(ctx context.Context, classes []string) error {
	files, err := dataset.ListImages(ctx, []string{c.dir})
	if err != nil {
		return err
	}
	var outside []string
	for _, path := range files {
		name, err := filepath.Rel(c.dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if _, err := c.root.Stat(filepath.FromSlash(name)); err != nil {
			outside = append(outside, name) // a link that os.Root does not follow, or a file below it
			continue
		}
		e := entry{File: name, Name: name, Picture: name, Status: unread, Border: math.NaN(), X: math.NaN(), Y: math.NaN()}
		if class := result.ClassOf(path, classes); class >= 0 {
			e.Truth = classes[class]
		}
		c.index[name] = len(c.entries)
		c.entries = append(c.entries, e)
	}
	if len(outside) > 0 {
		c.note = fmt.Sprintf("%s of %s left out, the first is %s: links that are absolute or lead out of the folder are not followed; name the folder of the files themselves",
			text.Count(len(outside), "image"), c.dir, outside[0])
	}
	if len(c.entries) == 0 {
		return errors.New(c.note) // [dataset.ListImages] succeeds only with files
	}
	return nil
}

// manifestLimit is the maximum size of a manifest, in bytes.
const manifestLimit = 256 << 20

// readRows reads the manifest of a folder of explanations. It does nothing for other results.
func (c *collection) readRows() error {
	text, err := c.read(result.ManifestFile, manifestLimit)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: %w", c.dir, err)
	}
	rows, err := result.ParseRows(filepath.Join(c.dir, result.ManifestFile), text)
	if err != nil {
		return err
	}
	c.entries = c.entries[:0]
	for _, r := range rows {
		c.entries = append(c.entries, entry{
			Name: filepath.ToSlash(filepath.Join(filepath.Base(filepath.Dir(r.Image)), filepath.Base(r.Image))), File: r.Image,
			Truth: r.Truth, Predicted: r.Predicted, Probability: r.Probabilities[r.Predicted], Part: r.Part, Status: r.Status,
			Method: r.Method, Layer: r.Layer, Target: r.Target, Map: r.Map, Overlay: r.Overlay, sha256: r.SHA256,
			Border: math.NaN(), X: math.NaN(), Y: math.NaN(),
		})
	}
	return nil
}

// link finds the pictures of a manifest's rows in the folders of images. Other files are not opened.
func (c *collection) link(all []*collection) {
	for i := range c.entries {
		e := &c.entries[i]
		path := paths.Real(e.File)
		e.File = ""
		for _, other := range all {
			if !other.images {
				continue
			}
			name, err := filepath.Rel(paths.Real(other.dir), path)
			if err != nil {
				continue
			}
			if _, ok := other.index[filepath.ToSlash(name)]; ok {
				e.Picture = other.name + "/" + filepath.ToSlash(name)
				break
			}
		}
	}
}

// read reads a regular file below the folder, of at most limit bytes.
func (c *collection) read(name string, limit int64) ([]byte, error) {
	f, err := c.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, paths.TrimError(err))
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > limit:
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	var b bytes.Buffer
	_, err = io.Copy(&b, io.LimitReader(f, limit))
	return b.Bytes(), err
}

// list returns the current entries.
func (c *collection) list() (entries []entry, done int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.entries), c.done
}

// at returns an entry.
func (c *collection) at(i int) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i < 0 || i >= len(c.entries) {
		return entry{}, false
	}
	return c.entries[i], true
}

// values returns the sorted values of a field, without duplicates.
func values(entries []entry, of func(entry) string) []string {
	seen := map[string]bool{}
	var out []string
	for _, e := range entries {
		if v := of(e); v != "" && !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
