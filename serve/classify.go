package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"slices"
	"time"

	"oscar/explain"
	"oscar/internal/numeric"
	"oscar/methods"
	"oscar/pipeline"
)

// classifyBatch is the number of images per batch in the background.
const classifyBatch = 16

// classifyAll classifies the images of the collections with the first classifier, in the background.
// It waits while requests are queued.
func (s *Server) classifyAll(ctx context.Context) {
	if len(s.models.models) == 0 {
		return
	}
	for _, c := range s.collections {
		if !c.images {
			continue
		}
		for first := 0; first < len(c.entries) && ctx.Err() == nil; first += classifyBatch {
			for s.quick.length() > 0 && ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
			}
			if err := s.classifySome(ctx, c, first, min(first+classifyBatch, len(c.entries))); errors.Is(err, errFull) {
				first -= classifyBatch
				time.Sleep(100 * time.Millisecond)
			}
		}
		c.place()
	}
}

// maxFeatureBytes is the maximum size of a collection's features, in bytes.
const maxFeatureBytes = 256 << 20

// place computes positions of the collection's images from their features.
func (c *collection) place() {
	entries, _ := c.list()
	rows := make([][]float32, len(entries))
	for i, e := range entries {
		rows[i] = e.features
	}
	at := project(rows)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.entries {
		c.entries[i].X, c.entries[i].Y = at[i][0], at[i][1]
	}
}

// classifySome classifies entries of a collection.
func (s *Server) classifySome(ctx context.Context, c *collection, first, end int) error {
	v, release, err := s.models.models[0].acquire(0)
	if err != nil {
		return err
	}
	defer release()
	var photos []*image.RGBA
	var of []int
	notes, parts := map[int]string{}, map[int]string{}
	for i := first; i < end; i++ {
		data, photo, err := s.readPicture(ctx, c, c.entries[i].File)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			notes[i] = "unreadable"
			continue
		}
		photos, of = append(photos, photo), append(of, i)
		if len(s.parts) > 0 {
			sum := sha256.Sum256(data)
			parts[i] = s.parts[hex.EncodeToString(sum[:])]
		}
	}
	var answers []answer
	if len(photos) > 0 {
		images, err := pipeline.Input(&v.Metadata, photos...)
		if err != nil {
			return err
		}
		targets := slices.Repeat([]int{explain.Predicted}, images.N)
		if answers, err = s.ask(ctx, query{version: v, features: v.hasFeatures()}, images, targets); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, note := range notes {
		c.entries[i].Status = note
	}
	for k, i := range of {
		top := numeric.ArgMax(answers[k].Probabilities)
		c.entries[i].Predicted, c.entries[i].Probability = v.Metadata.Classes[top], answers[k].Probabilities[top]
		c.entries[i].Status, c.entries[i].Part = "classified", parts[i]
		if f := answers[k].features; f != nil {
			c.entries[i].Border = answers[k].border
			if (i+1)*len(f)*4 <= maxFeatureBytes {
				c.entries[i].features = f
			}
		}
	}
	if c.by != nil && c.by != v { // features of different versions cannot be compared
		for i := range c.entries[:first] {
			c.entries[i].features = nil
		}
	}
	c.by, c.done = v, end
	return nil
}

// hasFeatures reports whether a version has the gradients for computing features and heat.
func (v *version) hasFeatures() bool { return !slices.Contains(methods.Lacking(v.Bundle), "gradcam") }

// partsOf returns the part of each image of a run by its SHA-256. It returns nil for other models.
func partsOf(model string) map[string]string {
	run, err := pipeline.OpenRun(model)
	if err != nil {
		return nil
	}
	return run.Split.PartOf()
}
