package dataset

import (
	"fmt"
	"strings"

	"oscar/internal/named"
)

// Columns are the names of a table's columns. "" selects the first usual name that the table has;
// see [UsualColumns].
type Columns struct {
	Path   string `json:"path,omitempty"`   // of an image
	Label  string `json:"label,omitempty"`  // its class
	Part   string `json:"part,omitempty"`   // train, validation or test
	Group  string `json:"group,omitempty"`  // images of a group stay in one part
	Weight string `json:"weight,omitempty"` // of an image in the training loss
	// Labels names, in place of Label, the columns for several labels per image: a column with lists,
	// 0/1 columns such as cat+dog, or AllColumns.
	Labels string `json:"labels,omitempty"`
}

// UsualColumns are the usual names of columns, case-insensitive, in order of
// preference. Path and label are required.
var UsualColumns = []struct {
	Role  string
	Names []string
}{
	{"path", []string{"path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "image_id", "id"}},
	{"label", []string{"label", "class", "target", "category", "class_name"}},
	{"part", []string{"part", "split", "subset"}},
	{"group", []string{"group", "group_id"}},
	{"weight", []string{"weight", "sample_weight"}},
}

// roles returns the fields in the order of UsualColumns.
func (c *Columns) roles() []*string {
	return []*string{&c.Path, &c.Label, &c.Part, &c.Group, &c.Weight}
}

// ParseColumns reads "path=file,label=breed".
func ParseColumns(s string) (c Columns, err error) {
	for field := range strings.SplitSeq(s, ",") {
		role, name, ok := strings.Cut(field, "=")
		if !ok || name == "" {
			return c, fmt.Errorf("columns %q are not of the form path=NAME,label=NAME", s)
		}
		if role == severalRole {
			c.Labels = name
			continue
		}
		known := []string{severalRole}
		for i, usual := range UsualColumns {
			known = append(known, usual.Role)
			if usual.Role == role {
				*c.roles()[i] = name
			}
		}
		if err := named.Check("column role", role, known); err != nil {
			return c, err
		}
	}
	return c, nil
}

// String returns the text that ParseColumns reads.
func (c Columns) String() string {
	var fields []string
	for i, name := range c.roles() {
		if *name != "" {
			fields = append(fields, UsualColumns[i].Role+"="+*name)
		}
	}
	if c.Labels != "" {
		fields = append(fields, severalRole+"="+c.Labels)
	}
	return strings.Join(fields, ",")
}

// severalRole is the role of Columns.Labels.
const severalRole = "labels"
