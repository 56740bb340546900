package result

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"oscar/explain"
	"oscar/internal/checksum"
	"oscar/internal/jsonerror"
	"oscar/internal/machine"
	"oscar/internal/paths"
)

// ManifestFile is the file of the manifest in a folder of explanations.
const ManifestFile = "manifest.jsonl"

// Row is a line of manifest.jsonl: an image, explained for one class by one method, at one layer or
// at the image.
type Row struct {
	Image  string `json:"image"` // path as the file was found
	SHA256 string `json:"sha256"`
	Truth  string `json:"truth,omitempty"` // the image's own class; "" if unknown
	// Labels are the image's labels if they are known, with several labels per image.
	Labels []string `json:"labels,omitempty"`
	Part   string   `json:"part,omitempty"` // part of the model's split: train, validation, test, or [NewImage]; "" if unknown
	Status string   `json:"status"`         // an explain.Status, or one of the constants below
	Reason string   `json:"reason"`         // the reason if the status is not ok
	// Decoder is not empty if Go does not support the image's format.
	Decoder string `json:"decoder,omitempty"`
	// Caution is the reason to doubt a map whose status is ok, from its facts.
	Caution       string             `json:"caution,omitempty"`
	Predicted     string             `json:"predicted"`
	Probabilities map[string]float32 `json:"probabilities"`
	Target        string             `json:"target"` // the explained class
	Score         *float32           `json:"score"`  // of the target; null if it is not finite
	Layer         string             `json:"layer"`
	Method        string             `json:"method"`
	Precision     machine.Precision  `json:"precision"` // the precision of the model
	Signed        bool               `json:"signed"`    // negative values are evidence against the target and are drawn
	RawMin        *float32           `json:"raw_min"`
	RawMax        *float32           `json:"raw_max"`
	// Scale is the value with the full color; null if there is nothing to draw.
	Scale *float32 `json:"scale"`
	// Base is the value with the lowest color, if it is not 0.
	Base *float32 `json:"base,omitempty"`
	// Facts are method-specific numbers; see the method's documentation.
	Facts   map[string]float64 `json:"facts,omitempty"`
	Map     string             `json:"map"`             // .npy, relative to the folder
	Overlay string             `json:"overlay"`         // .jpg, relative to the folder
	Sheet   string             `json:"sheet,omitempty"` // all methods side by side, .jpg, relative to the folder
}

// NewImage is the part of an image that is not in the model's split.
const NewImage = "new"

// Unseen reports whether the model was neither trained nor selected with the image. known is false
// if the part is unknown.
func (r Row) Unseen() (unseen, known bool) {
	return r.Part == "test" || r.Part == NewImage, r.Part != ""
}

// Statuses of rows in addition to those of maps.
const (
	Unreadable   = "unreadable"    // the file cannot be read as an image; there is no map
	UnknownClass = "unknown_class" // the true class was requested but is unknown; there is no map
	NotDrawn     = "not_drawn"     // there is a map, but no overlay
)

// Explained reports whether the model ran on the image.
func (r Row) Explained() bool { return r.Status != Unreadable && r.Status != UnknownClass }

// ReadManifest reads the rows of a folder of explanations.
func ReadManifest(dir string) ([]Row, error) {
	text, err := checksum.ReadFile(dir, ManifestFile)
	if err != nil {
		return nil, err
	}
	return ParseRows(filepath.Join(dir, ManifestFile), text)
}

// ParseRows parses the text of a manifest, or of a part of one, that was read from path. A row that
// names a file outside of the folder is an error.
func ParseRows(path string, text []byte) (rows []Row, err error) {
	for line := range bytes.Lines(text) {
		r, err := parseRow(line)
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, len(rows)+1, err)
		}
		for _, name := range r.Files() {
			if !filepath.IsLocal(name) {
				return nil, fmt.Errorf("%s: line %d names the file %q, which is not in the folder", path, len(rows)+1, name)
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// signedBefore are the methods with signed maps. It is used for older manifests, which lack the key
// "signed".
var signedBefore = []string{"gradient-x-input", "guidedbackprop", "guidedgradcam", "integrated-gradients", "lime", "lrp", "occlusion"}

func parseRow(line []byte) (Row, error) {
	var r struct {
		Row
		Signed *bool `json:"signed"`
	}
	if err := jsonerror.Plain(json.Unmarshal(line, &r)); err != nil {
		return Row{}, err
	}
	for _, name := range r.Files() {
		if err := paths.CheckLocal(name); err != nil {
			return Row{}, err
		}
	}
	r.Row.Signed = r.Signed != nil && *r.Signed
	if r.Signed == nil && r.Part == "" {
		r.Row.Signed = slices.Contains(signedBefore, r.Method)
	}
	return r.Row, nil
}

// EachImage reads a manifest of any length, image by image: the rows of an image
// are consecutive.
func EachImage(ctx context.Context, dir string, each func(rows []Row) error) error {
	if err := checksum.Check(dir, ManifestFile); err != nil {
		return err
	}
	path := filepath.Join(dir, ManifestFile)
	f, err := paths.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(paths.LimitLines(f), 1<<16)
	var rows []Row
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		end := err != nil
		if len(bytes.TrimSpace(line)) > 0 {
			r, err := parseRow(line)
			if err != nil {
				return fmt.Errorf("%s: line %d: %w", path, n, err)
			}
			if len(rows) > 0 && rows[0].Image != r.Image {
				if err := each(rows); err != nil {
					return err
				}
				rows = nil
			}
			rows = append(rows, r)
		}
		if end && len(rows) > 0 {
			return each(rows)
		}
		if err := ctx.Err(); end || err != nil {
			return err
		}
	}
}

// Title returns the predicted class and its probability, "glass 0.93".
func (r Row) Title() string {
	if p, ok := r.Probabilities[r.Predicted]; ok {
		return fmt.Sprintf("%s %.2f", r.Predicted, p)
	}
	return r.Predicted // the probability is not finite
}

// Ranked returns the n most probable classes. Equal ones are in the order of their names.
func (r Row) Ranked(n int) []Ranked {
	var list []Ranked
	for class, p := range r.Probabilities {
		list = append(list, Ranked{class, p})
	}
	slices.SortFunc(list, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), strings.Compare(a.Class, b.Class))
	})
	return list[:min(n, len(list))]
}

// Remark returns the reason why the map is not ok, or its caution, or "".
func (r Row) Remark() string {
	if r.Reason != "" {
		return r.Reason
	}
	return r.Caution
}

// Files returns the row's files, relative to the folder.
func (r Row) Files() []string {
	return slices.DeleteFunc([]string{r.Map, r.Overlay, r.Sheet}, func(name string) bool { return name == "" })
}

// At returns the method and its layer.
func (r Row) At() explain.MethodAt { return explain.MethodAt{Method: r.Method, Layer: r.Layer} }
