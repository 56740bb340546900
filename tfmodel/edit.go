package tfmodel

import (
	"fmt"
	"slices"
	"strings"
)

// Without returns the architecture without the layers of those names or kinds,
// within blocks too. A word that matches nothing is an error.
func (a Architecture) Without(words ...string) (Architecture, error) {
	out := a
	for _, word := range words {
		found := false
		out.Layers = rewrite(out.Layers, "", func(name string, l Named) []Named {
			if name == word || l.Layer.Kind() == word {
				found = true
				return nil
			}
			return []Named{l}
		})
		if !found {
			return a, a.unknown(out.Layers, word)
		}
	}
	return out, nil
}

// Replace returns the architecture with another layer under that name.
func (a Architecture) Replace(name string, l Layer) (Architecture, error) {
	return a.edit(name, func(old Named) []Named { return []Named{{old.Name, l}} })
}

// InsertBefore returns the architecture with layers added before that one. If
// it lies within a block, so do they.
func (a Architecture) InsertBefore(name string, layers ...Named) (Architecture, error) {
	return a.edit(name, func(l Named) []Named { return append(slices.Clone(layers), l) })
}

// InsertAfter returns the architecture with layers added after that one. If it
// lies within a block, so do they.
func (a Architecture) InsertAfter(name string, layers ...Named) (Architecture, error) {
	return a.edit(name, func(l Named) []Named { return append([]Named{l}, layers...) })
}

// edit returns the architecture with what change makes of one layer.
func (a Architecture) edit(name string, change func(Named) []Named) (Architecture, error) {
	found := false
	layers := rewrite(a.Layers, "", func(at string, l Named) []Named {
		if at != name {
			return []Named{l}
		}
		found = true
		return change(l)
	})
	if !found {
		return a, a.unknown(a.Layers, name)
	}
	a.Layers = layers
	return a, nil
}

// rewrite returns layers with each, those within a block before the block,
// replaced by what change makes of it.
func rewrite(layers []Named, prefix string, change func(name string, l Named) []Named) (out []Named) {
	for _, l := range layers {
		name := prefix + l.Name
		if block, ok := l.Layer.(*Residual); ok {
			l.Layer = &Residual{
				Body:     rewrite(block.Body, name+"/", change),
				Shortcut: rewrite(block.Shortcut, name+"/", change),
			}
		}
		out = append(out, change(name, l)...)
	}
	return out
}

// unknown says that there is no layer of that name, and which there are. If
// the name begins as one within a block does, those are the block's.
func (a Architecture) unknown(layers []Named, name string) error {
	prefix := ""
	for descended := true; descended; {
		descended = false
		for _, l := range layers {
			if block, ok := l.Layer.(*Residual); ok && strings.HasPrefix(name, prefix+l.Name+"/") {
				layers, prefix, descended = slices.Concat(block.Body, block.Shortcut), prefix+l.Name+"/", true
				break
			}
		}
	}
	names := make([]string, len(layers))
	for i, l := range layers {
		names[i] = prefix + l.Name
	}
	return fmt.Errorf("no layer %q in %s; have %s", name, a.Name, strings.Join(names, ", "))
}
