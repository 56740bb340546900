package result

import (
	"cmp"

	"oscar/global"
)

// GlobalFile is the file of global explanations in their folder.
const GlobalFile = "global.json"

// Global is global.json, the global explanations of a model. Results that were not
// requested are nil.
type Global struct {
	Format   int             `json:"format"` // 1
	Part     string          `json:"part"`   // part of the split of the images
	Settings Settings        `json:"settings"`
	Global   global.Settings `json:"global"`
	// AverageMethod is the method of the averaged maps. MapMethod is that of the clustered maps and of
	// the tree's features. They are "" without such maps. MapSigned reports whether negative values of
	// the clustered maps are evidence against the class.
	AverageMethod string                `json:"average_method,omitempty"`
	MapMethod     string                `json:"map_method,omitempty"`
	MapSigned     bool                  `json:"map_signed,omitempty"`
	Classes       []string              `json:"classes"` // the model's
	Images        int                   `json:"images"`  // number of images that were read
	Unreadable    int                   `json:"unreadable"`
	Averages      []global.ClassAverage `json:"averages,omitempty"`
	SpRAy         []global.ClassSpRAy   `json:"spray,omitempty"`
	Tree          *global.Surrogate     `json:"tree,omitempty"`
	TCAV          *global.Concepts      `json:"tcav,omitempty"`
}

// ReadGlobal reads the global explanations in a folder. Older files do not name the methods; then
// ReadGlobal sets the defaults, unless the settings name one.
func ReadGlobal(dir string) (*Global, error) {
	g := &Global{}
	if err := readJSON(dir, GlobalFile, g, &g.Format); err != nil {
		return nil, err
	}
	if g.Averages != nil {
		g.AverageMethod = cmp.Or(g.AverageMethod, g.Settings.Method, "gradcam")
	}
	if g.MapMethod == "" && (g.SpRAy != nil || g.Tree != nil) {
		g.MapMethod = cmp.Or(g.Settings.Method, "lrp")
		g.MapSigned = g.MapMethod == "lrp"
	}
	return g, nil
}
