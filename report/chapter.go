package report

import (
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/paths"
	"oscar/report/page"
)

// chapter is the part of a page that comes from one folder.
type chapter struct {
	dir     string
	page    page.Page      // page of this folder
	about   []page.Section // sections after the results of all folders
	subject string         // heading of the setup if there are several chapters: "The training"
	setup   []page.Block   // settings and commands
	notes   []string       // deviations and warnings
}

// join makes a page of chapters: first the results of each, then the settings, then the notes. If
// several chapters have the same kind, their headings have the names of the folders.
func join(chapters []chapter) page.Page {
	p := chapters[0].page
	p.Sections = nil
	run := page.Section{Title: "What was run"}
	var about []page.Section
	var notes []string
	names := folderNames(chapters)
	for i, c := range chapters {
		alike := 0
		for _, other := range chapters {
			if other.subject == c.subject {
				alike++
			}
		}
		named := func(list []page.Section) []page.Section {
			if alike == 1 {
				return list
			}
			list = slices.Clone(list)
			for k := range list {
				list[k].Title += ": " + names[i]
			}
			return list
		}
		sections := named(c.page.Sections)
		if i > 0 && len(sections) > 0 { // only the first chapter's lead is the page's lead
			sections = slices.Clone(sections)
			sections[0].Blocks = append([]page.Block{page.Text(c.page.Lead)}, sections[0].Blocks...)
		}
		p.Sections = append(p.Sections, sections...)
		about = append(about, named(c.about)...)
		blocks := c.setup
		if len(chapters) > 1 {
			title := c.subject
			if i > 0 || alike > 1 {
				title += ": " + names[i]
			}
			blocks = []page.Block{page.Sub{Title: title, Blocks: c.setup}}
		}
		run.Blocks = append(run.Blocks, blocks...)
		for _, text := range c.notes {
			if alike > 1 {
				text = names[i] + ": " + text
			}
			notes = append(notes, text)
		}
	}
	p.Sections = append(append(p.Sections, about...), run)
	if len(notes) > 0 {
		p.Sections = append(p.Sections, page.Section{Title: "Notes", Blocks: []page.Block{page.Capped(notes, 60)}})
	}
	return p
}

// folderNames names each chapter by the shortest unique end of its folder's path.
func folderNames(chapters []chapter) []string {
	names := make([]string, len(chapters))
	for i, c := range chapters {
		parts := strings.Split(strings.Trim(filepath.ToSlash(paths.Absolute(c.dir)), "/"), "/")
		for n := 1; n <= len(parts); n++ {
			names[i] = strings.Join(parts[len(parts)-n:], "/")
			shared := func(other chapter) bool {
				return paths.Absolute(other.dir) != paths.Absolute(c.dir) && strings.HasSuffix("/"+filepath.ToSlash(paths.Absolute(other.dir)), "/"+names[i])
			}
			if !slices.ContainsFunc(chapters, shared) {
				break
			}
		}
	}
	return names
}
