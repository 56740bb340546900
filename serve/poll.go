package serve

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// poll looks for new versions of the models at an interval until ctx is done.
func (s *Server) poll(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, m := range s.models.models {
			if m.numbered {
				s.refresh(ctx, m)
			}
		}
	}
}

// refresh serves the newest version that can be opened. It tries a version that failed again only
// when its files have changed.
func (s *Server) refresh(ctx context.Context, m *model) {
	for _, n := range versionsIn(m.path) {
		if n == m.served() {
			return
		}
		mark := folderMark(filepath.Join(m.path, strconv.Itoa(n)))
		if m.triedBefore(n, mark) {
			continue
		}
		if err := m.swap(ctx, n, s.models.config); err != nil {
			m.note(n, mark)
			s.log.Error("a version cannot be opened; the one before is served", "model", m.name, "version", n, "error", err.Error())
			continue
		}
		s.log.Info("version", "model", m.name, "version", n)
		return
	}
}

// served returns the number of the served version.
func (m *model) served() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current.number
}

// triedBefore reports whether opening a version with these files has failed.
func (m *model) triedBefore(number int, mark string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed[number] != nil && m.marks[number] == mark
}

// note records the files of a version that failed to open.
func (m *model) note(number int, mark string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.marks[number] = mark
}

// folderMark returns a mark that changes when files in a folder change.
func folderMark(dir string) string {
	var marks []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				marks = append(marks, fmt.Sprint(path, info.Size(), info.ModTime().UnixNano()))
			}
		}
		return nil
	})
	slices.Sort(marks)
	return fmt.Sprint(marks)
}
