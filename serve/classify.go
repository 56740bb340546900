package serve

import (
	"context"
	"errors"
	"image"
	"time"

	"oscar/internal/numeric"
	"oscar/pipeline"
)

// classifyBatch is how many images are classified at a time in the background.
const classifyBatch = 16

// classifyAll classifies the images of the collections in the background, by the
// first model. Requests go first: it waits while the queue is not empty.
func (s *Server) classifyAll(ctx context.Context) {
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
	notes := map[int]string{}
	for i := first; i < end; i++ {
		photo, err := s.decode(ctx, c, c.entries[i].File)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			notes[i] = "unreadable"
			continue
		}
		photos, of = append(photos, photo), append(of, i)
	}
	var answers []answer
	if len(photos) > 0 {
		images, err := pipeline.Input(&v.Metadata, photos...)
		if err != nil {
			return err
		}
		if answers, err = s.ask(ctx, query{version: v}, images, make([]int, images.N)); err != nil {
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
		c.entries[i].Status = "classified"
	}
	c.done = end
	return nil
}
