package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"syscall"
	"time"

	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/pipeline"
	"oscar/result"
	"oscar/store"
)

// Options are the options of [Run].
type Options struct {
	Machine  pipeline.Machine
	Listener pipeline.Listener
	Scratch  string // folder for copies of a store's files; "": the one for temporary files
}

// Run processes units, which are lines of r, and writes the outcome of each to w immediately. A
// failed unit has an outcome, too; Run continues with the next one and returns the number of failed
// units. The model of a unit stays open for the next.
func Run(ctx context.Context, r io.Reader, w io.Writer, o Options) (failed int, err error) {
	s := &session{options: o}
	defer s.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for line, err := range lines(ctx, r) {
		if err != nil {
			return failed, err
		}
		began := time.Now()
		u, err := result.ParseUnit(line)
		outcome := result.Outcome{}
		if err == nil {
			outcome, err = s.do(ctx, u)
		}
		if ctx.Err() != nil {
			return failed, pipeline.ErrInterrupted // the unit has no outcome
		}
		outcome.Format, outcome.ID, outcome.OK = result.UnitFormat, u.ID, err == nil
		outcome.Seconds = time.Since(began).Seconds()
		if err != nil {
			failed++
			outcome.Error, outcome.Retry = err.Error(), retry(err)
		}
		text, err := json.Marshal(outcome)
		if err != nil {
			return failed, err
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return failed, err
		}
	}
	return failed, nil
}

// lines yields the lines of r until ctx ends. A read of r may still be blocked then.
func lines(ctx context.Context, r io.Reader) iter.Seq2[[]byte, error] {
	type read struct {
		line []byte
		err  error
	}
	found := make(chan read)
	go func() {
		defer close(found)
		for line, err := range result.Lines(r) {
			select {
			case found <- read{bytes.Clone(line), err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func(yield func([]byte, error) bool) {
		for {
			select {
			case now, ok := <-found:
				if !ok {
					return
				}
				if now.err != nil {
					now.err = fmt.Errorf("units on standard input: %w", now.err)
				}
				if !yield(now.line, now.err) {
					return
				}
			case <-ctx.Done():
				yield(nil, pipeline.ErrInterrupted)
				return
			}
		}
	}
}

// session is the job whose model is open.
type session struct {
	options Options
	from    string
	verb    string
	out     string // absolute path
	model   string // absolute path
	worker  pipeline.UnitWorker
	copy    *store.Copy // for a job in a store, else nil
}

// do processes a unit. It changes to the folder that the unit's paths are relative to.
func (s *session) do(ctx context.Context, u result.Unit) (result.Outcome, error) {
	v, err := lookup(u.Verb)
	if err != nil {
		return result.Outcome{}, err
	}
	if paths.IsStore(u.From) {
		return s.doStored(ctx, v, u)
	}
	if err := enter(u.From); err != nil {
		return result.Outcome{}, err
	}
	if !s.has(v, u) {
		s.close()
		if err := s.open(ctx, v, u); err != nil {
			return result.Outcome{}, err
		}
	}
	return s.worker.Do(ctx, u)
}

// has reports whether the model of a unit is open.
func (s *session) has(v verb, u result.Unit) bool {
	return s.worker != nil && s.from == u.From && s.verb == v.name && s.out == paths.Absolute(u.Out) && s.model == paths.Absolute(u.Model)
}

// open opens the model of a unit.
func (s *session) open(ctx context.Context, v verb, u result.Unit) (err error) {
	s.worker, err = v.open(ctx, u, s.options.Machine, s.options.Listener)
	s.from, s.verb, s.out, s.model = u.From, v.name, paths.Absolute(u.Out), paths.Absolute(u.Model)
	return err
}

func (s *session) close() {
	if s.worker != nil {
		s.worker.Close()
		s.worker = nil
	}
	if s.copy != nil {
		s.copy.Close()
		s.copy = nil
	}
}

// passing are system errors that may be temporary.
var passing = []error{
	store.ErrUnavailable, atomicfile.ErrInUse, syscall.EIO, syscall.ESTALE, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE,
	syscall.EAGAIN, syscall.ETIMEDOUT, syscall.ENOTCONN, os.ErrNotExist, syscall.ENOTDIR,
}

// retry reports whether a failed unit can succeed later or on another machine, because the system
// failed, not the unit. A missing file counts, because a shared folder may not be mounted yet.
func retry(err error) bool {
	for _, p := range passing {
		if errors.Is(err, p) {
			return true
		}
	}
	return paths.IsNoSpace(err)
}
