package report

import (
	"path/filepath"
	"slices"
	"strings"

	"oscar/internal/paths"
	"oscar/report/page"
)

// chapter is what one folder gives to a page.
type chapter struct {
	dir     string
	page    page.Page      // of it alone, without what follows
	about   []page.Section // behind what all folders of a page found
	subject string         // "The training": heads the setup where there are several
	setup   []page.Block   // what was run, and with what
	notes   []string       // what went otherwise than one would expect
}

// join makes a page of chapters: the first one's, what the others found, then of
// all of them what was run and what is to be known. Where several are of a kind,
// the names of their folders tell their headings apart.
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
		p.Sections = append(p.Sections, named(c.page.Sections)...)
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

// folderNames names the chapters by their folders: by as much of the ends of the
// paths as tells them apart, and no more.
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
