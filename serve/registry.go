package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/savedmodel"
)

// registry has the served models, in the order of the command line.
type registry struct {
	models    []*model // classifiers
	detectors []*detector
	config    pipeline.Config
}

// model is a name that serves one version at a time.
type model struct {
	name     string
	path     string
	numbered bool // the path has a folder for each version: 1, 2 ...

	mu      sync.Mutex
	current *version
	failed  map[int]error  // versions that could not be opened
	marks   map[int]string // marks of their files when they failed
}

// version is an opened model. When another version has replaced it and no request uses it, it is
// closed.
type version struct {
	*savedmodel.Bundle
	name    string // of the model
	number  int
	dir     string
	users   int  // guarded by the model's mutex, as is retired
	retired bool // replaced by another version
}

// errNotFound is the error for an unknown model or version.
var errNotFound = errors.New("not found")

// notFound is an error that is [errNotFound], with a text of its own.
type notFound struct{ error }

func (e notFound) Unwrap() error        { return e.error }
func (e notFound) Is(target error) bool { return target == errNotFound }

// newRegistry opens the models, given as PATH or NAME=PATH.
func newRegistry(o Options) (*registry, error) {
	if len(o.Models) == 0 {
		return nil, errors.New("no model to serve")
	}
	r := &registry{config: pipeline.Config{Threads: o.Threads, Precision: o.Precision, Trust: o.Trust}}
	others, detectors, err := openDetectors(o)
	if err != nil {
		return nil, err
	}
	r.detectors = detectors
	for _, text := range others {
		m := newModel(text)
		if err := checkName(m.name); err != nil {
			r.close()
			return nil, err
		}
		if other := r.pathOf(m.name); other != "" {
			r.close()
			return nil, sameNameError(other, m)
		}
		r.models = append(r.models, m)
		if err := m.open(r.config); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

// sameNameError is the error for two models with one name.
func sameNameError(other string, m *model) error {
	return fmt.Errorf("%s and %s are both called %s; name one of them: NAME=%s", other, m.path, m.name, m.path)
}

// pathOf returns the path of the model of that name, or "" if there is none.
func (r *registry) pathOf(name string) string {
	if m := r.find(name); m != nil {
		return m.path
	}
	if d := findDetector(r.detectors, name); d != nil {
		return d.path
	}
	return ""
}

// newModel reads PATH or NAME=PATH. If the whole text is an existing path, it is not split.
func newModel(text string) *model {
	m := &model{path: strings.TrimSuffix(text, "/"), failed: map[int]error{}, marks: map[int]string{}}
	if name, path, ok := strings.Cut(text, "="); ok && !paths.Exists(text) {
		m.name, m.path = name, strings.TrimSuffix(path, "/")
	} else {
		m.name = filepath.Base(paths.Absolute(m.path))
	}
	m.numbered = len(versionsIn(m.path)) > 0
	return m
}

// checkName returns an error for a name that a TensorFlow Serving URL cannot contain.
func checkName(name string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return !(r == '-' || r == '_' || r == '.' || r == '+' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) || strings.Trim(name, ".") == "" {
		return fmt.Errorf("a model cannot be called %q: want letters, digits and . _ + -; name it: NAME=MODEL", name)
	}
	return nil
}

// versionsIn returns the numbered folders with a SavedModel, the largest first. It returns nil for a
// folder that is itself a model.
func versionsIn(path string) []int {
	if paths.Exists(filepath.Join(path, "saved_model.pb")) {
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil
	}
	var out []int
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err == nil && n > 0 && strconv.Itoa(n) == e.Name() && paths.Exists(filepath.Join(path, e.Name(), "saved_model.pb")) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b int) int { return cmp.Compare(b, a) })
	return out
}

// open opens the model's newest version that can be opened.
func (m *model) open(config pipeline.Config) error {
	if !m.numbered {
		bundle, err := pipeline.Open(m.path, config)
		if err != nil {
			return err
		}
		m.current = &version{Bundle: bundle, name: m.name, number: 1, dir: m.path}
		return m.current.warmUp(context.Background())
	}
	var first error
	for _, n := range versionsIn(m.path) {
		err := m.swap(context.Background(), n, config)
		if err == nil {
			return nil
		}
		first = cmp.Or(first, err)
	}
	return cmp.Or(first, fmt.Errorf("%s has no version of a model", m.path))
}

// swap opens a version and serves it in place of the current one. Current requests still finish.
func (m *model) swap(ctx context.Context, number int, config pipeline.Config) error {
	dir := filepath.Join(m.path, strconv.Itoa(number))
	bundle, err := pipeline.Open(dir, config)
	next := &version{Bundle: bundle, name: m.name, number: number, dir: dir}
	if err == nil {
		if err = next.warmUp(ctx); err != nil {
			bundle.Close()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.failed[number] = err
		return err
	}
	clear(m.failed)
	before := m.current
	m.current = next
	if before != nil {
		before.retired = true
		before.closeIfUnused()
	}
	return nil
}

// closeIfUnused closes a replaced version that no request uses.
func (v *version) closeIfUnused() {
	if v.retired && v.users == 0 {
		v.Close()
	}
}

// acquire returns the served version. If number is not 0, it must be its number. The caller must
// call release after use.
func (m *model) acquire(number int) (v *version, release func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil || number != 0 && number != m.current.number {
		return nil, nil, notFound{fmt.Errorf("model %s has no version %d", m.name, number)}
	}
	v = m.current
	v.users++
	return v, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		v.users--
		v.closeIfUnused()
	}, nil
}

// find returns the model of that name, or nil if there is none.
func (r *registry) find(name string) *model {
	for _, m := range r.models {
		if m.name == name {
			return m
		}
	}
	return nil
}

// lookup returns the model of that name. If there is none, the error lists the models.
func (r *registry) lookup(name string) (*model, error) {
	if m := r.find(name); m != nil {
		return m, nil
	}
	if name == "" {
		return nil, notFound{fmt.Errorf("the address names no model; want /v1/models/NAME, have %s", strings.Join(r.names(), ", "))}
	}
	return nil, notFound{fmt.Errorf("no model %q; have %s", name, strings.Join(r.names(), ", "))}
}

func (r *registry) names() []string {
	var out []string
	for _, m := range r.models {
		out = append(out, m.name)
	}
	for _, d := range r.detectors {
		out = append(out, d.name)
	}
	return out
}

// first returns the name of the first classifier. Without classifiers it is the first detector's.
func (r *registry) first() string { return r.names()[0] }

// classes returns the classes of the first model.
func (r *registry) classes() []string {
	if len(r.models) > 0 {
		return r.models[0].current.Metadata.Classes
	}
	return r.detectors[0].Classes
}

// close closes all models. No request may be active.
func (r *registry) close() {
	closeDetectors(r.detectors)
	for _, m := range r.models {
		if m.current != nil {
			m.current.Close()
		}
	}
}
